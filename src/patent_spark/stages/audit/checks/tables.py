"""Join integrity of the tables derived from the release: classes, interim levels, families and texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.metadata import IngestMetadata
from patent_spark.stages.audit.checks.joins import (
    SAMPLED_TEXTS,
    count_changed,
    count_key_mismatches,
    join_result,
    join_spec,
)
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.warehouse import Warehouse

CLASSES = join_spec("cpc_to_labels", "CPC to LABELS")
INTERIM = join_spec("labels_to_interim_levels", "LABELS to INTERIM_LEVELS")
FAMILIES = join_spec("documents_to_families", "ABSTRACTS and RELATED_DOCUMENTS to FAMILIES")
TOKENS = join_spec("abstracts_to_tokens", "ABSTRACTS to TOKENS")

_WORD = "[A-Za-z0-9]"
_SOURCES = {
    "title": ("PATENTS", "title"),
    "abstract": ("ABSTRACTS", "abstract"),
    "claims": ("CLAIMS", "claim_text"),
}
"""Table and column of each field of text.fields."""


def classes_of_cpc(warehouse: Warehouse) -> CheckResult:
    """LABELS has the class that CPC lists first, and its label of technology."""
    labels = warehouse.labels
    both = labels.merge(_first_codes(warehouse), on="patent_key", how="left", suffixes=("", "_listed"))
    other, relabelled = (
        both[name].fillna("") != both[f"{name}_listed"].fillna("")
        for name in ("cpc_class", "technology_label")
    )
    mismatches = {
        "with another class": int(other.sum()),
        f"of the same class with another {warehouse.technology_level}": int((relabelled & ~other).sum()),
    }
    return join_result(CLASSES, mismatches, len(labels))


def _first_codes(warehouse: Warehouse) -> pd.DataFrame:
    """One row per patent: patent_key, and cpc_class and technology_label of the code listed first.

    That is the smallest sequence among inventional rows, else among all rows; ties go to the first name.
    """
    columns = ["patent_key", "cpc_class", "cpc_sequence", "cpc_type", "cpc_subclass"]
    listed = warehouse.store.read_arrow(
        "CPC", columns, where=pc.field("cpc_class").is_valid() & pc.field("cpc_sequence").is_valid()
    )
    additional = pc.fill_null(pc.not_equal(listed["cpc_type"], "inventional"), True)
    listed = listed.drop_columns(["cpc_type"]).append_column("additional", additional)
    listed = listed.append_column("label", _labels_of_codes(listed, warehouse.technology_level))
    order = ("patent_key", "additional", "cpc_sequence", "cpc_class", "label")
    listed = listed.sort_by([(name, "ascending") for name in order])
    keys = listed["patent_key"].to_numpy()
    is_first = np.r_[True, keys[1:] != keys[:-1]][: len(keys)]
    first = listed.select(["patent_key", "cpc_class", "label"]).filter(is_first)
    codes: pd.DataFrame = first.rename_columns(["patent_key", "cpc_class", "technology_label"]).to_pandas()
    return codes


def _labels_of_codes(codes: pa.Table, level: str) -> pa.ChunkedArray:
    """The label of each row of CPC; null, which is sorted last, for a subclass that is not of its class."""
    classes, subclasses = codes["cpc_class"], codes["cpc_subclass"]
    if level == "section":
        return pc.utf8_slice_codeunits(classes, 0, 1)
    if level == "class":
        return classes
    formed = pc.and_(
        pc.match_substring_regex(subclasses, "^[A-Z][0-9]{2}[A-Z]$"),
        pc.equal(pc.utf8_slice_codeunits(subclasses, 0, 3), classes),
    )
    return pc.if_else(formed, subclasses, pa.scalar(None, subclasses.type))


def interim_levels_of_labels(warehouse: Warehouse) -> CheckResult:
    """INTERIM_LEVELS has each patent of LABELS with a class, once for each window that has passed."""
    settings, interim = warehouse.label_settings, warehouse.interim_levels
    if not settings.follow_up_months:
        return INTERIM.not_applicable("No interim levels were requested: label.follow_up_months is empty.")
    last_day = pd.Timestamp(warehouse.store.metadata(IngestMetadata).data_to_date)
    classified = warehouse.labels.dropna(subset=["cpc_class"])
    over = [
        classified[classified["grant_date"] + pd.DateOffset(months=months) <= last_day].assign(
            follow_up_months=months
        )
        for months in settings.follow_up_months
    ]
    horizon = settings.horizon_months
    expected, actual = _keyed_by_follow_up(pd.concat(over), horizon), _keyed_by_follow_up(interim, horizon)
    mismatches = count_key_mismatches(expected["patent_key"], actual["patent_key"])
    mismatches["changed"] = count_changed(expected, actual, ["grant_date", "cpc_class"])
    return join_result(INTERIM, mismatches, len(actual))


def _keyed_by_follow_up(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Rows whose patent_key is unique for patent and follow-up window, which is shorter than the horizon."""
    return rows.assign(patent_key=rows["patent_key"] * horizon + rows["follow_up_months"].astype(np.int64))


