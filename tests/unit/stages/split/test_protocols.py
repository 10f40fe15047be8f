"""SPLITS against plain loops, shares by hand, and families that never straddle."""

import datetime
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest

from patent_spark import cli
from patent_spark.config import load_config
from patent_spark.core.patent_ids import patent_keys
from patent_spark.core.store import Store
from tests.support.factories import publish, table_of
from tests.support.ingested_tables import run
from tests.support.labels_pandas import read
from tests.support.messages import line_with
from tests.support.splits_loops import draw, families_of_store, interim_of_store, splits_of_store

LEVELS = ["top1", "top10", "btm90", "zerocite", None]


def random_labels(patents=3000, seed=5):
    """Rows of LABELS and ABSTRACTS: skewed classes, grants of 1998 to 2016, families."""
    random = np.random.default_rng(seed)
    labels, abstracts = [], []
    first_day = datetime.date(1998, 1, 1)
    for i in range(patents):
        id_ = f"{random.choice(['', '', 'D', 'RE'])}{100_000 + i}"
        name = f"C{min(int(random.exponential(6)), 40):02d}" if random.random() < 0.9 else None
        day = first_day + datetime.timedelta(days=int(random.integers(0, 19 * 365)))
        level = LEVELS[random.choice(5, p=[0.02, 0.1, 0.4, 0.28, 0.2])] if name else None
        labels.append({"patent_id": id_, "grant_date": day, "cpc_class": name, "citation_level": level})
        text = (
            random.choice(["Some", "some ", "SOME\n", "s\u00a0ome\t"])
            + f" text  {int(random.exponential(700))}"
        )
        abstracts.append(
            {"patent_id": id_, "abstract": str(random.choice([text, text, text, "", " \n", f"own {i}"]))}
        )
    return labels, [row for row in abstracts if random.random() < 0.9]


def random_relatives(labels, seed=8):
    """Rows of RELATED_DOCUMENTS: continuations of patents and of shared applications, and publications."""
    random, rows = np.random.default_rng(seed), []
    for row in labels:
        parent = random.choice(labels)["patent_id"]
        relation, kind, number, key = [
            ("continuation", "parent-grant", parent, patent_keys(pa.array([parent]))[0].as_py()),
            ("division", "parent", f"14{int(random.integers(1, 900)):06}", None),
            ("related-publication", None, "20040123456", None),
        ][random.integers(3)]
        rows.append(
            {
                "patent_id": row["patent_id"],
                "relation": relation,
                "related_kind": kind,
                "related_number": number,
                "related_key": key,
            }
        )
    return [row for row in rows if random.random() < 0.15]


def labelled(root, labels, abstracts=(), relatives=(), shuffle=None, interim=None, follow_ups=()):
    """A warehouse with LABELS, ABSTRACTS and RELATED_DOCUMENTS, and INTERIM_LEVELS if there are any."""
    store = Store(root)
    order = (
        np.random.default_rng(shuffle).permutation(len(labels))
        if shuffle is not None
        else np.arange(len(labels))
    )
    patents = [{"patent_id": row["patent_id"]} for row in labels]
    publish(store, "ingest", {"PATENTS": patents, "ABSTRACTS": abstracts, "RELATED_DOCUMENTS": relatives})
    tables = {"LABELS": table_of("LABELS", labels).take(pa.array(order))}
    if interim is None:
        publish(store, "label", tables)
    else:
        publish(
            store,
            "label",
            tables | {"INTERIM_LEVELS": table_of("INTERIM_LEVELS", interim)},
            {"follow_up_months": list(follow_ups)},
        )
    return store


def splits_in(store):
    rows = read(store.directory("SPLITS")).to_dict("records")
    actual = {(row["patent_id"], row["task"]): row["split"] for row in rows}
    assert len(actual) == len(rows)
    return actual


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    labels, abstracts = random_labels()
    return labelled(tmp_path_factory.mktemp("labelled"), labels, abstracts, random_relatives(labels))


