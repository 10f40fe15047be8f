"""The effects of a 2x2 factorial ablation: their values, their intervals, and interactions."""

import pytest

from patent_spark.experiments.ablation.effects import EFFECTS, MetricValue, factorial_effects


def values_of(*values, widths=((0.03, 0.03),) * 4):
    return [
        MetricValue(value=value, interval=(value - down, value + up))
        for value, (down, up) in zip(values, widths, strict=True)
    ]


def test_main_effects_are_means_of_simple_effects():
    """The protocol costs 0.1 with one model and 0.3 with the other, the model 0.2 and 0.4."""
    effects = factorial_effects(values_of(0.9, 0.8, 0.7, 0.4))
    assert {name: effects.of(name).value for name in EFFECTS} == pytest.approx(
        {"protocol": -0.2, "model": -0.3, "total": -0.5}
    )
    assert effects.protocol.simple_effects == pytest.approx([-0.1, -0.3])
    assert effects.model.simple_effects == pytest.approx([-0.2, -0.4])
    assert effects.total.simple_effects == pytest.approx([-0.5])
    assert not any(effects.of(name).reverses_sign for name in EFFECTS)


def test_half_widths_are_added_in_quadrature_on_each_side():
    """Down: 0.04 and 0.03 make 0.05. Up: 0.12 and 0.05 make 0.13. A main effect has the mean of two."""
    widths = [(0.05, 0.03), (0.04, 0.12), (0.04, 0.12), (0.04, 0.12)]
    effects = factorial_effects(values_of(0.5, 0.5, 0.5, 0.6, widths=widths))
    assert effects.total.interval == pytest.approx([0.1 - 0.05, 0.1 + 0.13])
    other = (0.04**2 + 0.12**2) ** 0.5  # of two values with the wider interval
    expected = [0.05 - (0.05 + other) / 2, 0.05 + (0.13 + other) / 2]
    assert effects.protocol.interval == pytest.approx(expected)
    assert effects.model.interval == pytest.approx(expected)
    significant = {name: effects.of(name).significant for name in EFFECTS}
    assert significant == {"protocol": False, "model": False, "total": True}


def test_simple_effects_that_differ_in_sign_are_an_interaction():
    effects = factorial_effects(values_of(0.5, 0.6, 0.5, 0.3))
    reversals = {name: effects.of(name).reverses_sign for name in EFFECTS}
    assert reversals == {"protocol": True, "model": False, "total": False}


def test_missing_values_and_intervals():
    known = values_of(0.9, 0.8, 0.7, 0.4)
    assert factorial_effects([*known[:3], MetricValue(value=None, interval=None)]) is None
    effects = factorial_effects([known[0], MetricValue(value=0.8, interval=None), *known[2:]])
    assert (effects.protocol.interval, effects.model.interval) == (None, None)
    assert effects.total.interval is not None
    assert effects.protocol.value == pytest.approx(-0.2)
    assert not effects.protocol.significant
