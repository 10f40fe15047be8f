"""What the commands share: arguments, and the way a handler is written."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from typing import Protocol

from patent_spark.config import Config
from patent_spark.tracking.runs import require_answer

Handler = Callable[[argparse.Namespace, Config], int | None]
"""What does a command. It returns an exit code; None is 0."""


class Add(Protocol):
    """The function that adds a command to the parser."""

    def __call__(
        self, name: str, handler: Handler, about: str, *parents: argparse.ArgumentParser, logged: bool = True
    ) -> argparse.ArgumentParser:
        """A command with its handler and one line of help. parents: arguments that it shares with others.
        logged: whether it keeps a log file."""
        ...


def require_server(config: Config) -> None:
    """Raises TrackingError now, not after an hour of work, when nobody answers at tracking.uri."""
    if config.tracking.uri:
        require_answer(config)


def tracked(handler: Handler) -> Handler:
    """A handler that puts something into MLflow: it first asks whether the server answers."""

    def handle(options: argparse.Namespace, config: Config) -> int | None:
        require_server(config)
        return handler(options, config)

    return handle


@cache
def common() -> argparse.ArgumentParser:
    """The settings, which every command takes."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config", action="append", default=[], metavar="FILE",
        help="YAML file of settings; later files win over earlier ones",
    )  # fmt: skip
    shared.add_argument(
        "--set", action="append", default=[], metavar="SECTION.SETTING=VALUE",
        help="one setting; wins over all files",
    )  # fmt: skip
    return shared


@cache
def forced() -> argparse.ArgumentParser:
    """`--force`, of commands that skip what did not change."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--force", action="store_true", help="redo a stage even when its inputs and settings did not change"
    )
    return shared


@cache
def resumed() -> argparse.ArgumentParser:
    """`--resume`, of commands that train."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--resume", action="store_true",
        help="resume an interrupted training from its checkpoint, if there is one",
    )  # fmt: skip
    return shared


def positive(text: str) -> int:
    """The type of an argument that is a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)
