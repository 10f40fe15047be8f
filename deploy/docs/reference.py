"""The pages of docs/reference, made from the settings, the command line, the tables and the JSON records.

`python deploy/docs/reference.py` (`make reference`) writes them; a test compares them.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, JsonValue, TypeAdapter

from patent_spark import cli
from patent_spark.commands.parser import parser
from patent_spark.config import Config, PatentSparkError, about_settings
from patent_spark.core.json_schemas import DOCUMENTS, json_schema, record_of
from patent_spark.core.schemas import TABLES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
Schema = dict[str, typing.Any]


def pages() -> dict[str, str]:
    """Text of each page by its file name."""
    return {
        "settings.md": settings(),
        "commands.md": commands(),
        "columns.md": columns(),
        "json.md": records(),
    }


# --- settings


def settings() -> str:
    """All settings by section: default, values, meaning."""
    about, defaults = about_settings(), Config()
    parts = [
        "# Settings",
        "Each is `section.setting`, in a YAML file or with `--set` ([configuration](../configuration.md)).",
    ]
    rows = [
        _setting("tasks", defaults.tasks, TypeAdapter(Config).json_schema()["properties"]["tasks"], about)
    ]
    parts.append(_table(("setting", "default", "values", "meaning"), rows))
    for section in dataclasses.fields(Config):
        value = getattr(defaults, section.name)
        if dataclasses.is_dataclass(value):
            schema = TypeAdapter(type(value)).json_schema()
            parts += [f"## {section.name}", inspect.cleandoc(type(value).__doc__ or "")]
            rows = [
                _setting(f"{section.name}.{field.name}", getattr(value, field.name),
                         schema["properties"][field.name], about)
                for field in dataclasses.fields(value)
            ]  # fmt: skip
            parts.append(_table(("setting", "default", "values", "meaning"), rows))
    return _page(parts)


def _setting(name: str, default: object, schema: Schema, about: dict[str, str]) -> tuple[str, ...]:
    written = json.dumps(default, default=str)
    return f"`{name.rpartition('.')[2]}`", f"`{written}`", _type(schema), _text(about[name])


# --- commands


def commands() -> str:
    """All commands with their arguments, and the exit codes."""
    parts = [
        "# Commands",
        "Every command takes `--config FILE` (YAML; later files win over earlier ones), "
        "`--set SECTION.SETTING=VALUE` (wins over all files) and `--help`. Scripts in `jobs/` take the same "
        "arguments under `spark-submit`.",
    ]
    listed = [(f"[{name}](#{name})", _text(about)) for name, about, _ in _commands()]
    parts.append(_table(("command", ""), listed))
    for name, about, command in _commands():
        arguments = [each for each in command._actions if each.dest not in ("help", "config", "set")]
        rows = [(_written(each), _text(each.help or "")) for each in arguments]
        parts += [f"## {name}", f"{_text(about)}"]
        parts += [_table((f"`patent-spark {name}`", ""), rows)] if rows else []
    codes = {cli.DONE: "The work is done.", cli.INTERRUPTED: "Interrupted from the keyboard."}
    codes |= {1: "The work failed.", 2: "The command line or a setting is wrong."}
    for kind in _errors():
        codes.setdefault(kind.exit_code, inspect.cleandoc(kind.__doc__ or "").splitlines()[0])
    parts += [
        "## Exit codes",
        _table(("code", ""), [(f"`{code}`", _text(codes[code])) for code in sorted(codes)]),
    ]
    return _page(parts)


def _commands() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    (listed,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    for choice in listed._choices_actions:
        yield choice.dest, choice.help or "", listed.choices[choice.dest]


def _written(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if action.choices and not action.metavar:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return f"`[{value}]`" if action.nargs == "?" else f"`{value}`"
    return ", ".join(f"`{option} {value}`" if value and action.nargs != 0 else f"`{option}`"
                     for option in action.option_strings)  # fmt: skip


def _errors() -> list[type[PatentSparkError]]:
    """Error classes with an exit code of their own, from the base class downwards."""
    return [kind for kind in PatentSparkError.__subclasses__() if "exit_code" in vars(kind)]


# --- tables


def columns() -> str:
    """All tables: grain, stage, columns."""
    parts = [
        "# Columns of the tables",
        "What one row is, and what each column means. [Tables](../tables.md) tells where they lie.",
        _table(("table", "one row per", "made by"), [
            (f"[{table.name}](#{table.name.lower()})", _text(_grain(table.grain)), f"`{table.stage}`")
            for table in TABLES.values()
        ]),
    ]  # fmt: skip
    for table in TABLES.values():
        rows = [
            (f"`{name}`", f"{kind.spark().simpleString()}", _text(about))
            for name, kind, about in table.columns
        ]
        folders = ", ".join(f"`{name}`" for name in table.partitioned_by)
        parts += [f"## {table.name}", _text(table.grain)]
        parts += [f"In folders by {folders}."] if folders else []
        parts.append(_table(("column", "type", "meaning"), rows))
    return _page(parts)


def _grain(sentence: str) -> str:
    """What follows "One row per", up to the first clause that only adds to it."""
    return sentence.removeprefix("One row per ").partition(";")[0].partition(":")[0].rstrip(".")


# --- JSON


def records() -> str:
    """All documents that scripts may rely on, then the records that they are made of."""
    schemas: dict[str, Schema] = {name: json_schema(name) for name in DOCUMENTS}
    described = {_name_in_schema(kind): kind for name in DOCUMENTS for kind in _kinds(record_of(name))}
    parts = [
        "# JSON documents",
        "`patent-spark schema NAME` prints the JSON schema (draft 2020-12) of each. The names in italics are "
        "the records further down.",
    ]
    for name, schema in schemas.items():
        parts += [f"## {name}", *_record(schema, record_of(name))]
    parts += ["## Records", "What the documents are made of, in the order of their names."]
    used = {name: each for schema in schemas.values() for name, each in schema.get("$defs", {}).items()}
    for name in sorted(used):
        parts += [f"### {name}", *_record(used[name], described.get(name))]
    return _page(parts)


def _record(schema: Schema, kind: type[BaseModel] | None) -> list[str]:
    """Description and fields of a record; a list of choices without fields is one line."""
    about = [" ".join(schema.get("description", "").split())]
    told = _field_docstrings(kind) if kind else {}
    rows = [
        (f"`{name}`", _type(field), _text(field.get("description") or told.get(name, "")))
        for name, field in schema.get("properties", {}).items()
    ]
    if not rows:
        return [_text(each) for each in about if each] + [_type(schema)]
    header = ("field", "type", "meaning") if any(row[2] for row in rows) else ("field", "type")
    return [_text(each) for each in about if each] + [_table(header, [row[: len(header)] for row in rows])]


def _kinds(kind: object) -> Iterator[type[BaseModel]]:
    """A record, and all records within it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from _kinds(field.annotation)
    for part in typing.get_args(kind):
        yield from _kinds(part)


