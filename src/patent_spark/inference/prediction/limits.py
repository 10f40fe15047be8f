"""The classes that an answer is limited to."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from patent_spark.config import ConfigError


def chosen_places(limit_to: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Places of the classes among the model's labels, all of them without a limit.

    Raises ConfigError for a class that the model does not know, with those of a like name.
    """
    places = {label: place for place, label in enumerate(labels)}
    if not limit_to:
        return list(places.values())
    wanted = dict.fromkeys(code.strip().upper() for code in limit_to)
    for code in wanted:
        if code not in places:
            raise ConfigError(
                f"limit_to: {code!r} is none of the {len(labels)} classes of the model{_near(code, labels)}",
                setting="limit_to",
                value=code,
            )
    return [places[code] for code in wanted]


def _near(code: str, labels: Sequence[str]) -> str:
    near = [label for label in labels if code and label[:2] == code[:2]]
    near.sort(key=lambda label: label != code[:3])
    near = near or difflib.get_close_matches(code, labels, n=5, cutoff=0.3)
    near = near or [label for label in labels if label[:1] == code[:1]]
    return f"; near it: {', '.join(near[:8])}" if near else ""
