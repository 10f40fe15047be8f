"""Leaks to plant in a finished warehouse, each with the check that must catch it. Tests and `make audit-canaries` share them."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.audit import duplicates, imitation, learned, levels, members, mix, plausible, rows, shortcuts, tables
from patent_spark.audit.evidence import Evidence, Warehouse
from patent_spark.audit.recount import recounted_labels
from patent_spark.audit.release import find_release
from patent_spark.audit.verdicts import Check
from patent_spark.config import Config
from patent_spark.schemas import BTM90, LEVELS, TOP1, TOP10, ZEROCITE, is_test
from patent_spark.store import Store, arrow_schema

TECHNOLOGY, CITATION_LEVEL = "technology", "citation_level"
Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Leak:
    """What is planted, where, and who must notice."""

    planted: str
    caught_by: str
    """Name of the check."""
    check: Callable[..., Check | list[Check]]
    plant: Callable[[Store], None]
    task: str | None = TECHNOLOGY


def judge(leak: Leak, store: Store, config: Config) -> Check:
    """What the leak's check says of a warehouse."""
    warehouse = Warehouse(store, config.audit)
    if leak.check is recounted_labels:
        return recounted_labels(warehouse, find_release(store, config))
    found = leak.check(Evidence(warehouse, leak.task) if leak.task else warehouse)
    return next(check for check in (found if isinstance(found, list) else [found]) if check.name == leak.caught_by)


def copy_of(store: Store, root: Path) -> Store:
    """A copy to spoil: files are shared until one is written anew."""
    shutil.copytree(store.root, root, copy_function=os.link, ignore=shutil.ignore_patterns("audit", "logs", "mlflow"))
    return Store(root)


def rewrite(store: Store, table: str, change: Change) -> None:
    """Replace a table's rows."""
    folder = store.directory(table)
    frame = change(store.read_arrow(table).to_pandas())
    for path in folder.glob("*.parquet"):
        path.unlink()
    pq.write_table(pa.Table.from_pandas(frame, arrow_schema(table), preserve_index=False), folder / "part-0.parquet")


def rewrite_examples(store: Store, task: str, change: Change) -> None:
    """Replace a task's examples; the frame has `split`, and `tokens` as arrays of ids."""
    home, schema = store.directory("EXAMPLES") / task, arrow_schema("EXAMPLES")
    parts = []
    for folder in sorted(home.iterdir()):
        frame = pd.concat([pq.read_table(path).to_pandas() for path in sorted(folder.glob("*.parquet"))])
        parts.append(frame[frame["patent_key"] >= 0].assign(split=folder.name))
    frame = pd.concat(parts, ignore_index=True)
    frame["tokens"] = [np.frombuffer(row, "<i4").copy() for row in frame["tokens"]]
    frame = change(frame)
    frame["tokens"] = [row.astype("<i4").tobytes() for row in frame["tokens"]]
    shutil.rmtree(home)
    for split, rows_ in frame.groupby("split"):
        (home / str(split)).mkdir(parents=True)
        pq.write_table(pa.Table.from_pandas(rows_, schema, preserve_index=False), home / str(split) / "group-00000.parquet")


def rewrite_manifest(store: Store, stage: str, **parts: dict) -> None:
    """Other facts or knobs in the manifest of a stage."""
    manifest = store.manifest(stage)
    path = store.root / stage / manifest.version / "manifest.json"
    told = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps({name: value | parts[name] if name in parts else value for name, value in told.items()}))


def tested(frame: pd.DataFrame) -> pd.Series:
    return frame["split"].map(is_test)


def some(rows_: pd.Index, share: float, seed: int = 0) -> np.ndarray:
    """A seeded share of places."""
    return np.random.default_rng(seed).permutation(rows_)[: max(1, round(share * len(rows_)))]


