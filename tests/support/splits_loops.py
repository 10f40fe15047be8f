"""An independent computation of SPLITS with plain loops.

expected = splits_of_store(Store("warehouse"), config)
"""

from __future__ import annotations

import datetime
from collections import defaultdict

from tests.support.labels_pandas import months_later, read

P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
M = 2**64 - 1


def splits_of_store(store, config) -> dict[tuple[str, str], str]:
    """SPLITS as they should be in a warehouse: (patent_id, task) -> split."""
    labels, texts = read(store.directory("LABELS")).to_dict("records"), families_of_store(store)
    expected = {}
    for task in config.task_names:
        column = {"technology": "technology_label", "citation_level": "citation_level"}[task]
        patents = [
            row | {"label": row[column], "text": texts.get(row["patent_id"], "")}
            for row in labels
            if isinstance(row[column], str)
        ]
        protocol = stratified if config.task(task).protocol == "stratified" else temporal
        months = config.label.horizon_months if task == "citation_level" else 0
        placed = protocol(patents, config.split, months)
        if task == "citation_level" and config.split.interim_levels:
            placed |= dict.fromkeys(interim_of_store(store, config, placed, texts), "train")
        expected |= {(id_, task): split for id_, split in placed.items()}
    return (
        without_straddling(expected, texts if config.split.group_by_family else {})
        if config.tasks == "joint"
        else expected
    )


def families_of_store(store) -> dict[str, str]:
    """The family name of each patent with an abstract or relative; each relation merges two names."""
    abstracts, relatives = (
        read(store.directory(name)).to_dict("records") for name in ("ABSTRACTS", "RELATED_DOCUMENTS")
    )
    folded = {
        row["patent_id"]: "".join(row["abstract"].lower().split()) for row in abstracts if row["abstract"]
    }
    name_of = {id_: text for id_, text in folded.items() if text}
    for row in relatives:
        if row["relation"] != "related-publication":
            one, other = (name_of.setdefault(id_, id_) for id_ in (row["patent_id"], row["related_number"]))
            name_of |= {id_: one for id_, name in name_of.items() if name == other}
    return name_of


def interim_of_store(store, config, placed, texts) -> dict[str, int]:
    """The follow-up months of the patents that train on an interim level."""
    first_test_day = datetime.date(min(config.split.test_years), 1, 1)
    family_of = texts if config.split.group_by_family else {}
    held_out = {family_of.get(id_, id_) for id_, split in placed.items() if split != "train"}
    months_of: dict[str, int] = {}
    for row in sorted(
        read(store.directory("INTERIM_LEVELS")).to_dict("records"), key=lambda row: row["follow_up_months"]
    ):
        year, id_ = row["grant_date"].year, row["patent_id"]
        is_open = months_later(row["grant_date"], config.label.horizon_months) >= first_test_day
        over_for_all = months_later(datetime.date(year, 12, 31), row["follow_up_months"]) < first_test_day
        if (
            is_open
            and over_for_all
            and year <= config.split.train_until
            and family_of.get(id_, id_) not in held_out
        ):
            months_of[id_] = row["follow_up_months"]  # a longer one replaces a shorter one
    return months_of


def without_straddling(expected, texts):
    """A family that any task tests is only tested; otherwise development of one task is that of all."""
    sides = defaultdict(set)
    for (id_, _), split in expected.items():
        sides[texts.get(id_) or id_].add(split)
    kept = {}
    for (id_, task), split in expected.items():
        seen = sides[texts.get(id_) or id_]
        if "test" in split:
            kept[id_, task] = split
        elif not any("test" in each for each in seen):
            kept[id_, task] = "development" if "development" in seen else "train"
    return kept


def stratified(patents, settings, _months):
    """Families of each label in seeded order: test first, then development, train, large_test."""
    split = {}
    for families in in_seeded_order(patents, settings).values():
        total = sum(len(family) for family in families)
        used = int(total * settings.sample + 0.5)
        ends = {
            "test": int(used * settings.test + 0.5),
            "development": int(used * (settings.test + settings.development) + 0.5),
            "train": used,
        }
        place = 0
        for family in families:
            name = next((name for name, end in ends.items() if place < end), "large_test")
            split |= {patent["patent_id"]: name for patent in family}
            place += len(family)
    return split


def temporal(patents, settings, months):
    """Tests by grant year, training up to train_until, without the families of a test."""
    split = {
        p["patent_id"]: f"test_{p['grant_date'].year}"
        for p in patents
        if p["grant_date"].year in settings.test_years
    }
    tested = {
        p["text"] for p in patents if p["patent_id"] in split and p["text"] and settings.group_by_family
    }
    first_test_day = datetime.date(min(settings.test_years), 1, 1)
    training = [
        p
        for p in patents
        if p["grant_date"].year <= settings.train_until
        and (not settings.embargo or months_later(p["grant_date"], months) < first_test_day)
        and p["text"] not in tested
    ]
    for families in in_seeded_order(training, settings).values():
        end = int(sum(len(family) for family in families) * settings.development + 0.5)
        place = 0
        for family in families:
            split |= {patent["patent_id"]: "development" if place < end else "train" for patent in family}
            place += len(family)
    return split


def in_seeded_order(patents, settings):
    """Families by the label of their first member, in the order of the hash of seed and first key."""
    families = defaultdict(list)
    for patent in sorted(patents, key=lambda p: p["patent_key"]):
        families[
            patent["text"] if settings.group_by_family and patent["text"] else ("alone", patent["patent_key"])
        ].append(patent)
    strata = defaultdict(list)
    for family in sorted(
        families.values(), key=lambda members: draw(settings.seed, members[0]["patent_key"])
    ):
        strata[family[0]["label"]].append(family)
    return strata


def draw(seed: int, key: int) -> int:
    """XXH64 of two 64-bit integers, the first one's hash seeding the second's, as a signed number."""
    value = xxh64(key, xxh64(seed, 42))
    return value - 2**64 if value >= 2**63 else value


def xxh64(number: int, seed: int) -> int:
    """XXH64 of the eight bytes of one integer."""
    value = (seed + P5 + 8) & M
    value ^= rotated(number * P2 & M, 31) * P1 & M
    value = (rotated(value, 27) * P1 + P4) & M
    value = (value ^ value >> 33) * P2 & M
    value = (value ^ value >> 29) * P3 & M
    return value ^ value >> 32


def rotated(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & M
