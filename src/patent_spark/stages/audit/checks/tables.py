"""Does what is made of the release's tables have each patent, once: classes, early levels, families and texts?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from patent_spark.core.metadata import IngestMetadata
from patent_spark.stages.audit.calendar import months_later
from patent_spark.stages.audit.checks.joins import SAMPLED_TEXTS, answer, changed, compare, question
from patent_spark.stages.audit.evidence import Warehouse
from patent_spark.stages.audit.verdicts import Check

CLASSES, EARLY = question("rows: CPC to LABELS"), question("rows: LABELS to INTERIM_LEVELS")
FAMILIES, WORDS = (
    question("rows: ABSTRACTS and RELATED_DOCUMENTS to FAMILIES"),
    question("rows: ABSTRACTS to TOKENS"),
)

_WORD = "[A-Za-z0-9]"
_SOURCES = {
    "title": ("PATENTS", "title"),
    "abstract": ("ABSTRACTS", "abstract"),
    "claims": ("CLAIMS", "claim_text"),
}


def classes_of_cpc(warehouse: Warehouse) -> Check:
    """LABELS has the class listed first in CPC: the smallest sequence among inventional rows, else among all; of several the first by its name."""
    columns = ["patent_key", "cpc_class", "cpc_sequence", "cpc_type"]
    listed = warehouse.store.read_arrow(
        "CPC", columns, where=pc.field("cpc_class").is_valid() & pc.field("cpc_sequence").is_valid()
    )
    additional = pc.fill_null(pc.not_equal(listed["cpc_type"], "inventional"), True)
    listed = listed.drop_columns(["cpc_type"]).append_column("additional", additional)
    listed = listed.sort_by(
        [(name, "ascending") for name in ("patent_key", "additional", "cpc_sequence", "cpc_class")]
    )
    keys = listed["patent_key"].to_numpy()
    first = (
        listed.select(["patent_key", "cpc_class"])
        .filter(np.r_[True, keys[1:] != keys[:-1]][: len(keys)])
        .to_pandas()
    )
    labels = warehouse.labels
    told = labels.merge(first, on="patent_key", how="left", suffixes=("", "_listed"))
    other = told["cpc_class"].fillna("") != told["cpc_class_listed"].fillna("")
    return answer(CLASSES, {"of another class": int(other.sum())}, len(labels))


def interim_levels_of_labels(warehouse: Warehouse) -> Check:
    """INTERIM_LEVELS has each patent of LABELS with a class at each exposure that was over on the release's last day, once, as LABELS has it."""
    rule, early = warehouse.label_rule, warehouse.interim_levels
    if not rule.follow_up_months:
        return EARLY.not_applicable("label.follow_up_months is empty: no early levels were asked for")
    last = np.datetime64(warehouse.store.metadata(IngestMetadata).data_to_date)
    classed = warehouse.labels.dropna(subset=["cpc_class"])
    over = [
        classed[months_later(classed["grant_date"], months) <= last].assign(exposure_months=months)
        for months in rule.follow_up_months
    ]
    expected, found = (_by_exposure(rows, rule.horizon_months) for rows in (pd.concat(over), early))
    amiss = compare(expected["patent_key"], found["patent_key"])
    amiss["changed"] = changed(expected, found, ["grant_date", "cpc_class"])
    return answer(EARLY, amiss, len(found))


def _by_exposure(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Rows with a key for patent and exposure together, which is below the horizon."""
    return rows.assign(patent_key=rows["patent_key"] * horizon + rows["exposure_months"].astype(np.int64))


def families_of_texts(warehouse: Warehouse) -> Check:
    """FAMILIES has each patent with an abstract, none twice; patents of one abstract, or that go back to one document, are of one family."""
    families = warehouse.store.read_arrow("FAMILIES").to_pandas()
    known = warehouse.patents["patent_key"]
    abstracts = warehouse.families
    amiss = {
        "vanished": int((~abstracts["patent_key"].isin(families["patent_key"])).sum()),
        "doubled": int(families["patent_key"].duplicated().sum()),
        # An abstract whose row in PATENTS could not be used has a family too; it is asked for nowhere.
        "strange": int(
            (
                ~families["patent_key"].isin(known) & ~families["patent_key"].isin(abstracts["patent_key"])
            ).sum()
        ),
    }
    family = families.drop_duplicates("patent_key").set_index("patent_key")["family"].astype("Int64")
    parted = "names or abstracts with several families"
    amiss[parted] = _parted(abstracts.rename(columns={"family": "name"}), family)
    if warehouse.relatives is not None:
        amiss[parted] += _parted(warehouse.relatives[warehouse.relatives["patent_key"].isin(known)], family)
    return answer(FAMILIES, amiss, len(families))


def _parted(names: pd.DataFrame, family: pd.Series) -> int:
    """Names in common whose patents are in several families; one without a family is one of its own, under its key."""
    of = names["patent_key"].map(family).fillna(names["patent_key"])
    return int((of.groupby(names["name"].to_numpy()).nunique() > 1).sum())


def texts_of_patents(warehouse: Warehouse) -> Check:
    """TOKENS has each patent that stands and has a word in its title or abstract, as text.fields names them, once; a sample has their words.

    With claims among the fields, patents may be there for these alone, and words are not compared.
    """
    fields = warehouse.made_with("text").text.fields
    standing = warehouse.patents.loc[~warehouse.patents["withdrawn"].fillna(False).astype(bool), "patent_key"]
    with_words = {field: standing[standing.isin(_keys_with_words(warehouse, field))] for field in fields}
    found = warehouse.store.read_arrow("TOKENS", ["patent_key"])["patent_key"].to_pandas()
    needed = pd.concat(
        [standing[:0], *(keys for field, keys in with_words.items() if field != "claims")]
    ).drop_duplicates()
    amiss = compare(needed, found) | {"strange": int((~found.isin(pd.concat(with_words.values()))).sum())}
    note = ""
    if "claims" not in fields:
        sample = needed.sample(min(SAMPLED_TEXTS, len(needed)), random_state=warehouse.audit.seed).tolist()
        amiss["with other words"] = _with_other_words(warehouse, fields, sample)
        note = f"; words were compared for {len(sample)}"
    return answer(WORDS, amiss, len(found), note)


def _keys_with_words(warehouse: Warehouse, field: str) -> pd.Series:
    table, column = _SOURCES[field]
    rows = warehouse.store.read_arrow(
        table, ["patent_key"], where=pc.match_substring_regex(pc.field(column), _WORD)
    )
    keys: pd.Series = rows["patent_key"].to_pandas()
    return keys


def _with_other_words(warehouse: Warehouse, fields: Sequence[str], sample: list[int]) -> int:
    """How many of these patents have other words in TOKENS than in the fields; those without a row there do not count."""

    def column_of(table: str, column: str) -> dict[int, Any]:
        rows = warehouse.store.read_arrow(
            table, ["patent_key", column], where=pc.field("patent_key").isin(sample)
        )
        return dict(zip(*rows.to_pydict().values(), strict=True))

    texts, told = [column_of(*_SOURCES[field]) for field in fields], column_of("TOKENS", "tokens")
    again = {
        key: re.findall("[a-z0-9]+", " ".join(text.get(key) or "" for text in texts).lower())
        for key in sample
    }
    return sum(words != again[key] for key, words in told.items())