def copies_in_training(share: float, changed: float = 0.0) -> Callable[[Store], None]:
    """So many of the test texts stand in the training split too, under other numbers; of their words a share is another."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        from_, to = some(frame.index[tested(frame)], share), frame.index[frame["split"] == "train"]
        to = to[: len(from_)]
        texts = [frame.at[place, "tokens"].copy() for place in from_]
        for text in texts:
            length = np.count_nonzero(text)
            text[some(pd.RangeIndex(length), changed) if changed else []] = 3
        frame.loc[to, "tokens"] = pd.Series(texts, to)
        frame.loc[to, ["label", "length"]] = frame.loc[from_, ["label", "length"]].to_numpy()
        return frame

    return lambda store: rewrite_examples(store, TECHNOLOGY, change)


def known_texts_of_top1(frame: pd.DataFrame) -> pd.DataFrame:
    """A quarter of the test patents is top1; four of them, too few to be seen among all, train too."""
    top1 = some(frame.index[tested(frame)], 0.25)
    frame.loc[top1, "label"] = LEVELS.index(TOP1)
    from_, to = top1[:4], frame.index[frame["split"] == "train"][:4]
    frame.loc[to, "tokens"] = pd.Series([frame.at[place, "tokens"].copy() for place in from_], to)
    frame.loc[to, "length"] = frame.loc[from_, "length"].to_numpy()
    return frame


def members_to_the_test(store: Store) -> None:
    """One member of some families that train is tested instead."""
    families = Warehouse(store, Config().audit).families.set_index("patent_key")["family"]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        training = frame[frame["split"] == "train"].assign(family=frame["patent_key"].map(families))
        moved = training.dropna(subset=["family"])
        frame.loc[moved.index[moved.duplicated("family")][:5], "split"] = "test"
        return frame

    rewrite_examples(store, TECHNOLOGY, change)


def relatives_on_both_sides(store: Store) -> None:
    """Some patents that train and some that are tested, whatever their texts, continue the same applications."""
    splits = store.read_arrow("SPLITS").to_pandas()
    splits = splits[splits["task"] == TECHNOLOGY]
    related = pd.concat([splits[splits["split"] == side].head(5) for side in ("train", "test")])[["patent_id", "patent_key"]]
    numbers = [f"1999000{place % 5}" for place in range(len(related))]
    related = related.assign(related_number=numbers, related_key=None, relation="continuation", related_kind="parent")
    rewrite(store, "RELATIVES", lambda frame: pd.concat([frame.astype({"related_key": object}), related]))


def resplit(task: str, by: Callable[[pd.DataFrame, Store], pd.Series]) -> Callable[[Store], None]:
    """Splits of the same sizes, filled in the order of some value: training first, test last."""

    def plant(store: Store) -> None:
        def change(frame: pd.DataFrame) -> pd.DataFrame:
            frame = frame.sort_values("split", key=lambda splits: splits.map({"train": 0, "development": 1}).fillna(2), kind="stable")
            order = by(frame, store).sort_values(kind="stable").index
            return frame.loc[order].assign(split=frame["split"].to_numpy())

        rewrite_examples(store, task, change)

    return plant


def from_labels(column: str) -> Callable[[pd.DataFrame, Store], pd.Series]:
    """That column of LABELS for each example."""
    return lambda frame, store: frame["patent_key"].map(store.read_arrow("LABELS").to_pandas().set_index("patent_key")[column])


def with_examples(task: str, change: Change) -> Callable[[Store], None]:
    return lambda store: rewrite_examples(store, task, change)


def with_table(table: str, change: Change) -> Callable[[Store], None]:
    return lambda store: rewrite(store, table, change)


def all_texts_in_the_vocabulary(store: Store) -> None:
    words = Counter(word for text in store.read_arrow("TOKENS", ["tokens"])["tokens"].to_pylist() for word in text)
    rewrite(store, "VOCABULARY", lambda frame: frame.assign(count=frame["word"].map(words)))


def all_texts_in_the_vectors(store: Store) -> None:
    words = sum(len(text) for text in store.read_arrow("TOKENS", ["tokens"])["tokens"].to_pylist())
    rewrite_manifest(store, "text", facts={"training_words": words})


def tenth_of_training_lost(store: Store) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.drop(some(frame.index[(frame["task"] == CITATION_LEVEL) & (frame["split"] == "train")], 0.1))

    rewrite(store, "SPLITS", change)


def abstracts_of_several_families(store: Store) -> None:
    """Patents that repeat an abstract are families of their own."""
    repeated = Warehouse(store, Config().audit).families.set_index("patent_key")["family"].duplicated()
    own = repeated.index[repeated]
    rewrite(store, "FAMILIES", lambda frame: frame.assign(family=frame["family"].mask(frame["patent_key"].isin(own), frame["patent_key"])))


def families_by_abstract_alone(store: Store) -> None:
    found = Warehouse(store, Config().audit).families
    rewrite(store, "FAMILIES", lambda frame: found)


def exposures_that_were_not_over(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest patents have a level after 48 months too."""
    newest = frame[frame["exposure_months"] == 12].sort_values("grant_date").tail(5)
    return pd.concat([frame, newest.assign(exposure_months=48)])


