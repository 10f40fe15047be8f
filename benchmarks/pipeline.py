"""`make bench-pipeline`: seconds and memory of each stage at several sizes, and what follows for all patents.

Simulates releases of --sizes patents and runs every stage on each, with a small network and one epoch. Each
stage is a process of its own; memory is the peak of its whole tree. Computed for 9.4 million patents from
the two largest sizes: memory on the straight line through both, seconds by the exponent between them.
A call that was stopped goes on where it was, so remove --scratch to measure anew.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from measure import machine, run
from simulated import ONE_FIT, stage_command

STAGES = ("ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit")
_CONFIGURATION = Path(__file__).parents[1] / "conf" / "default.yaml"
_SMALL = (
    *ONE_FIT, "text.dimensions=64", "text.epochs=1", "model.units=16", "model.bidirectional=false",
    "train.epochs=1", "train.batch=512", "train.decay=linear", "train.min_steps=1",
)  # fmt: skip
_ALL_PATENTS = 9_400_000

Cost = tuple[float, float]
"""Seconds and peak MB of a stage."""


def main() -> None:
    """Measure what was not measured yet, and print a table after each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--scratch", type=Path, default=Path("build/bench-pipeline"))
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    options = parser.parse_args()
    print(f"{machine()}; {', '.join([*_SMALL, *options.set])}", flush=True)
    costs: dict[int, dict[str, Cost]] = {}
    for size in options.sizes:
        costs[size] = measure(options.scratch.absolute() / str(size), size, options.set)
        if len(costs) > 1:
            print("\n".join(["", *table(costs)]), flush=True)


def measure(root: Path, size: int, sets: Sequence[str]) -> dict[str, Cost]:
    """Run the stages that have no record yet, and remove all tables afterwards."""
    record = root / "costs.json"
    costs: dict[str, Cost] = {}
    if record.exists():
        costs = {stage: (seconds, mb) for stage, (seconds, mb) in json.loads(record.read_text()).items()}
    settings = [*_SMALL, "source.kind=simulate", f"simulate.patents={size}", *sets]
    for stage in ("simulate", *STAGES):
        if stage in costs:
            continue
        outcome = run(stage_command(stage, root / "warehouse", settings, _CONFIGURATION), timeout=3 * 3600)
        costs[stage] = outcome.seconds, outcome.peak_mb
        record.write_text(json.dumps(costs))
        print(f"  {size:,} {stage} {outcome.seconds:.1f} s, {outcome.peak_mb:,.0f} MB", file=sys.stderr)
    shutil.rmtree(root / "warehouse", ignore_errors=True)
    return costs


def table(costs: Mapping[int, Mapping[str, Cost]]) -> Iterator[str]:
    """Markdown: a row a stage."""
    sizes = sorted(costs)
    heads = ["stage", *(f"s at {size:,}" for size in sizes), "exponent", "s at 9.4 M"]
    heads += [*(f"MB at {size:,}" for size in sizes), "MB at 9.4 M"]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    one, other = sizes[-2:]
    for stage in STAGES:
        seconds = [costs[size][stage][0] for size in sizes]
        memory = [costs[size][stage][1] for size in sizes]
        exponent = math.log(seconds[-1] / seconds[-2]) / math.log(other / one)
        later = seconds[-1] * (_ALL_PATENTS / other) ** exponent
        slope = (memory[-1] - memory[-2]) / (other - one)
        cells = [*(f"{each:.1f}" for each in seconds), f"{exponent:.2f}", f"{later:,.0f}"]
        cells += [*(f"{each:,.0f}" for each in memory), f"{memory[-1] + slope * (_ALL_PATENTS - other):,.0f}"]
        yield f"| {stage} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
