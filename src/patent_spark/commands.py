"""The commands: what each takes, and the handler that does it. A handler returns an exit code; None is
0."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable

from patent_spark.config import Config, ConfigError, about_settings, flatten
from patent_spark.config.renamed import current_table
from patent_spark.core.json_schemas import DOCUMENTS, json_schema
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import Store
from patent_spark.model_commands import add_model_commands
from patent_spark.pipeline import STAGES, planned, run_stage
from patent_spark.sources.choose import fetch_wanted
from patent_spark.sources.local import DOWNLOADED
from patent_spark.tracking.runs import require_answer

Handler = Callable[[argparse.Namespace, Config], int | None]

_ONE_TRAINING = "train.launcher = external starts this command once a rank, for `patent-spark train` alone"


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

    print(audit_table(Store(config.warehouse.root)))


def download(options: argparse.Namespace, config: Config) -> None:
    """The release that the settings ask for, or a list of what there is."""
    if options.list or options.json:
        from patent_spark.sources.listing import as_text, list_releases

        listing = list_releases(config)
        print(json.dumps(listing.to_json(), indent=1) if options.json else as_text(listing))
        return
    if config.source.kind == "simulate":
        run_stage("simulate", config)
    print(fetch_wanted(config))


def status(options: argparse.Namespace, config: Config) -> None:
    """The state of the warehouse."""
    from patent_spark.refresh.overview import warehouse_status
    from patent_spark.refresh.overview_text import as_text

    report = warehouse_status(config)
    print(json.dumps(report.to_json(), indent=1) if options.json else as_text(report))


def lineage(options: argparse.Namespace, config: Config) -> None:
    """From a model back to the release's files."""
    from patent_spark.lineage.as_text import as_text
    from patent_spark.lineage.trace import send_events, trace

    report = trace(config, options.model)
    send_events(config, report)
    print(json.dumps(report.to_json(), indent=1) if options.json else as_text(report))


def sweep(options: argparse.Namespace, config: Config) -> None:
    """Trainings with all combinations of some settings."""
    from patent_spark.experiments.sweep import sweep

    print(sweep(options.config, options.set, options.grid))


def backtest(options: argparse.Namespace, config: Config) -> None:
    """Models as of several years."""
    from patent_spark.experiments.backtest.run import backtest

    print(backtest(config, force=options.force, resume=options.resume))


def ablate(options: argparse.Namespace, config: Config) -> None:
    """Two configurations, their protocols and models swapped."""
    from patent_spark.experiments.ablation.run import ablate

    print(ablate(options.config, options.against, options.set, force=options.force, resume=options.resume))


def compare(options: argparse.Namespace, config: Config) -> None:
    """Two runs of MLflow side by side."""
    from patent_spark.experiments.compare.run import compare

    print(compare(config, *options.runs))


def refresh(options: argparse.Namespace, config: Config) -> int | None:
    """A new release, if there is one, becomes what readers see and what the models learned from."""
    from patent_spark.refresh.messages import outcome
    from patent_spark.refresh.plan import plan
    from patent_spark.refresh.run import Options, refresh

    chosen = Options(options.force, dict(options.accept), options.through)
    if options.dry_run:
        print(plan(config, chosen))
        return None
    done = refresh(config, chosen)
    print(outcome(done))
    return options.nothing_new_exit_code if done is None else None


def gc(options: argparse.Namespace, config: Config) -> None:
    """Remove versions that nobody needs."""
    from patent_spark.refresh.gc import free_old_versions

    keep = config.warehouse.keep_versions if options.keep is None else options.keep
    print(free_old_versions(Store(config.warehouse.root), keep, options.days, dry_run=options.dry_run))


def neighbors(options: argparse.Namespace, config: Config) -> None:
    """The nearest words of a word."""
    from patent_spark.experiments.similar_words import similar_words

    print(similar_words(config, options.word, options.top))


def serve(options: argparse.Namespace, config: Config) -> None:
    """The HTTP service, until SIGTERM."""
    from patent_spark.service.serve import serve

    serve(config, options.model)


def where(options: argparse.Namespace, config: Config) -> None:
    """The directory of a table."""
    print(Store(config.warehouse.root).directory(options.table))


def schema(options: argparse.Namespace, config: Config) -> None:
    """The JSON schema of a document, or the names of all."""
    print(json.dumps(json_schema(options.name), indent=1) if options.name else "\n".join(DOCUMENTS))


def print_config(options: argparse.Namespace, config: Config) -> None:
    """Every setting."""
    about = about_settings()
    for name, value in flatten(config).items():
        print(f"{name} = {json.dumps(value)}  # {options.origin.get(name, 'default')}: {about[name]}")
    sys.stdout.flush()


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


