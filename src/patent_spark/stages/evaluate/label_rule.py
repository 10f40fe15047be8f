"""Which rule the citation levels follow. Levels of different rules must not be compared."""

from __future__ import annotations

from patent_spark.config import CITATION_LEVEL, Config, flatten
from patent_spark.core.store import Store

DEFAULT, CLASS_REFERENCE_SET, OTHER = "default", "class_reference_set", "other"
"""Percentiles by class and year with default settings; percentiles by class; any other settings of
`label`."""


def label_rule(store: Store, task: str) -> str:
    """The rule by which the labels of a task were made; DEFAULT for a task without citation levels."""
    label = store.manifest("label")
    if task != CITATION_LEVEL or label is None:
        return DEFAULT
    defaults = flatten(Config())
    changed = {
        name: value
        for name, value in label.settings.items()
        if value != defaults.get(name) and name != "label.follow_up_months"
    }
    if not changed:
        return DEFAULT
    return CLASS_REFERENCE_SET if changed == {"label.reference_set": "class"} else OTHER
