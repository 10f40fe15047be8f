"""Which patents may be among the nearest."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class Filters:
    """What a neighbour must be; the default leaves out the patent asked about and its family alone."""

    granted_before: datetime.date | None = None
    """Granted before this day, the day itself excluded: prior art."""
    classes: tuple[str, ...] = ()
    """Of one of these CPC classes, such as G06; empty: of any or none."""
    include_family: bool = False
    """Also the patent itself and the members of its family."""
