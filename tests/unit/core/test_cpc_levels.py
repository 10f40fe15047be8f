"""The level of the CPC that labels have."""

import pytest

from patent_spark.core.cpc_levels import class_of, level_of


@pytest.mark.parametrize(
    ("labels", "level"),
    [(["A", "H"], "section"), (["A01", "H04"], "class"), (["A01B", "H04L"], "subclass"), ([], "class")],
)
def test_the_length_of_labels_tells_their_level(labels, level):
    assert level_of(labels) == level


def test_the_class_of_a_label():
    assert [class_of(label) for label in ("H04L", "H04", "H")] == ["H04", "H04", None]
