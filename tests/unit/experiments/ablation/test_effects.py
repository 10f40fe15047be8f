"""The step between two configurations: whose it is, how wide its interval is, and what says nothing."""

import pytest

from patent_spark.experiments.ablation.effects import effects, is_certain, is_torn


def figures(*values, widths=((0.03, 0.03),) * 4):
    return [
        {"value": value, "interval": [value - down, value + up]}
        for value, (down, up) in zip(values, widths, strict=True)
    ]


def test_whose_the_step_is():
    """With our model the protocol takes 0.1, with theirs 0.3; under our protocol the model takes 0.2, under theirs 0.4."""
    told = effects(figures(0.9, 0.8, 0.7, 0.4))
    assert {part: told[part]["value"] for part in told} == pytest.approx(
        {"protocol": -0.2, "model": -0.3, "both": -0.5}
    )
    assert told["protocol"]["steps"] == pytest.approx([-0.1, -0.3])
    assert told["model"]["steps"] == pytest.approx([-0.2, -0.4])
    assert told["both"]["steps"] == pytest.approx([-0.5])
    assert not any(is_torn(told[part]) for part in told)


def test_intervals_are_joined_in_quadrature_side_by_side():
    """Down: what theirs can fall by (0.04) and ours rise by (0.03) make 0.05; up: 0.12 and 0.05 make 0.13. Of two steps, the mean."""
    told = effects(
        figures(0.5, 0.5, 0.5, 0.6, widths=[(0.05, 0.03), (0.04, 0.12), (0.04, 0.12), (0.04, 0.12)])
    )
    assert told["both"]["interval"] == pytest.approx([0.1 - 0.05, 0.1 + 0.13])
    between = (0.04**2 + 0.12**2) ** 0.5  # of two that are as wide as theirs
    assert told["protocol"]["interval"] == pytest.approx(
        [0.05 - (0.05 + between) / 2, 0.05 + (0.13 + between) / 2]
    )
    assert told["model"]["interval"] == pytest.approx(told["protocol"]["interval"])
    assert {part: is_certain(told[part]) for part in told} == {
        "protocol": False,
        "model": False,
        "both": True,
    }


def test_steps_that_differ_in_sign():
    told = effects(figures(0.5, 0.6, 0.5, 0.3))
    assert {part: is_torn(told[part]) for part in told} == {"protocol": True, "model": False, "both": False}


def test_what_is_missing():
    known = figures(0.9, 0.8, 0.7, 0.4)
    assert effects([*known[:3], {"value": None, "interval": None}]) is None
    told = effects([known[0], known[1] | {"interval": None}, *known[2:]])
    assert (told["protocol"]["interval"], told["model"]["interval"]) == (None, None)
    assert told["both"]["interval"] is not None
    assert told["protocol"]["value"] == pytest.approx(-0.2)
    assert not is_certain(told["protocol"])
