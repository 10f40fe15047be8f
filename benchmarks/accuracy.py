"""`make bench-accuracy`: how good the models are, measured through the real command line, from a
release to evaluated predictions.

On a release at `--release`, the technology task on several splits: each configuration against the baselines
on the same patents. On a simulated release of `--simulated` patents, both tasks: each configuration against
the Bayes-optimal rates. Each configuration and seed has a warehouse of its own in `--scratch`: started again,
the command skips the stages that are done, and a training goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from measure import machine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import OneHotEncoder

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.schemas import TOP1
from patent_spark.core.store import Store

_LINEAR, _MAJORITY = "tfidf_linear", "majority"
Metrics = Mapping[str, Any]
"""METRICS/<task>.json."""


def main() -> None:
    """Run what is not yet done, and print a table after each seed: its rows are final."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    release = parser.add_mutually_exclusive_group(required=True)
    release.add_argument("--release", type=Path, metavar="FOLDER", help="zipped PatentsView tables")
    release.add_argument("--simulated", type=int, metavar="PATENTS", help="make a release of so many patents")
    parser.add_argument(
        "--configs",
        type=Path,
        nargs="+",
        default=[Path("conf/default.yaml")],
        help="the configurations to compare",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", help="values of split.seed (default: 1 to 5; simulated: 1)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="a further setting, for all configurations",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-accuracy"),
        help="where the warehouses are kept between calls",
    )
    options = parser.parse_args()
    if options.simulated:
        name, source = (
            f"simulated-{options.simulated}",
            ["source.kind=simulate", f"simulate.patents={options.simulated}", "tasks=both"],
        )
    else:
        name, source = (
            options.release.name,
            ["source.kind=folder", f"source.path={options.release.absolute()}", f"tasks={TECHNOLOGY}"],
        )
    stages = [
        *(["simulate"] if options.simulated else []),
        "ingest",
        "label",
        "split",
        "text",
        "shard",
        "train",
        "evaluate",
    ]
    print(f"{machine()}; make bench-accuracy", flush=True)
    warehouses: dict[str, dict[int, Store]] = {config.stem: {} for config in options.configs}
    for seed in options.seeds or ([1] if options.simulated else range(1, 6)):
        for config in options.configs:
            root = options.scratch.absolute() / name / f"{config.stem}-seed{seed}"
            started = time.monotonic()
            run_stages(
                stages, config, [f"warehouse.root={root}", f"split.seed={seed}", *source, *options.set]
            )
            print(
                f"\n{config.stem}, seed {seed}: {time.monotonic() - started:,.0f} s, skipped stages included",
                file=sys.stderr,
            )
            warehouses[config.stem][seed] = Store(root)
        for config_name, stores in warehouses.items():
            print(f"\n{config_name}, seeds {', '.join(map(str, stores))}\n")
            if options.simulated:
                print(bayes_table(list(stores.values())), flush=True)
            else:
                by_seed = {
                    seed: store.read_json("METRICS", f"{TECHNOLOGY}.json") for seed, store in stores.items()
                }
                print(baseline_table(by_seed), flush=True)


def run_stages(stages: Sequence[str], config: Path, sets: Sequence[str]) -> None:
    """One command a stage; its progress and what ended it go to the screen. Ends this one, too, when one
    fails.
    """
    settings = [part for setting in sets for part in ("--set", setting)]
    for stage in stages:
        resume = ["--resume"] if stage == "train" else []
        code = subprocess.run(
            [sys.executable, "-m", "patent_spark.cli", stage, "--config", str(config), *settings, *resume]
        ).returncode
        if code:
            raise SystemExit(
                f"stage {stage} ended with exit code {code}; the same command goes on from there"
            )


