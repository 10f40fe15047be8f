"""The rule of a task's labels, from the settings that they were made with."""

import pytest

from patent_spark.core.store import Store
from patent_spark.stages.evaluate.label_rule import label_rule
from tests.support.corruption import rewrite_manifest
from tests.support.factories import publish


@pytest.mark.parametrize(
    ("settings", "technology", "citation_level"),
    [
        ({}, "default", "default"),
        ({"technology.level": "class"}, "default", "default"),
        ({"technology.level": "subclass"}, "subclass", "default"),
        ({"technology.level": "section", "label.reference_set": "class"}, "section", "class_reference_set"),
        ({"label.horizon_months": 12}, "default", "other"),
    ],
)
def test_the_rule_of_each_task(tmp_path, settings, technology, citation_level):
    store = Store(tmp_path)
    publish(store, "label", {})
    rewrite_manifest(store, "label", settings=settings)
    assert label_rule(store, "technology") == technology
    assert label_rule(store, "citation_level") == citation_level