def families_of_documents(warehouse: Warehouse) -> CheckResult:
    """FAMILIES has each patent with an abstract, once, and one family for linked patents."""
    families = warehouse.store.read_arrow("FAMILIES").to_pandas()
    patents, abstracts = warehouse.patents["patent_key"], warehouse.abstract_families
    keys = families["patent_key"]
    # An abstract has a family even if the patent's own row was rejected. No other table uses it.
    unexpected = ~keys.isin(patents) & ~keys.isin(abstracts["patent_key"])
    mismatches = {
        "missing": int((~abstracts["patent_key"].isin(keys)).sum()),
        "duplicated": int(keys.duplicated().sum()),
        "unexpected": int(unexpected.sum()),
    }
    family = families.drop_duplicates("patent_key").set_index("patent_key")["family"].astype("Int64")
    split_links = _count_split_links(abstracts, family)
    if (documents := warehouse.document_links) is not None:
        split_links += _count_split_links(documents[documents["patent_key"].isin(patents)], family)
    mismatches["abstracts or documents with several families"] = split_links
    return join_result(FAMILIES, mismatches, len(families))


def _count_split_links(links: pd.DataFrame, family: pd.Series) -> int:
    """Links whose patents are in several families. A patent without one is its own."""
    families = links["patent_key"].map(family).fillna(links["patent_key"])
    return int((families.groupby(links["link"].to_numpy()).nunique() > 1).sum())


def tokens_of_patents(warehouse: Warehouse) -> CheckResult:
    """TOKENS has each valid patent with a word in its title or abstract, once.

    A sample is compared word by word, unless text.fields includes claims. Then patents with words in their
    claims alone are expected too.
    """
    fields = warehouse.settings_of("text").text.fields
    valid = warehouse.valid_patents["patent_key"]
    with_words = {field: valid[valid.isin(_keys_with_words(warehouse, field))] for field in fields}
    actual = warehouse.store.read_arrow("TOKENS", ["patent_key"])["patent_key"].to_pandas()
    needed = [keys for field, keys in with_words.items() if field != "claims"]
    required = pd.concat([valid[:0], *needed]).drop_duplicates()
    mismatches = count_key_mismatches(required, actual)
    mismatches["unexpected"] = int((~actual.isin(pd.concat(with_words.values()))).sum())
    note = ""
    if "claims" not in fields:
        size = min(SAMPLED_TEXTS, len(required))
        sample = required.sample(size, random_state=warehouse.settings.seed).tolist()
        mismatches["with other words"] = _count_other_words(warehouse, fields, sample)
        note = f"; words were compared for {len(sample)}"
    return join_result(TOKENS, mismatches, len(actual), note)


def _keys_with_words(warehouse: Warehouse, field: str) -> pd.Series:
    table, column = _SOURCES[field]
    has_word = pc.match_substring_regex(pc.field(column), _WORD)
    keys: pd.Series = warehouse.store.read_arrow(table, ["patent_key"], where=has_word)[
        "patent_key"
    ].to_pandas()
    return keys


def _count_other_words(warehouse: Warehouse, fields: Sequence[str], sample: list[int]) -> int:
    """How many of these patents have other words in TOKENS than in the fields."""
    texts = [_column(warehouse, *_SOURCES[field], sample) for field in fields]
    words = {
        key: re.findall("[a-z0-9]+", " ".join(text.get(key) or "" for text in texts).lower())
        for key in sample
    }
    tokens = _column(warehouse, "TOKENS", "tokens", sample)
    return sum(tokens[key] != words[key] for key in tokens)


def _column(warehouse: Warehouse, table: str, column: str, keys: list[int]) -> dict[int, Any]:
    """A column of a table by patent_key, for these patents."""
    wanted = pc.field("patent_key").isin(keys)
    rows = warehouse.store.read_arrow(table, ["patent_key", column], where=wanted)
    return dict(zip(*rows.to_pydict().values(), strict=True))