SETTINGS = [
    [],
    ["split.group_by_family=false", "split.embargo=false", "split.seed=2"],
    [
        "split.sample=0.4",
        "split.test=0.3",
        "split.development=0",
        "citation_level.protocol=stratified",
        "technology.protocol=temporal",
    ],
    [
        "split.sample=0.15",
        "split.test=0.02",
        "split.development=0",
        "split.group_by_family=false",
        "split.embargo=false",
        "tasks=technology",
    ],
    [
        "split.train_until=2004",
        "split.test_years=[2012, 2006]",
        "technology.protocol=temporal",
        "label.horizon_months=12",
        "split.seed=9",
    ],
    ["tasks=joint", "technology.max_tokens=200"],
    [
        "tasks=joint",
        "technology.max_tokens=200",
        "split.group_by_family=false",
        "split.sample=0.6",
        "split.development=0.3",
    ],
]


@pytest.mark.engine
@pytest.mark.parametrize("sets", SETTINGS, ids=lambda sets: " ".join(sets) or "default")
def test_splits_equal_loops_row_for_row(store, session, engine, sets):
    metadata = run(store, "split", engine, *sets).metadata
    config = load_config(sets=sets)[0]
    actual, expected = splits_in(store), splits_of_store(store, config)
    assert actual == expected
    sizes = Counter((task, split) for (_, task), split in expected.items())
    assert metadata["splits"] == {
        task: {name: n for (of, name), n in sizes.items() if of == task} for task in config.task_names
    }


EARLY_SETTINGS = [
    ["label.follow_up_months=[12, 24, 36, 48]"],
    [
        "label.follow_up_months=[6, 18]",
        "split.train_until=2009",
        "split.test_years=[2013, 2011]",
        "split.seed=4",
    ],
    [
        "label.follow_up_months=[24, 40]",
        "label.horizon_months=62",
        "split.group_by_family=false",
        "tasks=citation_level",
    ],
]


@pytest.mark.engine
@pytest.mark.parametrize("sets", EARLY_SETTINGS, ids=lambda sets: " ".join(sets))
def test_interim_levels_train_where_they_were_known_for_the_whole_year(tmp_path, session, engine, sets):
    sets = [*sets, "split.interim_levels=true"]
    config, _ = load_config(sets=sets)
    labels, abstracts = random_labels()
    random, follow_ups = np.random.default_rng(1), config.label.follow_up_months
    known = [
        {name: row[name] for name in ("patent_id", "grant_date", "cpc_class")}
        for row in labels
        if row["cpc_class"]
    ]
    interim = [
        row | {"follow_up_months": months, "citation_level": random.choice(LEVELS[:4])}
        for row in known
        for months in follow_ups
    ]
    store = labelled(
        tmp_path, labels, abstracts, random_relatives(labels), interim=interim, follow_ups=follow_ups
    )
    metadata = run(store, "split", engine, *sets).metadata
    expected = splits_of_store(store, config)
    assert splits_in(store) == expected
    families = families_of_store(store)
    whole = {id_: split for (id_, task), split in expected.items() if task == "citation_level"}
    rows = read(store.directory("SPLITS")).to_dict("records")
    actual = {row["patent_id"]: row["follow_up_months"] for row in rows if row["task"] == "citation_level"}
    months = interim_of_store(
        store,
        config,
        {id_: split for id_, split in whole.items() if actual[id_] == config.label.horizon_months},
        families,
    )
    assert actual == dict.fromkeys(whole, config.label.horizon_months) | months
    assert metadata["on_interim_levels"] == {
        str(each): n for each in follow_ups if (n := list(months.values()).count(each))
    }
    assert len(months) > 50 and {whole[id_] for id_ in months} == {"train"}
    assert all(np.isnan(row["follow_up_months"]) for row in rows if row["task"] == "technology")


def test_interim_levels_of_other_follow_up_windows_are_an_error(tmp_path, capsys):
    store = labelled(tmp_path, *random_labels(50), interim=[], follow_ups=[12])
    sets = ("label.follow_up_months=[12, 24]", "split.interim_levels=true", f"warehouse.root={store.root}")
    assert cli.main(["split", *(part for setting in sets for part in ("--set", setting))]) == cli.BAD_DATA
    facts = ("INTERIM_LEVELS", "label.follow_up_months", "[12]", "[12, 24]", "`patent-spark label`")
    line_with(capsys.readouterr().err, *facts)


