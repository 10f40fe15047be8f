"""The parser of the command line: all commands, in the order of `--help`."""

from __future__ import annotations

import argparse

from patent_spark.commands.arguments import Handler, common
from patent_spark.commands.experiments import add_experiment_commands
from patent_spark.commands.lookups import add_lookup_commands
from patent_spark.commands.models import add_model_commands
from patent_spark.commands.refresh import add_refresh_commands
from patent_spark.commands.stages import add_stage_commands


def parser() -> argparse.ArgumentParser:
    """The parser. `handler` is what does a command, `logged` whether it keeps a log file."""
    whole = argparse.ArgumentParser(
        prog="patent-spark",
        description="Predict the technology class and the citation level of US patents.",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, handler: Handler, about: str, *parents: argparse.ArgumentParser, logged: bool = True
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common(), *parents], help=about)
        command.set_defaults(handler=handler, logged=logged)
        return command

    add_stage_commands(add)
    add_refresh_commands(add)
    add_model_commands(add)
    add_lookup_commands(add)
    add_experiment_commands(add)
    return whole
