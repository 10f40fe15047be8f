"""Settings whose value is a text of any kind, which is taken as it is written."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import get_type_hints

from pydantic import JsonValue

from patent_spark.config.settings import Config


@cache
def text_settings() -> frozenset[str]:
    """The settings whose value is free text: paths, names, addresses."""
    return frozenset(
        f"{part.name}.{each.name}"
        for part in dataclasses.fields(Config)
        if dataclasses.is_dataclass(section := getattr(Config(), part.name))
        for each, kind in zip(
            dataclasses.fields(section), get_type_hints(type(section)).values(), strict=True
        )
        if kind is str
    )


def texts_as_written(
    section: str, written: dict[str, JsonValue], settings: dict[str, JsonValue]
) -> dict[str, str]:
    """The text settings of a section as written, where YAML would read a date or a number."""
    names = {f"{section}.{k}": v for k, v in written.items() if isinstance(v, str)}
    texts = text_settings()
    return {k: v for k, v in names.items() if k in texts and settings[k] is not None}
