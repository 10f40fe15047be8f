"""Types of settings, each with the check of its values, and what describes a setting."""

from __future__ import annotations

import datetime
from dataclasses import field
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Strict
from pydantic import Field as Bound

from patent_spark.config.paths import home_expanded


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def _day(value: object) -> object:
    if value is not None and not isinstance(value, datetime.date | str):
        raise ValueError("a day is needed, such as 2018-05-29")
    return value


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Bound(ge=0)]
Positive = Annotated[int, Strict(), Bound(ge=1)]
Real = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, le=1)]
ShareBelowOne = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, lt=1)]
OptionalDay = Annotated[datetime.date | None, BeforeValidator(_day)]
String = Annotated[str, Strict()]
Directory = Annotated[str, Strict(), AfterValidator(home_expanded)]

STRICT = ConfigDict(extra="forbid")
"""For all sections: a setting that is not known is an error."""


def setting(default: Any, about: str) -> Any:
    """A dataclass field with its documentation, which `patent-spark config` prints."""
    return field(default=default, metadata={"about": about})
