"""Features: what is known of a patent on the day of its grant, beside its text.

`model.features` names them. Everything about one stands in its record here: the columns of FEATURES that hold
its values, the day on which they are known, the tables that they are read from (feature_values.py), and how
they are encoded. A model's encoding is fitted on training patents and kept with the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import EncodedColumn, FeatureEncoding

LENGTH = "length"
"""The column of EXAMPLES with the length of the text, which is known of every text."""
_LARGEST = 10**9
_MIN_PATENTS = 20
"""Fewer training patents than so many do not make a value of a category one of its own."""

Values = Mapping[str, NDArray[Any]]
"""Raw values by column [n]: float64 of a count, NaN if unknown; strings of a category, empty if unknown."""


@dataclass(frozen=True)
class Feature:
    """One feature: its values, and when they are known."""

    name: str
    """As in `model.features`."""
    columns: tuple[str, ...]
    """Of FEATURES, but for LENGTH."""
    kind: Literal["count", "category"]
    """count: log(1 + value), standardised, and whether it is unknown. category: one column for each value
    that is frequent enough, for all others together, and for unknown."""
    about: str
    known: str
    """The day on which it is known."""
    tables: tuple[str, ...]


FEATURES = {
    feature.name: feature
    for feature in (
        Feature(
            "claims", ("num_claims",), "count",
            "number of claims",
            "the day of the grant: printed on the patent",
            ("PATENTS",),
        ),
        Feature(
            "citations_made",
            ("citations_made", "examiner_citations", "applicant_citations", "other_citations"), "count",
            "US patents that it cites: in all, by the examiner, by the applicant, by others or an unknown",
            "the day of the grant: printed on the patent",
            ("CITATIONS",),
        ),
        Feature(
            "citation_age", ("citation_age_months",), "count",
            "mean age of the US patents that it cites: months from their grants to its own",
            "the day of the grant: the dates of earlier grants",
            ("CITATIONS", "PATENTS"),
        ),
        Feature(
            "inventional_codes", ("inventional_codes",), "count",
            "number of inventional CPC codes",
            "the day of the release: codes may have been added since the grant",
            ("CPC",),
        ),
        Feature(
            "class", ("cpc_class",), "category",
            "the CPC class listed first, whose patents the citation level compares",
            "the day of the grant; of a patent that was reclassified since, the day of the release",
            ("CPC",),
        ),
        Feature(
            "kind", ("patent_type",), "category",
            "utility, reissue, plant, ...",
            "the day of the grant: printed on the patent",
            ("PATENTS",),
        ),
        Feature(
            "text_length", (LENGTH,), "count",
            "known words of the text, cut at `max_tokens`",
            "the day of the grant: the text itself",
            ("TOKENS",),
        ),
        Feature(
            "family_size", ("family_size",), "count",
            "the patent and those granted by its day that are its parent, its child, have a parent in common "
            "with it or the same abstract",
            "the day of the grant: relatives that were granted later do not count",
            ("PATENTS", "ABSTRACTS", "RELATED_DOCUMENTS"),
        ),
    )
}  # fmt: skip
"""By name."""

CATEGORY_COLUMNS = tuple(
    column for feature in FEATURES.values() if feature.kind == "category" for column in feature.columns
)
TABLE_COLUMNS = tuple(
    column for feature in FEATURES.values() for column in feature.columns if column != LENGTH
)
"""Columns of FEATURES with values."""


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of these features, LENGTH included."""
    return tuple(column for name in names for column in FEATURES[name].columns)


def values_of_table(table: pa.Table, columns: Sequence[str]) -> Values:
    """Raw values from columns of a table."""

    def values(column: str) -> NDArray[Any]:
        if column in CATEGORY_COLUMNS:
            return np.asarray(pc.fill_null(table[column], "").to_numpy(zero_copy_only=False))
        return np.asarray(table[column].cast(pa.float64()).to_numpy(zero_copy_only=False))

    return {column: values(column) for column in columns}


def values_of_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Values:
    """Raw values from one mapping a patent; what a mapping lacks is unknown."""

    def values(column: str) -> NDArray[Any]:
        found = [row.get(column) for row in rows]
        if column in CATEGORY_COLUMNS:
            return np.array([each or "" for each in found], object)
        return np.array([np.nan if each is None else each for each in found], np.float64)

    return {column: values(column) for column in columns}


