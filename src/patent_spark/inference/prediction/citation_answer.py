"""What the probabilities of citation levels mean, in words."""

from __future__ import annotations

import datetime

from patent_spark.core.schemas import BTM90, TOP1, TOP10, ZEROCITE
from patent_spark.inference.prediction.facts import LevelDefinition
from patent_spark.inference.prediction.records import LevelMeaning

LEVEL_TITLES = {
    TOP1: "among the most cited 1 %",
    TOP10: "among the most cited 10 %, not 1 %",
    BTM90: "cited, but not among the most cited 10 %",
    ZEROCITE: "not cited at all",
}
"""From the most to the least cited."""


def level_meaning(definition: LevelDefinition | None, granted: datetime.date) -> LevelMeaning:
    """What the levels of a patent granted on a day are about."""
    within = "its CPC class" if definition is None else _GROUPS[definition.reference_set]
    window = f"the {definition.horizon_months} months" if definition else "the citation window"
    if definition and definition.horizon_months % 12 == 0 and definition.horizon_months > 12:
        years = definition.horizon_months // 12
        window = f"the {_NUMBERS.get(years, str(years))} years"
    known = definition.known_until if definition else None
    return LevelMeaning(
        statement=f"Probabilities of a patent granted on {granted}: how often US patents will cite it in "
        f"{window} after its grant, compared within {within}.",
        horizon_months=definition.horizon_months if definition else None,
        granted=granted.isoformat(),
        known_until=known,
        distance=None if known is None else granted.year - known,
        backtest=None,
        backtest_statement="No back-test of this model is known.",
    )


_GROUPS = {"class": "its CPC class", "class_year": "its CPC class and grant year"}
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 10: "ten"}
