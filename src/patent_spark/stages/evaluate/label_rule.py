"""Which rule the labels of a task follow. Labels of different rules must not be compared."""

from __future__ import annotations

from patent_spark.config import CITATION_LEVEL, Config, flatten, recorded
from patent_spark.core.cpc_levels import CLASS
from patent_spark.core.store import Store

DEFAULT, CLASS_REFERENCE_SET, OTHER = "default", "class_reference_set", "other"
"""Percentiles by class and year with default settings; percentiles by class; any other settings of
`label`."""


def label_rule(store: Store, task: str) -> str:
    """The rule by which the labels of a task were made.

    Of technology: the level of the CPC, section or subclass; DEFAULT for classes.
    """
    label = store.manifest("label")
    if label is None:
        return DEFAULT
    if task != CITATION_LEVEL:
        level = recorded(label.settings).technology.level
        return DEFAULT if level == CLASS else level
    defaults = flatten(Config())
    changed = {
        name: value
        for name, value in label.settings.items()
        if name.startswith("label.") and value != defaults.get(name) and name != "label.follow_up_months"
    }
    if not changed:
        return DEFAULT
    return CLASS_REFERENCE_SET if changed == {"label.reference_set": "class"} else OTHER
