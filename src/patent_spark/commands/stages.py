"""Commands of the stages: `run` for all of them, and one command each."""

from __future__ import annotations

import argparse
import dataclasses
import time

from patent_spark.commands.arguments import Add, Handler, forced, require_server, resumed, tracked
from patent_spark.config import Config, ConfigError
from patent_spark.core.store import open_store
from patent_spark.pipeline import STAGES, planned, run_stage
from patent_spark.sources.choose import fetch_wanted
from patent_spark.sources.local import DOWNLOADED

_ONE_TRAINING = "train.launcher = external starts this command once a rank, for `patent-spark train` alone"


def add_stage_commands(add: Add) -> None:
    """Add the commands to the parser."""
    add("run", tracked(run), "all stages, in order", forced(), resumed())
    own_arguments = {"train": [resumed()], "score": [_scored()]}
    for each in STAGES.values():
        own = own_arguments.get(each.name, [])
        command = add(each.name, _HANDLERS.get(each.name, stage), each.about, forced(), *own)
        if each.name != "train":
            command.set_defaults(resume=False)
        if each.name == "index":
            command.add_argument(
                "--model", action="append", dest="set", type="index.model={}".format, metavar="MODEL",
                help="short for --set index.model=MODEL",
            )  # fmt: skip


def run(options: argparse.Namespace, config: Config) -> None:
    """All stages, in order."""
    if config.train.launcher == "external":
        raise ConfigError(f"{_ONE_TRAINING}; run the other stages before it", setting="train.launcher")
    started = time.monotonic()
    if config.source.kind in DOWNLOADED:
        fetch_wanted(config)
    done = [
        run_stage(stage.name, config, force=options.force, resume=options.resume) for stage in planned(config)
    ]
    from patent_spark.run_summary import summarise

    print(summarise(config, done, time.monotonic() - started))


def stage(options: argparse.Namespace, config: Config) -> None:
    """One stage."""
    run_stage(options.command, config, force=options.force, resume=options.resume)


def train(options: argparse.Namespace, config: Config) -> None:
    """The stage train, which an external launcher starts once a rank."""
    if config.train.launcher != "external":
        require_server(config)
        stage(options, config)
        return
    from patent_spark.stages.train.launch.external import train_together

    def on_rank_0(ranks: int) -> None:
        settings = dataclasses.replace(config.train, ranks=ranks)
        stage(options, dataclasses.replace(config, train=settings))

    train_together(on_rank_0, config.train.timeout_s)


def audit(options: argparse.Namespace, config: Config) -> None:
    """The stage audit, and a table of its checks."""
    stage(options, config)
    from patent_spark.run_summary import audit_table

    print(audit_table(open_store(config.warehouse)))


def _scored() -> argparse.ArgumentParser:
    scored = argparse.ArgumentParser(add_help=False)
    for name, metavar, about in (
        ("input", "PATH", "short for --set score.input=PATH: a Parquet or CSV file, or a folder of them"),
        ("model", "MODEL", "short for --set score.model=MODEL: champion, models:/NAME/3, or a folder"),
    ):
        scored.add_argument(
            f"--{name}", action="append", dest="set", default=[], type=f"score.{name}={{}}".format,
            metavar=metavar, help=about,
        )  # fmt: skip
    return scored


_HANDLERS: dict[str, Handler] = {
    "train": train,
    "evaluate": tracked(stage),
    "audit": tracked(audit),
    "register": tracked(stage),
}
"""The other stages are done by `stage`."""
