"""Commands that ask a trained model: what each takes, and the handler that does it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from patent_spark.commands.arguments import Add
from patent_spark.commands.documents import classes, documents_of, in_chunks
from patent_spark.commands.similar import add_similar_command
from patent_spark.config import TASKS, Config, ConfigError
from patent_spark.core.errors import DataError
from patent_spark.core.store import open_store
from patent_spark.inference.prediction.readers import FORMATS, TEXT

if TYPE_CHECKING:
    from patent_spark.inference.model_source import OpenedModel


def predict(options: argparse.Namespace, config: Config) -> None:
    """The answers of a model about documents, for people or as JSON lines."""
    documents, file_format = documents_of(options)
    if options.top < 1:
        raise ConfigError(f"--top {options.top}: at least 1 class is shown", setting="--top")
    from patent_spark.inference.prediction.as_text import prediction_text
    from patent_spark.inference.prediction.predictor import Predictor

    models = _models(options, config)
    predictor = Predictor(models, config.predict.min_confidence, open_store(config.warehouse))
    explain = options.explain if options.explain is not None else file_format == TEXT
    first = True
    row = 1
    for chunk in in_chunks(documents):
        for prediction in predictor.predict(chunk, options.top, options.limit_to, explain, row):
            if options.json:
                print(json.dumps(prediction.to_json()))
            else:
                print(("" if first else "\n") + prediction_text(prediction, named=file_format != TEXT))
            first = False
        row += len(chunk)
        sys.stdout.flush()


def serve(options: argparse.Namespace, config: Config) -> None:
    """The HTTP service, until SIGTERM."""
    from patent_spark.service.serve import serve

    serve(config, options.model)


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


def add_model_commands(add: Add) -> None:
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
        "abstract | jsonl: one object per line with title, abstract, id | csv: with these columns",
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
        "--limit-to", type=classes, default=(), metavar="CLASS,CLASS,...",
        help="choose among these CPC classes only",
    )  # fmt: skip
    command.add_argument(
        "--explain", action=argparse.BooleanOptionalAction, default=None,
        help="show the words that mattered; by default for a text, not for JSON lines and CSV",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="one JSON document a line")
    add_similar_command(add)
    _add_serve(add)


def _add_serve(add: Add) -> None:
    command = add("serve", serve, "answer over HTTP, with a page for analysts")
    command.add_argument(
        "--model", default="champion", metavar="MODEL",
        help="champion (default; followed), models:/NAME/NUMBER, TASK=NUMBER, run:ID, or a folder",
    )  # fmt: skip
