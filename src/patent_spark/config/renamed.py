"""Old names that still work: of settings, of their values, of tables and of commands.

Each use of an old name prints one line on stderr that says the new one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pydantic import JsonValue

SETTINGS = {
    "text.trained_on": "text.fit_on",
    "model.memory": "model.forget_bias_horizon",
    "split.group": "split.group_by_family",
    "split.early_levels": "split.interim_levels",
    "label.exposures": "label.follow_up_months",
    "label.pool": "label.reference_set",
    "evaluate.kept_answers": "evaluate.logged_predictions",
    "audit.texts": "audit.sample_size",
    "audit.recounted": "audit.recount_sample_size",
    "gate.margin": "register.margin",
}
"""Old name -> name of today, both as `section.setting`."""

VALUES = {"text.fit_on": {"train_side": "train"}}
"""Setting (name of today) -> old value -> value of today."""

TABLES = {
    "RELATIVES": "RELATED_DOCUMENTS",
    "EARLY_LEVELS": "INTERIM_LEVELS",
    "CARD": "MODEL_CARD",
    "PROTOCOLS": "ABLATION",
}
"""Old name -> name of today, of tables and of other outputs."""

COMMANDS = {"protocols": "ablate", "similar-words": "neighbors"}
"""Old name -> name of today."""

_warned: set[str] = set()


def current_settings(settings: Mapping[str, JsonValue], warn: bool = True) -> dict[str, JsonValue]:
    """The same settings under the names and values of today; a setting of today's name wins over an old
    one."""
    renamed: dict[str, JsonValue] = {}
    for name, value in settings.items():
        new = SETTINGS.get(name, name)
        if new != name and new in settings:
            continue
        replacement = VALUES.get(new, {}).get(value, value) if isinstance(value, str) else value
        if warn and new != name:
            warn_once(name, new)
        if warn and replacement != value:
            warn_once(f"{new}={value}", f"{new}={replacement}")
        renamed[new] = replacement
    return renamed


def current_command(name: str) -> str:
    """The name of today of a command."""
    if name in COMMANDS:
        warn_once(name, COMMANDS[name])
    return COMMANDS.get(name, name)


def current_table(name: str) -> str:
    """The name of today of a table or another output."""
    if name in TABLES:
        warn_once(name, TABLES[name])
    return TABLES.get(name, name)


def warn_once(old: str, new: str) -> None:
    """One line on stderr, however often the old name is used in this process."""
    if old not in _warned:
        _warned.add(old)
        print(f"patent-spark: {old} is now called {new}; the old name still works", file=sys.stderr)
