"""Commands that look something up: tables, words, the origin of a model, schemas, settings."""

from __future__ import annotations

import argparse
import json
import sys

from patent_spark.commands.arguments import Add
from patent_spark.config import Config, about_settings, flatten
from patent_spark.config.renamed import current_table
from patent_spark.core.json_schemas import DOCUMENTS, json_schema
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import open_store


def add_lookup_commands(add: Add) -> None:
    """Add the commands to the parser."""
    tables = sorted(STAGE_OF)
    path = add("where", where, "print the directory of a table or another output", logged=False)
    path.add_argument("table", type=current_table, choices=tables, metavar="TABLE", help=", ".join(tables))
    traced = add("lineage", lineage, "trace a model back to its training, tables and the release's files")
    traced.add_argument(
        "model", nargs="?", default="champion", metavar="MODEL",
        help="champion (default), technology, models:/NAME/NUMBER, or the id or name of a run",
    )  # fmt: skip
    traced.add_argument("--json", action="store_true", help="as JSON (schema LINEAGE)")
    near = add("neighbors", neighbors, "print the words whose vectors are nearest to a word's")
    near.add_argument("word", metavar="WORD")
    near.add_argument("--top", type=int, default=10, metavar="N", help="how many words (default 10)")
    described = add("schema", schema, "print the JSON schema of a document, or all names", logged=False)
    described.add_argument(
        "name", nargs="?", choices=list(DOCUMENTS), metavar="NAME", help=", ".join(DOCUMENTS)
    )
    add("config", print_config, "print every setting, its value, its origin and its meaning", logged=False)


def where(options: argparse.Namespace, config: Config) -> None:
    """The directory of a table."""
    print(open_store(config.warehouse).directory(options.table))


def lineage(options: argparse.Namespace, config: Config) -> None:
    """From a model back to the release's files."""
    from patent_spark.lineage.as_text import as_text
    from patent_spark.lineage.trace import send_events, trace

    report = trace(config, options.model)
    send_events(config, report)
    print(json.dumps(report.to_json(), indent=1) if options.json else as_text(report))


def neighbors(options: argparse.Namespace, config: Config) -> None:
    """The nearest words of a word."""
    from patent_spark.experiments.similar_words import similar_words

    print(similar_words(config, options.word, options.top))


def schema(options: argparse.Namespace, config: Config) -> None:
    """The JSON schema of a document, or the names of all."""
    print(json.dumps(json_schema(options.name), indent=1) if options.name else "\n".join(DOCUMENTS))


def print_config(options: argparse.Namespace, config: Config) -> None:
    """Every setting."""
    about = about_settings()
    for name, value in flatten(config).items():
        print(f"{name} = {json.dumps(value)}  # {options.origin.get(name, 'default')}: {about[name]}")
    sys.stdout.flush()
