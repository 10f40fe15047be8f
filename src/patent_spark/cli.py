"""The command line: `patent-spark <stage> --config ... --set section.setting=value`; jobs/ call the same `main`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from patent_spark.config import Config, ConfigError, about_settings, flatten, load_config
from patent_spark.config.renamed import current_command, current_table
from patent_spark.core.errors import DataError, GateError, StoppedError, WorkError
from patent_spark.core.progress import log, log_to
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import Store
from patent_spark.experiments.similar_words import similar_words
from patent_spark.experiments.sweep import sweep
from patent_spark.pipeline import STAGES, planned, run_stage
from patent_spark.run_summary import audit_table, summarise
from patent_spark.tracking.runs import require_answer

DONE, FAILED, MISUSED, BAD_DATA, REFUSED, STOPPED = 0, 1, 2, 3, 4, 143
"""Exit codes: done; the work failed; the command or the configuration is wrong; bad input data; a gate said no; stopped by SIGTERM."""


_TRACKED = frozenset(("run", "sweep", "backtest", "ablate", "train", "evaluate", "audit", "register"))
"""Commands that put something into MLflow, most of them after long work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are one or two lines on stderr, the traceback is in the log."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    options = _parser().parse_args([*map(current_command, words[:1]), *words[1:]])
    try:
        config, origin = load_config(options.config, options.set)
    except ConfigError as error:
        return _say_error(MISUSED, str(error))
    log_file = (
        Path(config.warehouse.root) / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-{options.command}.log"
    )
    try:
        if options.command == "config":
            _print_config(config, origin)
            return DONE
        if options.command == "where":
            print(Store(config.warehouse.root).directory(options.table))
            return DONE
        return _logged(options, config, log_file)
    except ConfigError as error:
        return _say_error(MISUSED, str(error))
    except DataError as error:
        return _say_error(BAD_DATA, str(error))
    except GateError as error:
        return _say_error(REFUSED, str(error))
    except StoppedError as error:
        return _say_error(STOPPED, str(error))
    except WorkError as error:
        return _say_error(FAILED, f"{error}\nThe whole story is in {log_file}")
    except BrokenPipeError:  # the reader of our output went away, as in `patent-spark config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _say_error(130, "interrupted; what was published before stays readable")
    except Exception as error:
        message = " ".join(str(error).split())
        return _say_error(
            FAILED,
            f"{options.command} failed: {type(error).__name__}: {message[:400]}\nThe whole story is in {log_file}",
        )


def _logged(options: argparse.Namespace, config: Config, log_file: Path) -> int:
    """The work, with everything that is logged meanwhile, and the traceback of whatever ends it, in a file."""
    with ExitStack() as stack:
        try:
            stack.enter_context(log_to(log_file))
        except OSError as error:
            raise ConfigError(
                f"warehouse.root = {config.warehouse.root} cannot be written: {error.strerror}; set it to a directory of yours that has room"
            ) from error
        try:
            return _work(options, config)
        except Exception:
            log.exception("%s failed", options.command)
            raise


def _work(options: argparse.Namespace, config: Config) -> int:
    one_of_the_ranks = (
        options.command == "train" and config.train.launcher == "external"
    )  # its stage asks first of all, on rank 0 alone
    if config.tracking.uri and options.command in _TRACKED and not one_of_the_ranks:
        require_answer(config)
    if options.command == "run":
        started = time.monotonic()
        if config.train.launcher == "external":
            raise ConfigError(
                "train.launcher = external is for `patent-spark train`, started once a rank; run the other stages before it"
            )
        done = [
            run_stage(stage.name, config, force=options.force, resume=options.resume)
            for stage in planned(config)
        ]
        print(summarise(config, done, time.monotonic() - started))
    elif options.command == "sweep":
        print(sweep(options.config, options.set, options.grid))
    elif options.command == "backtest":
        from patent_spark.experiments.backtest.run import backtest

        print(backtest(config, force=options.force, resume=options.resume))
    elif options.command == "ablate":
        from patent_spark.experiments.ablation.run import ablate

        print(
            ablate(options.config, options.against, options.set, force=options.force, resume=options.resume)
        )
    elif options.command == "neighbors":
        print(similar_words(config, options.word, options.top))
    elif options.command == "compare":
        from patent_spark.experiments.compare.run import compare

        print(compare(config, *options.runs))
    elif one_of_the_ranks:
        from patent_spark.stages.train.launch.external import train_together

        train_together(lambda ranks: _train_on(ranks, config, options), config.train.timeout_s)
    else:
        run_stage(options.command, config, force=options.force, resume=options.resume)
    if options.command == "audit":
        print(audit_table(Store(config.warehouse.root)))
    return DONE