def given_value(column: str, value: Any) -> int | str | None:
    """A value as people and files give it; None where it is unknown.

    Raises ValueError for a count that is not a whole number, 0 or more, and for a category that is no text.
    """
    if value is None or value != value or value == "":  # NaN is not equal to itself
        return None
    if column in CATEGORY_COLUMNS:
        if not isinstance(value, str):
            raise ValueError(f"{column} is no text")
        return value.strip().upper() if column == "cpc_class" else value.strip().lower()
    if (isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip())) or (
        isinstance(value, float) and value.is_integer()
    ):
        value = int(value)
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{column} must be a whole number, 0 or more")
    return int(value)


def given_or_unknown(values: Mapping[str, Any]) -> dict[str, int | str]:
    """The values of columns of FEATURES among these; one that cannot be read is unknown."""
    known: dict[str, int | str] = {}
    for column in values.keys() & set(TABLE_COLUMNS):
        try:
            value = given_value(column, values[column])
        except ValueError:
            continue
        if value is not None:
            known[column] = value
    return known


def given_or_error(values: Mapping[str, Any]) -> dict[str, int | str]:
    """The values of columns of FEATURES. Raises DataError for another column or one that cannot be read."""
    known: dict[str, int | str] = {}
    for column, given in values.items():
        if column not in TABLE_COLUMNS:
            columns = ", ".join(TABLE_COLUMNS)
            raise DataError(f"features: {column} is not one of {columns}", column=column)
        try:
            value = given_value(column, given)
        except ValueError as error:
            raise DataError(f"features: {error}: {given!r}", column=column) from error
        if value is not None:
            known[column] = value
    return known


def fit_encoding(names: Sequence[str], values: Values) -> FeatureEncoding:
    """The encoding of these features for the values of training patents."""
    columns = columns_of(names)
    return FeatureEncoding(
        features=tuple(names), columns=tuple(_fitted(each, values[each]) for each in columns)
    )


def _fitted(column: str, values: NDArray[Any]) -> EncodedColumn:
    if column in CATEGORY_COLUMNS:
        found, counts = np.unique(values[values != ""].astype(str), return_counts=True)
        return EncodedColumn(
            column=column, values=tuple(found[counts >= _MIN_PATENTS].tolist()), known=int(counts.sum())
        )
    logarithms = np.log1p(values[~np.isnan(values)])
    mean, scale = (float(logarithms.mean()), float(logarithms.std())) if len(logarithms) else (0.0, 0.0)
    return EncodedColumn(column=column, mean=mean, scale=scale or 1.0, known=len(logarithms))


def encode(
    encoding: FeatureEncoding, values: Values, hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """float32 [n, encoding.width].

    hidden: bool [n, columns], values that are encoded as if they were unknown.
    """
    blocks = []
    for place, column in enumerate(encoding.columns):
        own = values[column.column]
        block = _category(column, own) if column.is_category else _count(column, own)
        if hidden is not None:
            block[hidden[:, place]] = 0
            block[hidden[:, place], -1] = 1
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def encode_rows(
    encoding: FeatureEncoding, rows: Sequence[Mapping[str, Any]], lengths: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """float32 [n, encoding.width] for patents of which one mapping each says what is known.

    lengths: of their texts, in words that the model reads.
    """
    columns = [column.column for column in encoding.columns]
    known = values_of_rows(rows, [column for column in columns if column != LENGTH])
    return encode(encoding, {**known, LENGTH: lengths.astype(np.float64)})


def _count(column: EncodedColumn, values: NDArray[Any]) -> NDArray[np.float32]:
    """[n, 2]: the standardised logarithm, 0 where unknown; whether it is unknown."""
    unknown = ~(values >= 0)
    scaled = (np.log1p(np.where(unknown, 0, values)) - column.mean) / column.scale
    return np.column_stack([np.where(unknown, 0, scaled), unknown]).astype(np.float32)


def _category(column: EncodedColumn, values: NDArray[Any]) -> NDArray[np.float32]:
    """[n, values + 2]: one 1 a row, last but one for another value, last where it is unknown."""
    places = {value: place for place, value in enumerate(column.values)} | {"": len(column.values) + 1}
    own = np.array([places.get(value, len(column.values)) for value in values.tolist()], np.int64)
    block = np.zeros((len(values), len(column.values) + 2), np.float32)
    block[np.arange(len(values)), own] = 1
    return block
