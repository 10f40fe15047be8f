"""`make bench-scale`: simulate, ingest and label releases of growing size, label on both engines, each
stage as a whole process.

Prints time and peak memory by size and stage, and for each stage the growth exponent: the slope of log
seconds against log citations, once as measured and once after taking away start-up, which is the same
command's time on a thousand patents. A size's scratch is deleted before the next is made. A stage that
fails is a row of the table, and makes this command fail.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

from measure import Outcome, machine, run
from simulated import release_settings, stage_command

from patent_spark.core.metadata import SimulateMetadata
from patent_spark.core.store import Store

_START_UP = 0.016  # millions of citations of a thousand patents
_LONGEST = 6 * 3600.0
Outcomes = dict[str, list[tuple[int, Outcome]]]
"""For each stage the citations and what it took, from the smallest size on."""


def main() -> None:
    """Run all sizes, a row of the table after each stage, and the exponents at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--millions", type=float, nargs="+", default=[5, 20, 50, 151], help="sizes in millions of citations"
    )
    parser.add_argument(
        "--engines",
        nargs="*",
        choices=("sail", "spark"),
        default=["sail", "spark"],
        help="engines that label runs on",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-scale"),
        help="needs about 6 GB of disk for 151 million citations",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="further settings, such as engine.memory=12g",
    )
    options = parser.parse_args()
    print(
        f"{machine()}; make bench-scale\n\n| citations | stage | s | CPU s | peak MB "
        "|\n|---|---|---|---|---|",
        flush=True,
    )
    outcomes: Outcomes = {}
    failed = False
    for millions in [_START_UP, *sorted(options.millions)]:
        root = options.scratch.absolute() / f"{millions:g}M"
        for stage, citations, outcome in _measured(
            root, [*release_settings(millions), *options.set], options.engines
        ):
            failed |= outcome is None
            result = (
                f"{outcome.seconds:.1f} | {outcome.cpu_seconds:.1f} | {outcome.peak_mb:,.0f}"
                if outcome
                else "failed | | "
            )
            print(f"| {citations:,} | {stage} | {result} |", flush=True)
            if outcome:
                outcomes.setdefault(stage, []).append((citations, outcome))
        shutil.rmtree(root, ignore_errors=True)
    print(f"\n{exponents(outcomes)}")
    sys.exit(failed)


def _measured(root: Path, sets: list[str], engines: list[str]) -> Iterator[tuple[str, int, Outcome | None]]:
    """Each stage, the citations of the release, and what the stage took; None for one that failed, which
    ends the size.
    """
    citations = 0
    for name, more in (
        ("simulate", []),
        ("ingest", []),
        *((f"label on {engine}", [f"engine.name={engine}"]) for engine in engines),
    ):
        stage = name.split()[0]
        try:
            outcome: Outcome | None = run(stage_command(stage, root, [*sets, *more]), _LONGEST)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f"{name}: {error}\n{(error.stderr or '')[-2000:]}", file=sys.stderr)
            outcome = None
        if stage == "simulate" and outcome:
            citations = Store(root).metadata(SimulateMetadata).rows["g_us_patent_citation.tsv.zip"]
        yield name, citations, outcome
        if outcome is None and stage != "label":
            return


def exponents(outcomes: Outcomes) -> str:
    """A Markdown table of growth exponents; the first size of each stage is its start-up."""
    lines = [
        "| stage | exponent of time | less start-up | of CPU time | less start-up |",
        "|---|---|---|---|---|",
    ]
    for stage, points in outcomes.items():
        (_, start), sizes = points[0], points[1:]
        if len(sizes) < 2:
            continue
        slopes = [
            _slope([(citations, seconds(outcome) - less * seconds(start)) for citations, outcome in sizes])
            for seconds in (lambda outcome: outcome.seconds, lambda outcome: outcome.cpu_seconds)
            for less in (0, 1)
        ]
        lines.append(f"| {stage} | {' | '.join(f'{slope:.2f}' for slope in slopes)} |")
    return "\n".join(lines)


def _slope(points: list[tuple[int, float]]) -> float:
    return linear_regression(
        [math.log(size) for size, _ in points], [math.log(max(seconds, 1e-3)) for _, seconds in points]
    ).slope


if __name__ == "__main__":
    main()
