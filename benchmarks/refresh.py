"""`make bench-refresh`: the stages on a new release, after the release before and in an empty warehouse.

Simulates two releases of one history, the second with about 2 % more patents, and prints seconds by stage
and the ratio. The column with text.continue_vectors differs in the stage text alone. No model is trained.
Seconds are those of the stage; CPU seconds, which other programs change less, are those of the process. A
call that was stopped goes on where it was, so remove --scratch to measure anew.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from measure import machine, run
from simulated import ONE_FIT, stage_command

from patent_spark.config.sections.release import Simulate
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import TextMetadata
from patent_spark.core.store import Store
from patent_spark.stages.simulate.population import Population

STAGES = ("ingest", "label", "quality", "split", "text", "shard")
_CONFIGURATION = Path(__file__).parents[1] / "conf" / "default.yaml"
_CONTINUED = "text.continue_vectors=true"


def main() -> None:
    """Make both releases and the warehouses, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patents", type=int, default=1_000_000, help="of the newer release")
    parser.add_argument("--new", type=float, default=0.02, help="share of them that the older one lacks")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench-refresh"))
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    options = parser.parse_args()
    bench = _Bench(options.scratch.absolute(), options.set)
    older = last_day(options.patents, options.new)
    sizes = [bench.release(name, options.patents, day) for name, day in (("older", older), ("newer", None))]
    new = sizes[1] - sizes[0]
    print(f"{machine()}; {sizes[1]:,} patents, {new:,} of them new ({new / sizes[1]:.1%})", flush=True)
    full, exact, continued = bench.warehouses()
    print("\n".join(table(full, exact, continued)))


def last_day(patents: int, new: float) -> datetime.date:
    """The day up to which a release of so many patents has all but a share of them."""
    population = Population(Simulate().seed, patents, Simulate().classes)
    day = Simulate().data_to_date
    while population.calendar.until(day) > population.calendar.until(Simulate().data_to_date) * (1 - new):
        day -= datetime.timedelta(days=7)
    return day


class _Bench:
    """Two releases, and warehouses made of them, in one folder."""

    def __init__(self, scratch: Path, sets: Sequence[str]) -> None:
        self._scratch, self._sets = scratch, sets

    def release(self, name: str, patents: int, day: datetime.date | None) -> int:
        """Simulate a release up to a day; returns its patents."""
        sets = ["source.kind=simulate", f"source.path={self._scratch / name}", f"simulate.patents={patents}"]
        until = [f"simulate.data_to_date={day}"] if day else []
        store = self._run(f"{name}-simulated", "simulate", [*sets, *until])
        rows = _manifest(store, "simulate").metadata["rows"]
        assert isinstance(rows, dict)
        return int(str(next(iter(rows.values()))))

    def warehouses(self) -> tuple[Store, Store, Store]:
        """The newer release from nothing, after the older one, and likewise with continued vectors."""
        before = self._stages("before", "older", STAGES, [_CONTINUED])
        exact = self._stages(self._copy(before, "exact"), "newer", STAGES[:4])
        continued = self._stages(self._copy(exact, "continued"), "newer", ("text",), [_CONTINUED])
        exact = self._stages("exact", "newer", STAGES)
        return self._stages("full", "newer", STAGES), exact, continued

    def _copy(self, store: Store, name: str) -> str:
        """Another warehouse with the same files, by hard links; no file of a warehouse is ever changed."""
        target = self._scratch / name
        if not target.exists():
            temporary = target.with_suffix(".part")
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(store.root, temporary, copy_function=os.link)
            temporary.rename(target)
        return name

    def _stages(self, name: str, release: str, stages: Iterable[str], sets: Sequence[str] = ()) -> Store:
        for stage in stages:
            store = self._run(name, stage, [f"source.path={self._scratch / release}", *sets])
        return store

    def _run(self, name: str, stage: str, sets: Sequence[str]) -> Store:
        store = Store(self._scratch / name)
        before = store.manifest(stage)
        settings = [*ONE_FIT, *self._sets, *sets]
        command = stage_command(stage, store.root, settings, _CONFIGURATION, anew=False)
        outcome = run(command)
        if _manifest(store, stage) != before:
            print(f"  {name} {stage} {outcome.seconds:.1f} s", file=sys.stderr, flush=True)
            _cpu_file(store, stage).unlink(missing_ok=True)  # it may be a link to that of another warehouse
            _cpu_file(store, stage).write_text(f"{outcome.cpu_seconds}")
        return store


def table(full: Store, exact: Store, continued: Store) -> Iterator[str]:
    """Markdown: seconds by stage, ratios, and what was taken over; then what the vectors are worth."""
    yield "| stage | full s | incremental s | ratio | full CPU s | incremental CPU s | ratio | taken over |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from (_row(stage, [stage], full, exact) for stage in STAGES)
    yield _row("text, continued vectors", ["text"], full, continued)
    yield _row("all", STAGES, full, exact)
    found = [store.metadata(TextMetadata).synonyms_found for store in (full, exact, continued)]
    shown = ", ".join("none" if each is None else f"{each:.3f}" for each in found)
    yield f"\nSynonyms among the nearest words: {shown} (full, incremental, continued)"


def _row(name: str, stages: Sequence[str], full: Store, other: Store) -> str:
    """One stage, or the sum of several."""
    walls = [sum(_manifest(store, stage).seconds for stage in stages) for store in (full, other)]
    cpus = [sum(float(_cpu_file(store, stage).read_text()) for stage in stages) for store in (full, other)]
    cells = [f"{before:.1f} | {now:.1f} | {now / before:.2f}" for before, now in (walls, cpus)]
    reused = _manifest(other, stages[0]).reused if len(stages) == 1 else {}
    parts = ", ".join(f"{table} {each.parts}/{each.of}" for table, each in reused.items())
    return f"| {name} | {' | '.join(cells)} | {parts} |"


def _cpu_file(store: Store, stage: str) -> Path:
    """CPU seconds of the process that made the current version of a stage."""
    return store.root / f"{stage}.cpu"


def _manifest(store: Store, stage: str) -> Manifest:
    manifest = store.manifest(stage)
    assert manifest is not None
    return manifest


if __name__ == "__main__":
    main()
