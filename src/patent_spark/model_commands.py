"""Commands that ask a trained model: what each takes, and the handler that does it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patent_spark.config import TASKS, Config, ConfigError
from patent_spark.core.errors import DataError
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.readers import (
    FORMATS,
    STANDARD_INPUT,
    TEXT,
    format_of,
    read_documents,
)

if TYPE_CHECKING:
    from patent_spark.inference.model_source import OpenedModel

_AT_ONCE = 64
"""Documents that are scored together and then printed."""


def predict(options: argparse.Namespace, config: Config) -> None:
    """The answers of a model about documents, for people or as JSON lines."""
    documents, file_format = _documents(options)
    if options.top < 1:
        raise ConfigError(f"--top {options.top}: at least 1 class is shown", setting="--top")
    from patent_spark.inference.prediction.page_text import prediction_text
    from patent_spark.inference.prediction.predictor import Predictor

    predictor = Predictor(_models(options, config), config.predict.min_confidence)
    explain = options.explain if options.explain is not None else file_format == TEXT
    first = True
    row = 1
    for chunk in _chunks(documents):
        for prediction in predictor.predict(chunk, options.top, options.limit_to, explain, row):
            if options.json:
                print(json.dumps(prediction.to_json()))
            else:
                print(("" if first else "\n") + prediction_text(prediction))
            first = False
        row += len(chunk)
        sys.stdout.flush()


def _models(options: argparse.Namespace, config: Config) -> dict[str, OpenedModel]:
    """The models by task; of several that answer the same task the first counts."""
    from patent_spark.inference.model_source import open_models

    given = options.model or ["champion"]
    if len(given) == 1:
        return open_models(config, given[0], options.task)
    found: dict[str, OpenedModel] = {}
    for model in given:
        found = open_models(config, model) | found
    return {task: model for task, model in found.items() if task in (options.task or found)}


def _documents(options: argparse.Namespace) -> tuple[Iterator[Document], str]:
    """The documents that the options name, and their format. Raises ConfigError for none, and for two."""
    typed = options.title is not None or options.abstract is not None
    file = options.file or options.stdin
    if typed and file:
        raise ConfigError("give --title and --abstract, or --file, not both", setting="--file")
    if options.format and typed:
        raise ConfigError("--format is about a file; --title and --abstract have none", setting="--format")
    if typed:
        return iter([Document(options.title or "", options.abstract or "")]), TEXT
    if file is None and sys.stdin.isatty():
        raise ConfigError(
            "nothing to predict: give --title and --abstract, --file, or a text on standard input",
            setting="--title",
        )
    file_format = options.format or format_of(file or STANDARD_INPUT)
    return read_documents(file or STANDARD_INPUT, file_format), file_format


def _chunks(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Documents in groups; an error of the reader comes after the group that it interrupts."""
    chunk: list[Document] = []
    try:
        for document in documents:
            chunk.append(document)
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
    except DataError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def add_model_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands to the parser."""
    command = add(
        "predict", predict, "class and citation level of patents, from title and abstract", logged=False
    )
    command.add_argument("stdin", nargs="?", choices=["-"], metavar="-", help="read standard input")
    command.add_argument("--title", metavar="TEXT", help="title of the patent")
    command.add_argument("--abstract", metavar="TEXT", help="abstract of the patent")
    command.add_argument("--file", metavar="FILE", help="read patents from a file; - is standard input")
    command.add_argument(
        "--format", choices=FORMATS,
        help="of the file, if its extension does not say it. text: the title in the first line, then the "
        "abstract | jsonl: an object a line with title, abstract, id | csv: with these columns",
    )  # fmt: skip
    command.add_argument(
        "--model", action="append", metavar="MODEL",
        help="champion (default), models:/NAME/NUMBER, TASK=NUMBER, run:ID, or the folder of a package; one "
        "for each task with more --model",
    )  # fmt: skip
    command.add_argument(
        "--task", action="append", choices=TASKS, help="one task only (default: all that have a model)"
    )
    command.add_argument("--top", type=int, default=5, metavar="N", help="how many classes (default 5)")
    command.add_argument(
        "--limit-to", type=_classes, default=(), metavar="CLASS,CLASS,...",
        help="choose among these CPC classes only",
    )  # fmt: skip
    command.add_argument(
        "--explain", action=argparse.BooleanOptionalAction, default=None,
        help="show the words that mattered; by default for a text, not for JSON lines and CSV",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="one JSON document a line")


def _classes(text: str) -> tuple[str, ...]:
    return tuple(code for code in (part.strip() for part in text.split(",")) if code)
