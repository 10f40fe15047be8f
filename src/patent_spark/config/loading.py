"""Read a configuration from defaults, YAML files and `--set`; write it as flat names, YAML or a digest.

An unknown or ill-typed setting raises ConfigError.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from patent_spark.config.errors import ConfigError
from patent_spark.config.renamed import current_settings
from patent_spark.config.settings import Config
from patent_spark.config.text_settings import text_settings, texts_as_written
from patent_spark.config.validation import check_together

Settings = dict[str, JsonValue]
"""Flat `section.setting` -> value."""

_ADAPTER = TypeAdapter(Config)


def load_config(files: Sequence[str | Path] = (), sets: Sequence[str] = ()) -> tuple[Config, dict[str, str]]:
    """Merge defaults, YAML files and `section.setting=value` strings.

    Returns the configuration and, for each `section.setting` that is not at its default, where its value came
    from.
    Raises ConfigError.
    """
    merged: Settings = {}
    origin: dict[str, str] = {}
    for path in files:
        for name, value in current_settings(_read_yaml(Path(path))).items():
            merged[name], origin[name] = value, str(path)
    for assignment in sets:
        for name, value in current_settings(_read_assignment(assignment)).items():
            merged[name], origin[name] = value, "--set"
    config = _build(merged, origin)
    check_together(config)
    return config, origin


def flatten(config: Config) -> Settings:
    """Every `section.setting` and its value, in the order of their sections; dates as ISO text."""
    tree = _ADAPTER.dump_python(config, mode="json")
    return {"tasks": tree.pop("tasks")} | {
        f"{name}.{k}": v for name, settings in tree.items() for k, v in settings.items()
    }


def shown(config: Config) -> dict[str, str]:
    """Every setting as text, without passwords."""
    return {name: without_password(str(value)) for name, value in flatten(config).items()}


def recorded(settings: Settings) -> Config:
    """The configuration of a manifest. Missing settings take their default; unknown ones are ignored."""
    known = about_settings()
    settings = current_settings(settings)
    return _build({name: value for name, value in settings.items() if name in known}, {})


def with_settings(config: Config, settings: Settings) -> Config:
    """The configuration with other values for some settings. Raises ConfigError when they contradict."""
    settings = current_settings(settings)
    changed = _build(flatten(config) | settings, dict.fromkeys(settings, "set for this run"))
    check_together(changed)
    return changed


def to_yaml(config: Config) -> str:
    """The whole configuration as YAML that load_config reads back."""
    return yaml.safe_dump(_ADAPTER.dump_python(config, mode="json"), sort_keys=False)


def without_password(text: str) -> str:
    """The text with *** for the password of each URI in it."""
    return re.sub(r"(://[^\s/:@]*:)[^\s/]*@", r"\1***@", text)


def about_settings() -> dict[str, str]:
    """What each setting means."""
    about: dict[str, str] = {}
    for field_ in dataclasses.fields(Config):
        value = getattr(Config(), field_.name)
        if dataclasses.is_dataclass(value):
            about |= {f"{field_.name}.{f.name}": f.metadata["about"] for f in dataclasses.fields(value)}
        else:
            about[field_.name] = field_.metadata["about"]
    return about


def _read_yaml(path: Path) -> Settings:
    try:
        text = path.read_text()
        tree, written = yaml.safe_load(text) or {}, yaml.load(text, yaml.BaseLoader)
    except OSError as error:
        raise ConfigError(f"--config {path}: {error.strerror}", file=str(path)) from error
    # ValueError: bytes that are not text, a date that does not exist.
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"--config {path} is not YAML: {reason}", file=str(path)) from error
    if not isinstance(tree, dict):
        raise ConfigError(
            f"--config {path} must hold sections of settings, not a {type(tree).__name__}",
            file=str(path),
            type=type(tree).__name__,
        )
    settings: Settings = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            settings |= {f"{name}.{k}": v for k, v in value.items()}
            settings |= texts_as_written(str(name), written[str(name)], settings)
        elif value is not None or name == "tasks":
            settings[str(name)] = value
    return settings


def _read_assignment(assignment: str) -> Settings:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise ConfigError(f"--set {assignment}: write --set section.setting=value", assignment=assignment)
    if name.strip() in text_settings():
        # Not parsed: a path may hold what YAML reads as a comment, an id may look like a date.
        return {name.strip(): value}
    try:
        return {name.strip(): yaml.safe_load(value) if value else ""}
    # ValueError: a date that does not exist.
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"--set {assignment}: the value is not YAML: {' '.join(str(error).split())}",
            assignment=assignment,
        ) from error


def _build(settings: Settings, origin: dict[str, str]) -> Config:
    known = about_settings()
    # Start from the defaults of Config: those of a task's section differ from those of its class.
    tree: dict[str, Any] = _ADAPTER.dump_python(Config(), mode="json")
    for name, value in settings.items():
        if name not in known:
            raise ConfigError(
                f"unknown setting {name} ({origin[name]}); {_neighbours(name, known)}", setting=name
            )
        if name == "tasks":
            tree[name] = value
        else:
            part, _, key = name.partition(".")
            tree[part][key] = value
    try:
        return _ADAPTER.validate_python(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:2])
        message = first["msg"][0].lower() + first["msg"][1:]
        raise ConfigError(
            f"{name} = {first['input']!r} ({origin.get(name, 'default')}): {message}; "
            f"{name}: {known.get(name, '')}",
            setting=name,
            value=repr(first["input"]),
        ) from error


def _neighbours(name: str, known: dict[str, str]) -> str:
    part = name.partition(".")[0]
    siblings = [k for k in known if k.startswith(part + ".")]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    if siblings:
        return f"{hint}{part} has: {', '.join(k.partition('.')[2] for k in siblings)}"
    return f"{hint}sections are: {', '.join(dict.fromkeys(k.partition('.')[0] for k in known))}"
