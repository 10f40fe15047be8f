"""Commands that ask a trained model: what each takes, and the handler that does it."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patent_spark.config import TASKS, Config, ConfigError
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
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

    models = _models(options, config)
    predictor = Predictor(models, config.predict.min_confidence, Store(config.warehouse.root))
    explain = options.explain if options.explain is not None else file_format == TEXT
    first = True
    row = 1
    for chunk in _chunks(documents):
        for prediction in predictor.predict(chunk, options.top, options.limit_to, explain, row):
            if options.json:
                print(json.dumps(prediction.to_json()))
            else:
                print(("" if first else "\n") + prediction_text(prediction, named=file_format != TEXT))
            first = False
        row += len(chunk)
        sys.stdout.flush()


def similar(options: argparse.Namespace, config: Config) -> None:
    """The nearest patents of a patent or of documents, for people or as JSON lines."""
    documents = _asked_about(options)
    from patent_spark.inference.similar.filters import Filters
    from patent_spark.inference.similar.opening import open_similar
    from patent_spark.inference.similar.report import as_text

    filters = Filters(options.granted_before, options.cpc_class, options.include_family)
    index = open_similar(config, options.vectors, options.model, for_texts=options.id is None)
    answers = (
        [index.answer(options.id, top=options.top, filters=filters)]
        if documents is None
        else (
            index.answer(text=index.text_of(each.fields), id=each.id, top=options.top, filters=filters)
            for each in documents
        )
    )
    for number, answer in enumerate(answers):
        print(
            json.dumps(answer.to_json()) if options.json else "\n" * bool(number) + as_text(answer),
            flush=True,
        )


def _asked_about(options: argparse.Namespace) -> Iterator[Document] | None:
    """The documents that `similar` is asked about; None for a patent of the index.

    Raises ConfigError unless exactly one of patent, text and file is given.
    """
    typed = options.title is not None or options.abstract is not None
    if sum((typed, options.file is not None, options.id is not None)) != 1:
        raise ConfigError("give one of: --id; --title and --abstract; --file", setting="--id")
    return None if options.id is not None else _documents(options)[0]


def _models(options: argparse.Namespace, config: Config) -> dict[str, OpenedModel]:
    """The models by task; of several that answer the same task the first counts."""
    from patent_spark.inference.model_source import open_models

    given = options.model or ["champion"]
    if len(given) == 1:
        return open_models(config, given[0], options.task)
    models: dict[str, OpenedModel] = {}
    for model in given:
        models = open_models(config, model) | models
    missing = [task for task in options.task or () if task not in models]
    if missing:
        raise DataError(
            f"none of {', '.join(given)} has a model of {missing[0]}; there is one of {', '.join(models)}",
            task=missing[0],
        )
    return {task: models[task] for task in options.task or models}


def _documents(options: argparse.Namespace) -> tuple[Iterator[Document], str]:
    """The documents that the options name, and their format. Raises ConfigError for none, and for two."""
    typed = options.title is not None or options.abstract is not None
    file = options.file or getattr(options, "stdin", None)
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
    _add_similar(add)


def _add_similar(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("similar", similar, "the patents nearest to a patent or to a text", logged=False)
    command.add_argument("--id", metavar="PATENT", help="a patent of the index, such as 7654321")
    command.add_argument("--title", metavar="TEXT", help="title of a text that is no patent's")
    command.add_argument("--abstract", metavar="TEXT", help="its abstract")
    command.add_argument("--file", metavar="FILE", help="read texts from a file; - is standard input")
    command.add_argument("--format", choices=FORMATS, help="of the file, as for `predict`")
    command.add_argument("--top", type=_positive, default=10, metavar="N", help="how many (default 10)")
    command.add_argument(
        "--granted-before", type=_day, metavar="DATE",
        help="only patents granted before this day, such as 2015-03-31",
    )  # fmt: skip
    command.add_argument(
        "--class", dest="cpc_class", type=_classes, default=(), metavar="CLASS,CLASS,...",
        help="only patents whose first CPC class is one of these, such as G06",
    )  # fmt: skip
    command.add_argument(
        "--include-family", action="store_true", help="also the patent itself and its family"
    )
    command.add_argument(
        "--vectors", choices=["document", "words"], default="",
        help="kind of vectors (default: document, if the index has them)",
    )  # fmt: skip
    command.add_argument(
        "--model", default="", metavar="MODEL",
        help="what reads the text, such as champion; refused unless it made the index (default: the one that "
        "made it)",
    )  # fmt: skip
    command.add_argument(
        "--json", action="store_true", help="one JSON document a line, see `patent-spark schema SIMILAR`"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2015-03-31, not {text!r}") from None


def _classes(text: str) -> tuple[str, ...]:
    return tuple(code for code in (part.strip().upper() for part in text.split(",")) if code)