def other_classes(frame: pd.DataFrame) -> pd.DataFrame:
    """Some patents have a class that is listed later."""
    places = some(frame.index[frame["cpc_class"].notna()], 0.002)
    classes = sorted(frame["cpc_class"].dropna().unique())
    following = dict(zip(classes, [*classes[1:], classes[0]], strict=True))
    frame.loc[places, "cpc_class"] = frame.loc[places, "cpc_class"].map(following)
    return frame


def late_labels(store: Store) -> None:
    """Patents granted up to the first test year train although their windows were open then."""
    labels = store.read_arrow("LABELS").to_pandas().dropna(subset=["citation_level"])
    granted = pd.to_datetime(labels["grant_date"])
    late = labels[(granted > "2006-01-01") & (granted < "2011-01-01")]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        places = frame.index[frame["split"] == "train"][: len(late)]
        frame.loc[places, "patent_key"] = late["patent_key"].to_numpy()[: len(places)]
        return frame

    rewrite_examples(store, CITATION_LEVEL, change)


def early_level_too_late(store: Store) -> None:
    """Some patents train on their level after 48 months, which was known for those of 2006 alone, instead of a shorter exposure's."""
    early = store.facts("shard")["tasks"][CITATION_LEVEL]["early"]
    number = {(each["exposure_months"], each["level"]): len(LEVELS) + place for place, each in enumerate(early)}

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        later = {number[12, level]: number[48, level] for level in LEVELS}
        return frame.assign(label=frame["label"].replace(later).astype(np.int32))

    rewrite_examples(store, CITATION_LEVEL, change)


def early_levels_as_whole_ones(store: Store) -> None:
    """What an open window shows is taught as if it were the level."""
    early = [LEVELS.index(each["level"]) for each in store.facts("shard")["tasks"][CITATION_LEVEL]["early"]]
    whole = np.array([*range(len(LEVELS)), *early], np.int32)
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame.assign(label=whole[frame["label"]]))


def levels_over_all_years(frame: pd.DataFrame) -> pd.DataFrame:
    """Percentiles and levels of label.pool=class, while the knobs say that each year is ranked by itself."""
    ranked = frame[frame["window_complete"] & frame["cpc_class"].notna()]
    shares = ranked.groupby("cpc_class")["forward_citations"].quantile([0.9, 0.99]).unstack()
    q90, q99 = (frame["cpc_class"].map(shares[share]) for share in (0.9, 0.99))
    count = frame["forward_citations"]
    found = pd.Series(np.select([count == 0, count > q99, count > q90], [ZEROCITE, TOP1, TOP10], BTM90), frame.index)
    return frame.assign(q90=q90, q99=q99, citation_level=found.where(frame["citation_level"].notna(), None))


def years_that_follow_the_class(store: Store) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        years = 1980 + pd.factorize(frame["cpc_class"])[0]
        return frame.assign(grant_date=pd.to_datetime(pd.Series(years, frame.index).astype(str) + "-06-01").dt.date)

    rewrite(store, "LABELS", change)


def levels_that_follow_the_class(frame: pd.DataFrame, store: Store) -> pd.DataFrame:
    classes = pd.factorize(from_labels("cpc_class")(frame, store))[0]
    return frame.assign(label=(classes % len(LEVELS)).astype(np.int32))


def cut_by_label(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts of each label have a length of their own."""
    lengths = 15 + 10 * frame["label"]
    frame["tokens"] = [np.where(np.arange(len(text)) < length, text, 0) for text, length in zip(frame["tokens"], lengths, strict=True)]
    return frame.assign(length=np.minimum(frame["length"], lengths).astype(np.int32))


def label_in_the_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The first word of a text is its class."""
    for text, label in zip(frame["tokens"], frame["label"], strict=True):
        text[0] = 4000 + label
    return frame


def without_zerocite(store: Store) -> None:
    zerocite = LEVELS.index(ZEROCITE)
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame[~(tested(frame) & (frame["label"] == zerocite))])


def misses_are_left_out(store: Store) -> None:
    """The test patents that the model gets wrong count as too short."""
    predictions = store.read_arrow("PREDICTIONS").to_pandas()
    missed = predictions[(predictions["task"] == CITATION_LEVEL) & (predictions["truth"] != predictions["predicted"])]
    ids = store.read_arrow("LABELS", ["patent_id", "patent_key"]).to_pandas()
    keys = ids.loc[ids["patent_id"].isin(missed["patent_id"]), "patent_key"]
    rewrite_examples(store, CITATION_LEVEL, lambda frame: frame[~frame["patent_key"].isin(keys)])
    rewrite(store, "PREDICTIONS", lambda frame: frame.drop(missed.index))