@pytest.mark.engine
def test_what_one_task_tests_the_other_does_not_learn_in_a_joint_model(store, session, engine):
    run(store, "split", engine, "tasks=both", "split.embargo=false")
    apart = splits_in(store)
    run(store, "split", engine, "tasks=joint", "technology.max_tokens=200", "split.embargo=false")
    together = splits_in(store)
    family_of = families_of_store(store)

    def straddling(splits):
        sides = defaultdict(set)
        for (id_, _), split in splits.items():
            sides[family_of.get(id_, id_)].add("test" if split.startswith("test") else split)
        return sum(len(each) > 1 for each in sides.values())

    assert straddling(apart) > 100
    assert straddling(together) == 0
    tests = [
        {place: split for place, split in splits.items() if split.startswith("test")}
        for splits in (apart, together)
    ]
    assert tests[0] == tests[1]
    assert {split for (_, task), split in together.items() if task == "citation_level"} >= {
        "train",
        "development",
        "test_2011",
    }


@pytest.mark.engine
def test_the_seeded_order_is_that_of_xxhash64(session):
    """The engine's hash must stay what it is, or every split changes."""
    from pyspark.sql import functions as F

    keys = [1, 7, 3930271, 433026000000000000]
    frame = session.createDataFrame([(key,) for key in keys], "key bigint").select(
        "key", F.xxhash64(F.lit(3).cast("bigint"), "key").alias("draw")
    )
    assert {row["key"]: row["draw"] for row in frame.collect()} == {key: draw(3, key) for key in keys}
    assert draw(3, 1) == -7795121096642031011


@pytest.mark.engine
def test_order_and_partitions_change_nothing_but_the_seed_does(session, engine, tmp_path):
    labels, abstracts = random_labels(600)
    relatives = random_relatives(labels)
    one, other = (
        labelled(tmp_path / name, labels, abstracts, relatives, shuffle=seed)
        for name, seed in (("one", None), ("other", 1))
    )
    run(one, "split", engine)
    run(other, "split", engine.__class__(name=engine.name, shuffle_partitions=7))
    assert splits_in(one) == splits_in(other)
    run(other, "split", engine, "split.seed=2")
    technology = [
        {id_ for (id_, task), split in splits_in(each).items() if (task, split) == ("technology", "test")}
        for each in (one, other)
    ]
    assert technology[0] != technology[1] and len(technology[0] & technology[1]) < len(technology[0]) / 2


def plain(class_, n, first):
    return [
        {"patent_id": str(first + i), "grant_date": datetime.date(2000, 1, 4), "cpc_class": class_}
        for i in range(n)
    ]


@pytest.mark.engine
def test_shares_by_hand(session, engine, tmp_path):
    """Halves are rounded up, small classes train before they test, sizes are exact without families."""
    sizes = {"A01": 1, "A21": 2, "A22": 4, "A23": 5, "A24": 10, "B01": 15, "B02": 1000}
    rows = [row for i, (name, n) in enumerate(sizes.items()) for row in plain(name, n, 10_000 * (i + 1))]
    store = labelled(tmp_path, rows)
    class_of = {row["patent_id"]: row["cpc_class"] for row in rows}

    def actual(*sets):
        run(store, "split", engine, "tasks=technology", *sets)
        by_class = defaultdict(Counter)
        for (id_, _), split in splits_in(store).items():
            by_class[class_of[id_]][split] += 1
        return {name: dict(counts) for name, counts in by_class.items()}

    assert actual() == {
        "A01": {"train": 1},  # round(0.1) = 0, round(0.2) = 0
        "A21": {"train": 2},
        "A22": {"development": 1, "train": 3},  # round(0.4) = 0, round(0.8) = 1
        "A23": {"test": 1, "train": 4},  # round(0.5) = 1, round(1.0) = 1
        "A24": {"test": 1, "development": 1, "train": 8},
        "B01": {"test": 2, "development": 1, "train": 12},  # round(1.5) = 2, round(3.0) = 3
        "B02": {"test": 100, "development": 100, "train": 800},
    }
    assert actual("split.sample=0.15", "split.test=0.02", "split.development=0") == {
        "A01": {"large_test": 1},
        "A21": {"large_test": 2},
        "A22": {"train": 1, "large_test": 3},  # round(0.6) = 1
        "A23": {"train": 1, "large_test": 4},
        "A24": {"train": 2, "large_test": 8},  # round(1.5) = 2
        "B01": {"train": 2, "large_test": 13},  # round(2.25) = 2
        "B02": {"train": 147, "test": 3, "large_test": 850},
    }


