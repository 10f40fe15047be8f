"""The step from one configuration to another, taken apart: what of it is the protocol's, what the model's, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import Any

Found = dict[str, Any]

PARTS = ("protocol", "model", "both")


def effects(figures: Sequence[Found]) -> dict[str, Found] | None:
    """What of the step from ours to theirs is the protocol's and what the model's; None when a figure is missing.

    figures: {value, interval} of the mixtures in their order (protocol, model): (ours, ours), (theirs, ours),
    (ours, theirs), (theirs, theirs). Each part is the mean of its two steps, with our model (protocol) and with theirs,
    so that the two add up to the whole: {value, interval, steps}.
    """
    if len(figures) < 4 or any(figure["value"] is None for figure in figures):
        return None
    neither, protocol, model, both = figures
    return {
        "protocol": _mean([_step(neither, protocol), _step(model, both)]),
        "model": _mean([_step(neither, model), _step(protocol, both)]),
        "both": _mean([_step(neither, both)]),
    }


def is_certain(effect: Found) -> bool:
    """Whether 0 lies outside the interval."""
    ends: list[float] | None = effect["interval"]
    return ends is not None and not ends[0] <= 0 <= ends[1]


def is_torn(effect: Found) -> bool:
    """Whether the steps that are averaged differ in sign."""
    steps: list[float] = effect["steps"]
    return min(steps) < 0 < max(steps)


def _step(before: Found, after: Found) -> Found:
    """A difference and its 95 % interval: the half-widths of both sides in quadrature, as of two independent figures.

    Where the sides share patents they move together, and the interval is wider than it need be; it is None when one of
    them has none.
    """
    value = after["value"] - before["value"]
    if before["interval"] is None or after["interval"] is None:
        return {"value": value, "interval": None}
    (down, up), (down_after, up_after) = (
        [abs(end - side["value"]) for end in side["interval"]] for side in (before, after)
    )
    return {"value": value, "interval": [value - hypot(down_after, up), value + hypot(up_after, down)]}


def _mean(steps: Sequence[Found]) -> Found:
    """The mean of steps, with the mean of their half-widths: they share patents, so that nothing is gained by there being two."""
    values = [step["value"] for step in steps]
    ends = [step["interval"] for step in steps]
    known = None if None in ends else [sum(side) / len(steps) for side in zip(*ends, strict=True)]
    return {"value": sum(values) / len(steps), "interval": known, "steps": values}