def baseline_table(by_seed: Mapping[int, Metrics]) -> str:
    """A Markdown table: accuracy of the model and the baselines by seed, and the mean with its standard
    error.
    """
    lines = [
        "| split.seed | model | TF-IDF + linear | difference | majority "
        "| macro F1, model | macro F1, linear | patents |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = []
    for seed, metrics in by_seed.items():
        linear, majority = metrics["baselines"][_LINEAR], metrics["baselines"][_MAJORITY]
        accuracies = (
            metrics["accuracy"],
            linear["accuracy"],
            metrics["accuracy"] - linear["accuracy"],
            majority["accuracy"],
        )
        rows.append((*accuracies, metrics["macro_f1"], linear["macro_f1"]))
        lines.append(_row(str(seed), *(f"{value:.3f}" for value in rows[-1]), f"{metrics['examples']:,}"))
    if len(rows) > 1:
        lines.append(
            _row("mean ± standard error", *(_mean(values) for values in zip(*rows, strict=True)), "")
        )
    return "\n".join(lines)


def bayes_table(stores: Sequence[Store]) -> str:
    """A Markdown table: the model beside other classifiers of the same patents, and the Bayes-optimal
    rates."""
    lines = [
        "| task | metric | model | TF-IDF + linear | logistic regression on the oracle features "
        "| Bayes-optimal | model's share |",
        "|---|---|---|---|---|---|---|",
    ]
    for store in stores:
        for task in (TECHNOLOGY, CITATION_LEVEL):
            metrics, oracle = store.read_json("METRICS", f"{task}.json"), oracle_regression(store, task)
            linear, bayes = metrics["baselines"][_LINEAR], bayes_optimal(metrics)
            rows = [
                (
                    "accuracy",
                    metrics["accuracy"],
                    linear["accuracy"],
                    oracle["accuracy"],
                    bayes["accuracy"],
                )
            ]
            if "top1" in metrics:
                best = bayes["top1_average_precision"]
                rows.append(
                    (
                        "top1 PR-AUC, all test years together",
                        metrics["top1"]["pr_auc"],
                        linear["top1"]["pr_auc"],
                        oracle["pr_auc"],
                        None,
                    )
                )
                rows.append(
                    (
                        "top1 PR-AUC, mean of the test years",
                        _mean_of_years(metrics),
                        _mean_of_years(metrics, _LINEAR),
                        None,
                        best,
                    )
                )
            for name, own, *others, best in rows:
                cells = ("–" if value is None else f"{value:.3f}" for value in (own, *others, best))
                lines.append(_row(task, name, *cells, f"{own / best:.1%}" if best else "–"))
    return "\n".join(lines)


def _mean_of_years(metrics: Metrics, baseline: str | None = None) -> float:
    """PR-AUC of top1 by test year, of the model or a baseline, weighted by the year's patents as the
    Bayes-optimal one is; years without top1 have none.
    """
    years = [year for year in metrics["by_year"].values() if year["top1"]["pr_auc"] is not None]
    values = [(year["baselines"][baseline] if baseline else year)["top1"]["pr_auc"] for year in years]
    return statistics.fmean(values, weights=[year["examples"] for year in years])


def bayes_optimal(metrics: Metrics) -> Mapping[str, float]:
    """The Bayes-optimal accuracy and, of the citation level, average precision of top1."""
    reference = metrics["references"]["bayes_optimal"]
    top1 = reference.get("top1") or {}
    return {"accuracy": reference["accuracy"], "top1_average_precision": top1.get("pr_auc")}


def oracle_regression(store: Store, task: str) -> dict[str, float]:
    """Metrics on the test patents of a logistic regression on the oracle features: the class and the level
    signal that each text was generated from.

    Its gap to the Bayes-optimal rates is due to the number of training patents. Its gap to the model is what
    the model failed to learn.
    """
    truth = pd.read_parquet(store.directory("RELEASE") / "truth.parquet").set_index("patent_id")
    splits = (
        store.read_arrow("SPLITS", columns=["patent_id", "task", "split"]).to_pandas().set_index("patent_id")
    )
    labels = (
        store.read_arrow("LABELS", columns=["patent_id", "cpc_class", "citation_level"])
        .to_pandas()
        .set_index("patent_id")
    )
    known = splits[splits["task"] == task].join(truth[["text_class", "level_signal"]]).join(labels)
    features = OneHotEncoder(handle_unknown="ignore").fit_transform(known[["text_class", "level_signal"]])
    label = known["cpc_class" if task == TECHNOLOGY else "citation_level"].to_numpy()
    train, test = ((known["split"].str.startswith(split)).to_numpy() for split in ("train", "test"))
    train &= pd.notna(label)  # interim levels are left out
    oracle = LogisticRegression(max_iter=1000).fit(features[train], label[train])
    probabilities = oracle.predict_proba(features[test])
    values = {"accuracy": float((oracle.classes_[probabilities.argmax(axis=1)] == label[test]).mean())}
    if TOP1 in oracle.classes_:
        values["pr_auc"] = float(
            average_precision_score(label[test] == TOP1, probabilities[:, list(oracle.classes_).index(TOP1)])
        )
    return values


def _mean(values: Sequence[float]) -> str:
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.fmean(values):.3f} ± {error:.3f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
