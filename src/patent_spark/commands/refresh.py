"""Commands of a release's way through the warehouse: download, refresh, status, clean up."""

from __future__ import annotations

import argparse
import json

from patent_spark.commands.arguments import Add, positive, tracked
from patent_spark.config import Config
from patent_spark.core.store import open_store
from patent_spark.pipeline import STAGES, run_stage
from patent_spark.sources.choose import fetch_wanted


def add_refresh_commands(add: Add) -> None:
    """Add the commands to the parser."""
    _add_download(add)
    _add_refresh(add)
    shown = add(
        "status", status, "print refresh, champions, tables, and what the next refresh would do", logged=False
    )
    shown.add_argument("--json", action="store_true", help="as JSON (schema WAREHOUSE_STATUS)")
    _add_gc(add)


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


def status(options: argparse.Namespace, config: Config) -> None:
    """The state of the warehouse."""
    from patent_spark.refresh.overview import warehouse_status
    from patent_spark.refresh.overview_text import as_text

    report = warehouse_status(config)
    print(json.dumps(report.to_json(), indent=1) if options.json else as_text(report))


def gc(options: argparse.Namespace, config: Config) -> None:
    """Remove versions that nobody needs."""
    from patent_spark.refresh.gc import free_old_versions

    keep = config.warehouse.keep_versions if options.keep is None else options.keep
    print(free_old_versions(open_store(config.warehouse), keep, options.days, dry_run=options.dry_run))


def _add_download(add: Add) -> None:
    command = add("download", download, "fetch the newest release of source.kind, and print its folder")
    command.add_argument(
        "--list", action="store_true", help="list releases, sizes, cost in requests, and what is here"
    )
    command.add_argument("--json", action="store_true", help="the list as JSON (schema RELEASES)")


def _add_refresh(add: Add) -> None:
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


def _add_gc(add: Add) -> None:
    command = add("gc", gc, "remove old versions of tables and models that nobody needs")
    command.add_argument(
        "--keep", type=positive, metavar="N",
        help="versions of a stage to keep (default: warehouse.keep_versions)",
    )  # fmt: skip
    command.add_argument(
        "--days", type=float, default=0.0, metavar="D", help="remove only what is older than so many days"
    )
    command.add_argument("--dry-run", action="store_true", help="say what would go, and do nothing")


def _accepted(text: str) -> tuple[str, str]:
    """A gate and the reason why a person accepts what it says."""
    from patent_spark.refresh.gates import GATES

    gate, _, reason = text.partition("=")
    if gate not in GATES or not reason.strip():
        raise argparse.ArgumentTypeError(
            f"must be GATE=REASON, with a gate of {', '.join(GATES)}, not {text!r}"
        )
    return gate, reason.strip()