def _train_on(ranks: int, config: Config, options: argparse.Namespace) -> None:
    """The stage on as many ranks as there are, whatever the configuration says."""
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, ranks=ranks))
    run_stage("train", config, force=options.force, resume=options.resume)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="patent-spark",
        description="Technology class and citation level of US patents, from a data release to a judged model.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML file of settings; later files win over earlier ones",
    )
    common.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.SETTING=VALUE",
        help="one setting; wins over all files",
    )
    forced = argparse.ArgumentParser(add_help=False)
    forced.add_argument(
        "--force", action="store_true", help="redo a stage even when its inputs and settings did not change"
    )
    resumed = argparse.ArgumentParser(add_help=False)
    resumed.add_argument(
        "--resume",
        action="store_true",
        help="let an interrupted training go on from its checkpoint, if there is one",
    )
    commands.add_parser("run", parents=[common, forced, resumed], help="all stages, in order")
    for stage in STAGES.values():
        parents = [common, forced, resumed] if stage.name == "train" else [common, forced]
        commands.add_parser(stage.name, parents=parents, help=stage.about).set_defaults(resume=False)
    where = commands.add_parser(
        "where", parents=[common], help="print the directory of a table or another output"
    )
    where.add_argument(
        "table",
        type=current_table,
        choices=sorted(STAGE_OF),
        metavar="TABLE",
        help=", ".join(sorted(STAGE_OF)),
    )
    similar = commands.add_parser(
        "neighbors", parents=[common], help="print the words whose vectors are nearest to a word's"
    )
    similar.add_argument("word", metavar="WORD")
    similar.add_argument("--top", type=int, default=10, metavar="N", help="how many words (default 10)")
    swept = commands.add_parser(
        "sweep",
        parents=[common],
        help="train all combinations of some settings of model and train; name the best",
    )
    swept.add_argument(
        "--grid",
        action="append",
        required=True,
        metavar="SECTION.SETTING=VALUE,VALUE,...",
        help="values to try; more settings with more --grid",
    )
    compared = commands.add_parser(
        "compare", parents=[common], help="two runs of MLflow side by side, as a page"
    )
    compared.add_argument(
        "runs",
        nargs=2,
        metavar="RUN",
        help="id, beginning of an id, or name of a run; differences are of the second to the first",
    )
    tested = commands.add_parser(
        "backtest",
        parents=[common, forced, resumed],
        help="train as of the end of several years, test each model on the years after it",
    )
    tested.add_argument(
        "--years",
        action="append", dest="set", default=[], type="backtest.years=[{}]".format,
        metavar="YEAR,YEAR,...", help="short for --set backtest.years=[YEAR, YEAR, ...]",
    )  # fmt: skip
    swapped = commands.add_parser(
        "ablate",
        parents=[common, forced, resumed],
        help="two configurations on one release: how much of their difference is protocol, how much model",
    )
    swapped.add_argument(
        "--against",
        action="append",
        required=True,
        metavar="FILE",
        help="YAML files of the other configuration, as --config",
    )
    commands.add_parser(
        "config", parents=[common], help="print every setting, its value, where it came from, what it means"
    )
    return parser


def _print_config(config: Config, origin: dict[str, str]) -> None:
    about = about_settings()
    for name, value in flatten(config).items():
        print(f"{name} = {json.dumps(value)}  # {origin.get(name, 'default')}: {about[name]}")
    sys.stdout.flush()


def _say_error(code: int, message: str) -> int:
    print(f"patent-spark: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
