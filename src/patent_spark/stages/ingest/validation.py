"""Which rows of each table are usable, and how their columns are converted: the one place that decides.

Works block by block, on whole columns. A row is rejected for the first rule that it breaks. The reason is the
same text for all rows that break a rule.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.id_spelling import read_ids
from patent_spark.core.patent_ids import compact_ids, patent_keys
from patent_spark.core.schemas import (
    ABSTRACTS,
    CITATIONS,
    CLAIMS,
    CPC,
    CPC_TITLES,
    PATENTS,
    RELATED_DOCUMENTS,
)
from patent_spark.stages.ingest.values import (
    Columns,
    code,
    dates,
    flags,
    symbols,
    whole_numbers,
    without_null_words,
)

FIRST_GRANT = datetime.date(1790, 7, 31)
"""The grant date of the first US patent."""

_GRANT = "parent-grant"


@dataclass
class ValidatedBlock:
    """The columns of a block as our tables have them, and which of its rows are rejected and why."""

    rows: int
    columns: Columns = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    respelled: Counter[str] = field(default_factory=Counter)
    """Ids that were brought to PatentsView's form, by how they were written."""
    blank: Counter[str] = field(default_factory=Counter)
    """Rows without a value that all rows should have, by table.column."""
    rejected_by: npt.NDArray[np.int16] | None = None
    """For each row the index of its reason in `reasons`, or -1; None while no row is rejected."""

    def reject(self, reason: str, mask: pa.Array | npt.NDArray[np.bool_]) -> None:
        """Reject the rows where the mask is true and that no earlier rule has rejected."""
        where = mask
        if not isinstance(mask, np.ndarray):
            where = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
        if not where.any():
            return
        if self.rejected_by is None:
            self.rejected_by = np.full(self.rows, -1, np.int16)
        self.rejected_by[where & (self.rejected_by < 0)] = len(self.reasons)
        self.reasons.append(reason)

    def usable(self) -> Columns:
        """The columns of the rows that are not rejected."""
        if self.rejected_by is None:
            return self.columns
        keep = pa.array(self.rejected_by < 0)
        return {name: column.filter(keep) for name, column in self.columns.items()}


Validator = Callable[[Columns], ValidatedBlock]


def validator_of(table: str, latest: datetime.date) -> Validator:
    """The rules of a table; `latest` is the last possible grant date."""
    validators: dict[str, Validator] = {
        PATENTS.name: partial(validate_patents, latest=latest),
        ABSTRACTS.name: validate_abstracts,
        CITATIONS.name: validate_citations,
        CPC.name: validate_classes,
        CLAIMS.name: validate_claims,
        RELATED_DOCUMENTS.name: validate_related_documents,
        CPC_TITLES.name: validate_cpc_titles,
    }
    return validators[table]


def validate_patents(columns: Columns, latest: datetime.date) -> ValidatedBlock:
    """One row per patent: an id, and a grant date that is a real day from the first US patent to `latest`.

    A number of claims that is no whole number becomes null, like an unknown one.
    """
    block = _with_key(columns, "patent_key", "patent_id")
    columns = block.columns
    block.reject("empty grant date", pc.is_null(columns["grant_date"]))
    days = _map_distinct(columns["grant_date"], dates)
    block.reject("unknown date", pc.is_null(days))
    outside = pc.or_(pc.less(days, pa.scalar(FIRST_GRANT)), pc.greater(days, pa.scalar(latest)))
    block.reject(f"grant date outside {FIRST_GRANT}..{latest}", outside)
    block.blank |= Counter({f"PATENTS.{name}": columns[name].null_count for name in ("title", "withdrawn")})
    withdrawn = _map_distinct(columns["withdrawn"], flags)
    block.reject("withdrawn is not 0 or 1", pc.and_(pc.is_null(withdrawn), pc.is_valid(columns["withdrawn"])))
    claims = _map_distinct(columns["num_claims"], whole_numbers)
    if odd := claims.null_count - columns["num_claims"].null_count:
        block.blank["PATENTS.num_claims"] = odd
    block.columns |= {
        "grant_date": days,
        "withdrawn": pc.fill_null(withdrawn, False),
        "num_claims": claims,
    }
    block.columns["patent_type"] = code(columns["patent_type"])
    return block


def validate_abstracts(columns: Columns) -> ValidatedBlock:
    """One row per patent. An empty abstract is allowed: design patents have none."""
    return _with_key(columns, "patent_key", "patent_id")


