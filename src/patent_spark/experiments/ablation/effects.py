"""A 2x2 factorial ablation: the effects of protocol and model on a metric, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from patent_spark.metrics.report_schema import Interval, Record

FACTORS = ("protocol", "model")
EFFECTS = (*FACTORS, "total")


class MetricValue(Record):
    """A metric with its 95 % confidence interval."""

    value: float | None
    interval: Interval | None


class Effect(Record):
    """A change of a metric from the base configuration to the other one."""

    value: float
    """The mean of the simple effects."""
    interval: Interval | None
    simple_effects: tuple[float, ...]
    """At each level of the other factor, the base configuration's first."""

    @property
    def significant(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    @property
    def reverses_sign(self) -> bool:
        """Whether the factors interact so strongly that the simple effects differ in sign."""
        return min(self.simple_effects) < 0 < max(self.simple_effects)


class Effects(Record):
    """The main effects of both factors, which add up to the total difference."""

    protocol: Effect
    model: Effect
    total: Effect

    def of(self, name: str) -> Effect:
        """One of EFFECTS by its name."""
        effect: Effect = getattr(self, name)
        return effect


def factorial_effects(values: Sequence[MetricValue]) -> Effects | None:
    """The main effects and the total difference; None when a value is missing.

    values: of the four variants (protocol, model) in the order (base, base), (against, base), (base,
    against), (against, against). A main effect is the mean of its two simple effects, one at each level of
    the other factor.
    """
    if len(values) < 4 or any(each.value is None for each in values):
        return None
    neither, protocol, model, both = values
    return Effects(
        protocol=_mean([_difference(neither, protocol), _difference(model, both)]),
        model=_mean([_difference(neither, model), _difference(protocol, both)]),
        total=_mean([_difference(neither, both)]),
    )


def _difference(before: MetricValue, after: MetricValue) -> tuple[float, Interval | None]:
    """A difference and its 95 % interval: half-widths added in quadrature, as for independent values.

    If both values are from the same patents they are correlated, and the interval is wider than necessary.
    There is no interval when one of the values has none.
    """
    start, end = before.value or 0.0, after.value or 0.0
    value = end - start
    if before.interval is None or after.interval is None:
        return value, None
    down, up = (abs(bound - start) for bound in before.interval)
    down_after, up_after = (abs(bound - end) for bound in after.interval)
    return value, (value - hypot(down_after, up), value + hypot(up_after, down))


def _mean(differences: Sequence[tuple[float, Interval | None]]) -> Effect:
    """The mean of differences; its half-widths are means too, because the differences share patents."""
    values = [value for value, _ in differences]
    intervals = [interval for _, interval in differences if interval is not None]
    mean_interval = None
    if len(intervals) == len(differences):
        low, high = (sum(ends) / len(ends) for ends in zip(*intervals, strict=True))
        mean_interval = (low, high)
    return Effect(value=sum(values) / len(values), interval=mean_interval, simple_effects=tuple(values))
