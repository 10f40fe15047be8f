"""The command `similar`."""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Iterator

from patent_spark.commands.arguments import Add, positive
from patent_spark.commands.documents import classes, documents_of
from patent_spark.config import Config, ConfigError
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.readers import FORMATS


def add_similar_command(add: Add) -> None:
    """Add the command to the parser."""
    command = add("similar", similar, "the patents nearest to a patent or to a text", logged=False)
    command.add_argument("--id", metavar="PATENT", help="a patent of the index, such as 7654321")
    command.add_argument("--title", metavar="TEXT", help="title of a text that is no patent's")
    command.add_argument("--abstract", metavar="TEXT", help="its abstract")
    command.add_argument("--file", metavar="FILE", help="read texts from a file; - is standard input")
    command.add_argument("--format", choices=FORMATS, help="of the file, as for `predict`")
    command.add_argument("--top", type=positive, default=10, metavar="N", help="how many (default 10)")
    command.add_argument(
        "--granted-before", type=_day, metavar="DATE",
        help="only patents granted before this day, such as 2015-03-31",
    )  # fmt: skip
    command.add_argument(
        "--class", dest="cpc_class", type=classes, default=(), metavar="CLASS,CLASS,...",
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
    return None if options.id is not None else documents_of(options)[0]


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2015-03-31, not {text!r}") from None