def _name_in_schema(kind: type[BaseModel]) -> str:
    """Pair[float] is Pair_float_ there."""
    return re.sub(r"\W", "_", kind.__name__)


def _field_docstrings(kind: type[BaseModel]) -> dict[str, str]:
    """The docstrings that stand below the fields of a record and of those that it inherits from."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if (
            each is not BaseModel
            and issubclass(each, BaseModel)
            and each.__module__.startswith("patent_spark")
        ):
            try:
                (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
            except OSError:  # of a class that create_model made
                continue
            told |= dict(_docstrings(typing.cast(ast.ClassDef, tree).body))
    return told


def _docstrings(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(below.value.value).split())


# --- Markdown


def _type(schema: Schema) -> str:
    """The type of a value in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"*[{name}](#{name.lower()})*"
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "allOf" in schema:
        return " ".join(map(_type, schema["allOf"]))
    return _plain_type(schema)


def _plain_type(schema: Schema) -> str:
    kind = schema.get("type", "any")
    if kind == "array":
        parts = schema.get("prefixItems")
        inner = f"({', '.join(map(_type, parts))})" if parts else _type(schema.get("items", {}))
        return f"list of {inner}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    if schema.get("format"):
        return f"{kind} ({schema['format']})"
    bounds = [
        f"{sign} {schema[key]}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in schema
    ]
    return " ".join([kind, *bounds]).replace("<", "&lt;").replace(">", "&gt;")


def _text(words: str) -> str:
    """Words that Markdown must not read as syntax."""
    words = " ".join(words.split()).replace("%%", "%")
    for sign, escaped in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("|", "\\|"),
        ("*", "\\*"),
        ("[", "\\["),
        ("_", "\\_"),
    ):
        words = words.replace(sign, escaped)
    parts = words.split("`")  # what stands in backticks is code already
    return "`".join(_unescaped(part) if place % 2 else part for place, part in enumerate(parts))


def _unescaped(code: str) -> str:
    for escaped, sign in (("\\*", "*"), ("\\[", "["), ("&lt;", "<"), ("&amp;", "&")):
        code = code.replace(escaped, sign)
    return code


def _table(header: tuple[str, ...], rows: Iterable[tuple[JsonValue, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _page(parts: list[str]) -> str:
    return "<!-- Made by deploy/docs/reference.py (`make reference`). -->\n\n" + "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
        print(FOLDER / name)


if __name__ == "__main__":
    main()