def validate_citations(columns: Columns) -> ValidatedBlock:
    """One row per citation. Only the citing id must be a patent's.

    Many cited ids are not in PATENTS, and some are malformed; such rows are kept with a null `cited_key`.
    """
    block = _with_key(columns, "citing_key", "patent_id")
    block.columns |= {
        "cited_key": _read_ids(block, "citation_patent_id"),
        "citation_category": code(block.columns["citation_category"]),
    }
    return block


def validate_classes(columns: Columns) -> ValidatedBlock:
    """One row per classification: a patent, a sequence from 0 and a class of a letter and two digits."""
    block = _with_key(columns, "patent_key", "patent_id")
    columns = block.columns
    block.reject("empty cpc_sequence", pc.is_null(columns["cpc_sequence"]))
    sequences = _map_distinct(columns["cpc_sequence"], whole_numbers)
    block.reject("cpc_sequence is not a whole number from 0", pc.is_null(sequences))
    block.columns |= {
        "cpc_sequence": sequences,
        "cpc_class": symbols(columns["cpc_class"]),
        "cpc_subclass": symbols(columns["cpc_subclass"]),
        "cpc_type": code(columns["cpc_type"]),
    }
    _reject_other_classes(block)
    return block


def validate_claims(columns: Columns) -> ValidatedBlock:
    """One row per claim: a patent and a sequence. An empty text is allowed: some files have them."""
    block = _with_key(columns, "patent_key", "patent_id")
    sequences = _map_distinct(block.columns["claim_sequence"], whole_numbers)
    block.reject("claim_sequence is not a whole number from 0", pc.is_null(sequences))
    block.columns["claim_sequence"] = sequences
    return block


def validate_related_documents(columns: Columns) -> ValidatedBlock:
    """One row per related document. Only the patent is required; other rows link no patents.

    The files of forty years spell types and kinds in several ways: continuation_in_part and
    continuation-in-part; parent_doc, parent-doc and parent document.
    """
    block = _with_key(columns, "patent_key", "patent_id")
    columns = block.columns
    kinds = _map_distinct(columns["related_kind"], _kinds)
    relations = _map_distinct(columns["relation"], _relations)
    granted = pc.if_else(pc.fill_null(pc.equal(kinds, _GRANT), False), columns["related_number"], None)
    block.columns |= {
        "related_key": pc.coalesce(read_ids(granted).keys, patent_keys(compact_ids(granted))),
        "relation": relations.dictionary_encode(),
        "related_kind": kinds.dictionary_encode(),
    }
    return block


def validate_cpc_titles(columns: Columns) -> ValidatedBlock:
    """One row per CPC group. Only a class is required."""
    block = ValidatedBlock(len(columns["cpc_class"]), without_null_words(columns))
    block.columns["cpc_class"] = symbols(block.columns["cpc_class"])
    _reject_other_classes(block)
    return block


def _reject_other_classes(block: ValidatedBlock) -> None:
    classes = block.columns["cpc_class"]
    block.reject("empty cpc_class", pc.is_null(classes))
    formed = _map_distinct(classes, _are_classes)
    block.reject("cpc_class is not a letter and two digits", pc.invert(formed))


def _with_key(columns: Columns, key: str, id_: str) -> ValidatedBlock:
    """The block with column `key`, the patent key of column `id_`; rows without one are rejected."""
    block = ValidatedBlock(len(columns[id_]), without_null_words(columns))
    block.columns[key] = keys = _read_ids(block, id_)
    if keys.null_count:
        block.reject(f"empty {id_}", pc.is_null(block.columns[id_]))
        block.reject(f"{id_} has not a patent's form", pc.is_null(keys))
    return block


def _read_ids(block: ValidatedBlock, id_: str) -> pa.Array:
    """The keys of a column of ids, which are brought to PatentsView's form in the block too."""
    found = read_ids(block.columns[id_])
    block.respelled.update(found.respelled)
    block.columns[id_] = found.ids
    return found.keys


def _map_distinct(column: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A function of a dictionary-encoded column, applied once to each distinct value; null stays null."""
    return function(column.dictionary).take(column.indices)


def _are_classes(values: pa.Array) -> pa.Array:
    return pc.match_substring_regex(values, "^[A-Z][0-9]{2}$")


def _kinds(values: pa.Array) -> pa.Array:
    kinds = [value.lower().removesuffix("document").removesuffix("doc") for value in values.to_pylist()]
    return pa.array([_hyphenated(kind) for kind in kinds], pa.string())


def _relations(values: pa.Array) -> pa.Array:
    return pa.array([_hyphenated(value) for value in values.to_pylist()], pa.string())


def _hyphenated(text: str) -> str | None:
    words = "-".join(re.findall("[a-z]+", text.lower()))
    return None if words in ("", "null") else words