def test_the_papers_sizes():
    """Its 6,779,660 examples in 125 classes, by the rule of the loops, without a patent being made."""
    random = np.random.default_rng(0)
    classes = random.multinomial(6_779_660, random.dirichlet(np.full(125, 0.5)))
    used = [int(n * 0.15 + 0.5) for n in classes]
    test = [int(s * 0.02 + 0.5) for s in used]
    sizes = (sum(used) - sum(test), sum(test), 6_779_660 - sum(used))
    assert sizes == pytest.approx((996_609, 20_339, 5_762_712), abs=40)


@pytest.mark.engine
def test_the_days_of_the_temporal_protocol(session, engine, tmp_path):
    days = {
        "1": ("2005-12-31", "train"),  # its window closes on 31 December 2010, before the first test day
        "2": ("2006-01-01", None),  # closes on the first test day: embargo
        "3": ("2010-12-31", None),
        "4": ("2011-01-01", "test_2011"),
        "5": ("2015-12-31", "test_2015"),
        "6": ("2016-01-01", None),
        "D7": ("1976-01-06", "train"),
    }
    rows = [
        {
            "patent_id": id_,
            "grant_date": datetime.date.fromisoformat(day),
            "cpc_class": "H04",
            "citation_level": "btm90",
        }
        for id_, (day, _) in days.items()
    ]
    store = labelled(tmp_path, rows)

    def actual(*sets):
        run(store, "split", engine, "split.development=0", "technology.protocol=temporal", *sets)
        return {
            (id_, task): split for (id_, task), split in splits_in(store).items() if id_ not in ("4", "5")
        }

    levels = {(id_, "citation_level"): "train" for id_ in ("1", "D7")}
    classes = {
        (id_, "technology"): "train" for id_ in ("1", "2", "3", "D7")
    }  # a class is known on the day of the grant
    assert actual() == levels | classes
    assert actual("split.embargo=false") == {
        (id_, task): "train" for id_ in ("1", "2", "3", "D7") for task in ("technology", "citation_level")
    }
    assert (
        splits_in(store)["4", "citation_level"] == "test_2011"
        and splits_in(store)["5", "technology"] == "test_2015"
    )


@pytest.mark.engine
@pytest.mark.parametrize("protocol", ["stratified", "temporal"])
def test_families_never_straddle(session, engine, tmp_path, protocol):
    labels, abstracts = random_labels(1500, seed=11)
    store = labelled(tmp_path, labels, abstracts)
    sets = [f"technology.protocol={protocol}", "tasks=technology", "split.sample=0.6", "split.embargo=false"]
    text_of = {row["patent_id"]: "".join(row["abstract"].split()).lower() for row in abstracts}

    def straddling(*more):
        run(store, "split", engine, *sets, *more)
        sides = defaultdict(set)
        for (id_, _), split in splits_in(store).items():
            if text_of.get(id_):
                sides[text_of[id_]].add(
                    "test" if protocol == "temporal" and split.startswith("test") else split
                )
        return sum(len(splits) > 1 for splits in sides.values())

    assert straddling("split.group_by_family=false") > 30
    assert straddling() == 0
    if protocol == "stratified":
        assert set(Counter(splits_in(store).values())) == {"train", "development", "test", "large_test"}


@pytest.mark.engine
def test_no_training_patents_are_an_error_with_the_settings_to_change(session, engine, tmp_path, capsys):
    rows = [
        row | {"grant_date": datetime.date(2011, 3, 1), "citation_level": "btm90"}
        for row in plain("H04", 3, 1)
    ]
    store = labelled(tmp_path, rows)
    sets = [f"warehouse.root={store.root}", f"engine.name={engine.name}", "tasks=citation_level"]
    arguments = [word for setting in sets for word in ("--set", setting)]
    assert cli.main(["split", *arguments]) == cli.BAD_DATA
    settings = ("split.train_until = 2010", "split.test_years", "protocol=stratified", "split.embargo=false")
    error = capsys.readouterr().err.splitlines()[-1]
    line_with(error, "patent-spark: citation_level", "test_2011 3", "2011-01-01", *settings)
    arguments += ["--set", "citation_level.protocol=stratified", "--set", "split.sample=0"]
    assert cli.main(["split", *arguments]) == cli.BAD_DATA
    line_with(capsys.readouterr().err, "patent-spark: citation_level", "large_test 3", "split.sample = 0.0")
    assert store.manifest("split") is None