def top1_known(frame: pd.DataFrame) -> pd.DataFrame:
    sure = [np.array([truth == LEVELS[0], 0, 0, 0], np.float32) for truth in frame["truth"]]
    return frame.assign(probabilities=sure)


def better_than_possible(store: Store) -> None:
    path = store.directory("METRICS") / f"{TECHNOLOGY}.json"
    told = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps(told | {"accuracy": 0.99}))


def rolled(column: str) -> Change:
    """Each row gets the value of the row before it."""
    return lambda frame: frame.assign(**{column: np.roll(frame[column].to_numpy(), 1)})


LEAKS = (
    Leak("an inner join drops patents that nobody cites", rows.COUNTS.name, rows.counts_of_patents,
         with_table("COUNTS", lambda frame: frame[frame["total_citations"] > 0]), None),
    Leak("a join doubles patents", rows.LABELS.name, rows.labels_of_counts,
         with_table("LABELS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("patents with a label are in no split", members.SPLITS.name, members.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["task"] == TECHNOLOGY][:9]))),
    Leak("patents of a test year are in no split", members.SPLITS.name, members.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.drop(frame.index[frame["split"] == "test_2012"][:9])), CITATION_LEVEL),
    Leak("some patents have another class than CPC lists first", tables.CLASSES.name, tables.classes_of_cpc,
         with_table("LABELS", other_classes), None),
    Leak("early levels stand twice", tables.EARLY.name, tables.early_levels_of_labels,
         with_table("EARLY_LEVELS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("early levels tell of exposures that were not over", tables.EARLY.name, tables.early_levels_of_labels,
         with_table("EARLY_LEVELS", exposures_that_were_not_over), None),
    Leak("patents have two families", tables.FAMILIES.name, tables.families_of_texts,
         with_table("FAMILIES", lambda frame: pd.concat([frame, frame.head(7).assign(family=1)])), None),
    Leak("patents of one abstract are in several families", tables.FAMILIES.name, tables.families_of_texts, abstracts_of_several_families, None),
    Leak("relatives are in several families", tables.FAMILIES.name, tables.families_of_texts, families_by_abstract_alone, None),
    Leak("texts are lost", tables.WORDS.name, tables.texts_of_patents, with_table("TOKENS", lambda frame: frame.iloc[9:]), None),
    Leak("texts stand twice", tables.WORDS.name, tables.texts_of_patents,
         with_table("TOKENS", lambda frame: pd.concat([frame, frame.head(7)])), None),
    Leak("texts are shifted by a row", tables.WORDS.name, tables.texts_of_patents, with_table("TOKENS", rolled("tokens")), None),
    Leak("a whole test year is in no split", members.SPLITS.name, members.splits_of_labels,
         with_table("SPLITS", lambda frame: frame[frame["split"] != "test_2011"]), CITATION_LEVEL),
    Leak("a tenth of the training patents is in no split", members.SPLITS.name, members.splits_of_labels, tenth_of_training_lost, CITATION_LEVEL),
    Leak("patents train on what a shorter exposure shows", members.SPLITS.name, members.splits_of_labels,
         with_table("SPLITS", lambda frame: frame.assign(exposure_months=frame["exposure_months"].replace(48, 12))), CITATION_LEVEL),
    Leak("labels of the shards are shifted by a row", rows.EXAMPLES.name, rows.examples_of_splits, with_examples(TECHNOLOGY, rolled("label"))),
    Leak("texts of the shards are shifted by a row", rows.TEXTS.name, rows.texts_of_tokens, with_examples(TECHNOLOGY, rolled("tokens"))),
    Leak("truths of the predictions are shifted by a row", rows.PREDICTIONS.name, rows.predictions_of_examples,
         with_table("PREDICTIONS", rolled("truth"))),
    Leak("test patents train too, under other numbers", duplicates.EXACT.name, duplicates.same_texts, copies_in_training(0.05)),
    Leak("test patents train too, one word in fifty changed", duplicates.NEAR.name, duplicates.near_duplicates, copies_in_training(0.05, 0.02)),
    Leak("the few test patents that train too are all top1", duplicates.NEAR.name, duplicates.near_duplicates,
         with_examples(CITATION_LEVEL, known_texts_of_top1), CITATION_LEVEL),
    Leak("families are not kept together", duplicates.FAMILIES.name, duplicates.split_families, members_to_the_test),
    Leak("relatives are not kept together", duplicates.RELATED.name, duplicates.split_relatives, relatives_on_both_sides),
    Leak("the vocabulary is counted over all texts", learned.VOCABULARY.name, learned.vocabulary_of_tests, all_texts_in_the_vocabulary, None),
    Leak("the vectors are trained on all texts", learned.VECTORS.name, learned.vectors_of_tests, all_texts_in_the_vectors, None),
    Leak("percentiles are taken over all grant years", learned.PERCENTILES.name, learned.percentiles_of_tests,
         lambda store: rewrite_manifest(store, "label", knobs={"label.pool": "class"}), CITATION_LEVEL),
    Leak("percentiles are taken over all grant years, and the knobs deny it", levels.RECOUNTED.name, levels.levels_again,
         with_table("LABELS", levels_over_all_years), None),
    Leak("early levels have other percentiles", levels.RECOUNTED.name, levels.levels_again,
         with_table("EARLY_LEVELS", lambda frame: frame.assign(q99=frame["q90"])), None),
    Leak("labels train that closed after the first test day", learned.EMBARGO.name, learned.embargo, late_labels, CITATION_LEVEL),
    Leak("early levels train that closed after the first test day", learned.EMBARGO.name, learned.embargo, early_level_too_late, CITATION_LEVEL),
    Leak("early levels are taught as whole ones", rows.EXAMPLES.name, rows.examples_of_splits, early_levels_as_whole_ones, CITATION_LEVEL),
    Leak("early levels count citations of the whole window", "labels recounted from the release's files", recounted_labels,
         with_table("EARLY_LEVELS", lambda frame: frame.assign(forward_citations=2 * frame["forward_citations"])), None),
    Leak("citations are counted twice", "labels recounted from the release's files", recounted_labels,
         with_table("LABELS", lambda frame: frame.assign(forward_citations=2 * frame["forward_citations"])), None),
    Leak("the test years lack patents that nobody cites", mix.MIX.name, mix.label_mix, without_zerocite, CITATION_LEVEL),
    Leak("patents are sorted by label before they are split", "split alone tells the label", shortcuts.attributes_tell_labels,
         resplit(TECHNOLOGY, lambda frame, store: frame["label"])),
    Leak("grant years follow the class", "year alone tells the label", shortcuts.attributes_tell_labels, years_that_follow_the_class),
    Leak("levels follow the class", "class alone tells the label", shortcuts.attributes_tell_labels,
         lambda store: rewrite_examples(store, CITATION_LEVEL, lambda frame: levels_that_follow_the_class(frame, store)), CITATION_LEVEL),
    Leak("texts of a class are cut at one length", "length alone tells the label", shortcuts.attributes_tell_labels,
         with_examples(TECHNOLOGY, cut_by_label)),
    Leak("the newest patents are the test set", "year alone tells test patents", shortcuts.attributes_tell_tests,
         resplit(TECHNOLOGY, from_labels("grant_date"))),
    Leak("one class is tested, the others train", "class alone tells test patents", shortcuts.attributes_tell_tests,
         resplit(CITATION_LEVEL, from_labels("cpc_class")), CITATION_LEVEL),
    Leak("the longest texts are the test set", "length alone tells test patents", shortcuts.attributes_tell_tests,
         resplit(TECHNOLOGY, lambda frame, store: frame["length"])),
    Leak("the class is written into the text", shortcuts.WORD.name, shortcuts.word_tells_label, with_examples(TECHNOLOGY, label_in_the_text)),
    Leak("a fifth of the test set trains too", imitation.SHUFFLED.name, imitation.shuffled_labels, copies_in_training(0.2)),
    Leak("a fifth of the test set trains too, one word in fifty changed", imitation.COPIED.name, imitation.copied_answers,
         copies_in_training(0.2, 0.02)),
    Leak("patents that the model misses are left out as too short", plausible.FILTERED.name, plausible.short_texts, misses_are_left_out,
         CITATION_LEVEL),
    Leak("the accuracy told is not that of the predictions", plausible.FIGURES.name, plausible.figures_again, better_than_possible),
    Leak("the predictions are not those that the figures tell of", plausible.FIGURES.name, plausible.figures_again,
         with_table("PREDICTIONS", rolled("probabilities")), CITATION_LEVEL),
    Leak("the model knows who is top1", plausible.TOP1_AUC.name, plausible.top1_auc, with_table("PREDICTIONS", top1_known), CITATION_LEVEL),
    Leak("the model is better than possible", plausible.ATTAINABLE.name, plausible.attainable_accuracy, better_than_possible),
)  # fmt: skip
