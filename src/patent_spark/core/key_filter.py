"""Rows of some patents, read from a table's files without an engine."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow.compute as pc


def among(keys: Iterable[int]) -> pc.Expression:
    """A condition on patent_key that also lets the files' statistics rule out what need not be read."""
    wanted, key = [int(each) for each in keys], pc.field("patent_key")
    chosen = key.isin(wanted)
    return chosen & (key >= min(wanted)) & (key <= max(wanted)) if wanted else chosen
