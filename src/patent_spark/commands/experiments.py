"""Commands over several trainings or runs: sweep, compare, back-test, ablation."""

from __future__ import annotations

import argparse

from patent_spark.commands.arguments import Add, forced, resumed, tracked
from patent_spark.config import Config


def add_experiment_commands(add: Add) -> None:
    """Add the commands to the parser."""
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
        forced(),
        resumed(),
    )
    tested.add_argument(
        "--years", action="append", dest="set", default=[], type="backtest.years=[{}]".format,
        metavar="YEAR,YEAR,...", help="short for --set backtest.years=[YEAR, YEAR, ...]",
    )  # fmt: skip
    ablated = add(
        "ablate",
        tracked(ablate),
        "split the difference of two configurations into protocol and model",
        forced(),
        resumed(),
    )
    ablated.add_argument(
        "--against", action="append", required=True, metavar="FILE",
        help="YAML files of the other configuration, as --config",
    )  # fmt: skip


def sweep(options: argparse.Namespace, config: Config) -> None:
    """Trainings with all combinations of some settings."""
    from patent_spark.experiments.sweep import sweep

    print(sweep(options.config, options.set, options.grid))


def compare(options: argparse.Namespace, config: Config) -> None:
    """Two runs of MLflow side by side."""
    from patent_spark.experiments.compare.run import compare

    print(compare(config, *options.runs))


def backtest(options: argparse.Namespace, config: Config) -> None:
    """Models as of several years."""
    from patent_spark.experiments.backtest.run import backtest

    print(backtest(config, force=options.force, resume=options.resume))


def ablate(options: argparse.Namespace, config: Config) -> None:
    """Two configurations, their protocols and models swapped."""
    from patent_spark.experiments.ablation.run import ablate

    print(ablate(options.config, options.against, options.set, force=options.force, resume=options.resume))