_STAGE_HANDLERS: dict[str, Handler] = {
    "train": train,
    "evaluate": tracked(stage),
    "audit": tracked(audit),
    "register": tracked(stage),
}
"""The other stages are done by `stage`."""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line. `handler` is what does a command, `logged` whether it keeps a log
    file."""
    whole = argparse.ArgumentParser(
        prog="patent-spark",
        description="Predict the technology class and the citation level of US patents.",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common, forced, resumed = _common(), _forced(), _resumed()

    def add(
        name: str, handler: Handler, about: str, *parents: argparse.ArgumentParser, logged: bool = True
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common, *parents], help=about)
        command.set_defaults(handler=handler, logged=logged)
        return command

    add("run", tracked(run), "all stages, in order", forced, resumed)
    for each in STAGES.values():
        own = {"train": [resumed], "score": [_scored()]}.get(each.name, [])
        command = add(each.name, _STAGE_HANDLERS.get(each.name, stage), each.about, forced, *own)
        if resumed not in own:
            command.set_defaults(resume=False)
        if each.name == "index":
            command.add_argument(
                "--model", action="append", dest="set", type="index.model={}".format, metavar="MODEL",
                help="short for --set index.model=MODEL",
            )  # fmt: skip
    _add_refresh(add)
    shown = add(
        "status", status, "print refresh, champions, tables, and what the next refresh would do", logged=False
    )
    shown.add_argument("--json", action="store_true", help="as JSON (schema WAREHOUSE_STATUS)")
    _add_gc(add)
    add_model_commands(add)
    _add_lookups(add)
    _add_experiments(add, forced, resumed)
    served = add("serve", serve, "answer over HTTP, with a page for analysts")
    served.add_argument(
        "--model", default="champion", metavar="MODEL",
        help="champion (default; followed), models:/NAME/NUMBER, TASK=NUMBER, run:ID, or a folder",
    )  # fmt: skip
    return whole


def _add_refresh(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("refresh", tracked(refresh), "publish the newest release and its models, if all gates pass")
    command.add_argument("--force", action="store_true", help="also a release that was refreshed before")
    command.add_argument(
        "--through", choices=list(STAGES)[:-1], default="", metavar="STAGE",
        help="stop after this stage, so that the next ones can run on another machine",
    )  # fmt: skip
    command.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")
    command.add_argument(
        "--accept", action="append", type=_accepted, default=[], metavar="GATE=REASON",
        help="publish although this gate says no; the reason is recorded",
    )  # fmt: skip
    command.add_argument(
        "--nothing-new-exit-code", type=int, default=0, metavar="N",
        help="exit code without a new release, such as the 99 that Airflow skips on (default 0)",
    )  # fmt: skip


def _add_gc(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("gc", gc, "remove old versions of tables and models that nobody needs")
    command.add_argument(
        "--keep", type=_positive, metavar="N",
        help="versions of a stage to keep (default: warehouse.keep_versions)",
    )  # fmt: skip
    command.add_argument(
        "--days", type=float, default=0.0, metavar="D", help="remove only what is older than so many days"
    )
    command.add_argument("--dry-run", action="store_true", help="say what would go, and do nothing")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


def _accepted(text: str) -> tuple[str, str]:
    """A gate and the reason why a person accepts what it says."""
    from patent_spark.refresh.gates import GATES

    gate, _, reason = text.partition("=")
    if gate not in GATES or not reason.strip():
        raise argparse.ArgumentTypeError(
            f"must be GATE=REASON, with a gate of {', '.join(GATES)}, not {text!r}"
        )
    return gate, reason.strip()


def _add_lookups(add: Callable[..., argparse.ArgumentParser]) -> None:
    fetched = add("download", download, "fetch the newest release of source.kind, and print its folder")
    fetched.add_argument(
        "--list", action="store_true", help="list releases, sizes, cost in requests, and what is here"
    )
    fetched.add_argument("--json", action="store_true", help="the list as JSON (schema RELEASES)")
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


def _add_experiments(
    add: Callable[..., argparse.ArgumentParser],
    forced: argparse.ArgumentParser,
    resumed: argparse.ArgumentParser,
) -> None:
    swept = add("sweep", tracked(sweep), "train all combinations of some settings and name the best")
    swept.add_argument(
        "--grid", action="append", required=True, metavar="SECTION.SETTING=VALUE,VALUE,...",
        help="values to try, of settings of model and train; more settings with more --grid",
    )  # fmt: skip
    compared = add("compare", compare, "compare two runs of MLflow on a page")
    compared.add_argument(
        "runs", nargs=2, metavar="RUN",
        help="id, beginning of an id, or name of a run; differences are the second minus the first",
    )  # fmt: skip
    tested = add(
        "backtest",
        tracked(backtest),
        "train as of several years, test each model on later years",
        forced,
        resumed,
    )
    tested.add_argument(
        "--years", action="append", dest="set", default=[], type="backtest.years=[{}]".format,
        metavar="YEAR,YEAR,...", help="short for --set backtest.years=[YEAR, YEAR, ...]",
    )  # fmt: skip
    ablated = add(
        "ablate",
        tracked(ablate),
        "split the difference of two configurations into protocol and model",
        forced,
        resumed,
    )
    ablated.add_argument(
        "--against", action="append", required=True, metavar="FILE",
        help="YAML files of the other configuration, as --config",
    )  # fmt: skip


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config", action="append", default=[], metavar="FILE",
        help="YAML file of settings; later files win over earlier ones",
    )  # fmt: skip
    common.add_argument(
        "--set", action="append", default=[], metavar="SECTION.SETTING=VALUE",
        help="one setting; wins over all files",
    )  # fmt: skip
    return common


def _forced() -> argparse.ArgumentParser:
    forced = argparse.ArgumentParser(add_help=False)
    forced.add_argument(
        "--force", action="store_true", help="redo a stage even when its inputs and settings did not change"
    )
    return forced


def _resumed() -> argparse.ArgumentParser:
    resumed = argparse.ArgumentParser(add_help=False)
    resumed.add_argument(
        "--resume", action="store_true",
        help="resume an interrupted training from its checkpoint, if there is one",
    )  # fmt: skip
    return resumed


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
