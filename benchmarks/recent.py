"""`make bench-recent`: does training on interim levels, those of open citation windows, help in recent test
years?

On a simulated release, through the real command line: the citation level is trained on final levels alone,
as the embargo leaves them, and with the interim levels of patents granted up to split.train_until added.
Both models are evaluated on the final levels of the same test patents. Differences have paired intervals from
a cluster bootstrap over families. With drift, the words that signal a level change over the years. If it is
started again, finished stages are skipped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import run_stages
from measure import machine

from patent_spark.config import CITATION_LEVEL, Config
from patent_spark.core.metadata import SplitMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.metrics.comparison import Estimates, differences, estimate
from patent_spark.metrics.prediction_records import Predictions, TestPatents
from patent_spark.metrics.report_schema import Metric

TRAININGS = {"final levels": False, "and interim levels": True}
_METRICS = {"top1 PR-AUC": Metric.TOP1_PR_AUC, "accuracy": Metric.ACCURACY}
_SETTINGS = (
    "source.kind=simulate", f"tasks={CITATION_LEVEL}", "simulate.abstract_words=70",
    "label.reference_set=class_year", "label.follow_up_months=[12, 24, 36, 48]",
    "split.embargo=true", "citation_level.protocol=temporal", "citation_level.max_tokens=100",
    "citation_level.min_tokens=50", "train.ranks=1",
    "text.epochs=2", "evaluate.resamples=0", "evaluate.baseline_examples=2000",
    "evaluate.neighbour_examples=1000",
)  # fmt: skip
"""On top of conf/demo.yaml: short texts, and baselines that cost little, since they are not compared here."""


def main() -> None:
    """A table for each drift, printed when both trainings are done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patents", type=int, default=200_000, help="patents of the release")
    parser.add_argument(
        "--drift", type=float, nargs="+", default=[0.05, 0.0], help="values of simulate.drift"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="a further setting, for all trainings",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-recent"),
        help="where the warehouses are kept between calls",
    )
    options = parser.parse_args()
    print(f"{machine()}; make bench-recent", flush=True)
    for drift in options.drift:
        home = options.scratch.absolute() / f"{options.patents}-drift{drift:g}"
        release = [f"simulate.patents={options.patents}", f"simulate.drift={drift}", *_SETTINGS, *options.set]
        runs = {
            name: predictions(
                home / name.replace(" ", "-"), [*release, f"split.interim_levels={str(on).lower()}"]
            )
            for name, on in TRAININGS.items()
        }
        print(f"\n{options.patents:,} patents, simulate.drift={drift:g}\n\n{table(runs)}", flush=True)


def predictions(root: Path, sets: Sequence[str]) -> pd.DataFrame:
    """PREDICTIONS of a run in a warehouse of its own, in the order of the ids."""
    stages = ["simulate", "ingest", "label", "split", "text", "shard", "train", "evaluate"]
    run_stages(stages, Path("conf/demo.yaml"), [f"warehouse.root={root}", *sets])
    store = Store(root)
    splits = store.metadata(SplitMetadata)
    print(
        f"  {root.name}: {splits.splits[CITATION_LEVEL]['train']:,} train, "
        f"on interim levels: {splits.on_interim_levels}",
        file=sys.stderr,
    )
    return store.read_arrow("PREDICTIONS").to_pandas().sort_values("patent_id", ignore_index=True)


def table(runs: Mapping[str, pd.DataFrame]) -> str:
    """A Markdown table: metrics of both trainings for each test year and for all, and their difference."""
    first, *_ = runs.values()
    labels = list(LEVELS)
    assert all((each["patent_id"] == first["patent_id"]).all() for each in runs.values()), (
        "the test patents differ"
    )
    names = sorted(first["split"].unique())
    patents = TestPatents(
        keys=first["patent_key"].to_numpy(),
        family=first["family"].to_numpy(),
        cpc_class=np.full(len(first), b"", "S3"),
        split=first["split"].map(names.index).to_numpy(np.int16),
        truth=first["truth"].map(labels.index).to_numpy(np.int16),
        splits=tuple(names),
        labels=tuple(labels),
    )
    predictions_by_name = {
        name: Predictions.from_probabilities(patents, np.stack(each["probabilities"]))
        for name, each in runs.items()
    }
    groups = {"all years": np.arange(len(first))}
    groups |= {split.removeprefix("test_"): patents.rows_of(split) for split in names}
    estimates = estimate(predictions_by_name, groups, Config().evaluate)
    trainings = " | ".join(TRAININGS)
    lines = [
        f"| test patents of | metric | {trainings} | difference, 95 % interval | patents | top1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rows in groups.items():
        for metric, place in _METRICS.items():
            top1 = int((patents.truth[rows] == 0).sum())
            lines.append(_line(name, metric, place, estimates[name], len(rows), top1))
    return "\n".join(lines)


def _line(
    name: str, metric: str, place: Metric, estimates: Mapping[str, Estimates], patents: int, top1: int
) -> str:
    without, with_ = (estimates[each] for each in TRAININGS)
    difference = differences(with_, without)[place]
    low, high = difference.interval or (math.nan, math.nan)
    values = " | ".join(f"{float(each.values[place]):.3f}" for each in (without, with_))
    change = f"{difference.difference:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"| {name} | {metric} | {values} | {change} | {patents:,} | {top1:,} |"


if __name__ == "__main__":
    main()
