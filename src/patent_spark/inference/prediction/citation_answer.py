"""What the probabilities of citation levels mean, in words."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from patent_spark.core.schemas import BTM90, TOP1, TOP10, ZEROCITE
from patent_spark.inference.prediction.backtest import nearest
from patent_spark.inference.prediction.facts import LevelDefinition
from patent_spark.inference.prediction.records import BacktestEvidence, LevelMeaning

LEVEL_TITLES = {
    TOP1: "among the most cited 1 %",
    TOP10: "among the most cited 10 %, not 1 %",
    BTM90: "cited, but not among the most cited 10 %",
    ZEROCITE: "not cited at all",
}
"""From the most to the least cited."""


def level_meaning(
    definition: LevelDefinition | None, evidence: Sequence[BacktestEvidence] | None, granted: datetime.date
) -> LevelMeaning:
    """What the levels of a patent granted on a day are about, and what a back-test says of them."""
    within = "its CPC class" if definition is None else _GROUPS[definition.reference_set]
    window = f"the {definition.horizon_months} months" if definition else "the citation window"
    if definition and definition.horizon_months % 12 == 0 and definition.horizon_months > 12:
        years = definition.horizon_months // 12
        window = f"the {_NUMBERS.get(years, str(years))} years"
    known = definition.known_until if definition else None
    distance = None if known is None else granted.year - known
    near = nearest(evidence, distance or 0)
    return LevelMeaning(
        statement=f"Probabilities for a patent granted on {granted}, of citations by US patents in {window} "
        f"after its grant, compared within {within}.",
        horizon_months=definition.horizon_months if definition else None,
        granted=granted.isoformat(),
        known_until=known,
        distance=distance,
        backtest=near or None,
        backtest_statement=_backtest_statement(near, distance),
    )


def _backtest_statement(near: Sequence[BacktestEvidence], distance: int | None) -> str:
    if not near:
        return "No back-test was made: how good such forecasts are years ahead has not been measured."
    results = "; ".join(map(_result, near))
    tested = near[0].distance
    if distance is None or tested == distance:
        return f"In a back-test {tested} years after the last year that models knew of: {results}."
    return (
        f"Citations are known to the model until {distance} years before the grant; the nearest distance "
        f"that was back-tested is {tested}: {results}."
    )


def _result(evidence: BacktestEvidence) -> str:
    text = f"{evidence.title} {_span(evidence.lowest, evidence.highest)}"
    if evidence.baseline_lowest is not None and evidence.baseline_highest is not None:
        text += f" (best baseline {_span(evidence.baseline_lowest, evidence.baseline_highest)})"
    return text


def _span(lowest: float, highest: float) -> str:
    low, high = f"{lowest:.3f}", f"{highest:.3f}"
    return low if low == high else f"{low} to {high}"


_GROUPS = {"class": "its CPC class", "class_year": "its CPC class and grant year"}
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 10: "ten"}
