"""`make bench-similar`: the nearest of a million patents, by the HNSW graph and exactly.

Through the real command line: a model is trained on the release of conf/demo.yaml and registered; a larger
release is simulated, and `patent-spark index` makes vectors of its patents with that model. Queries are
random patents, one at a time on one thread: milliseconds of a whole query (search, family, titles)
and recall@10, both against exact search in the same run, without filters and with some. Started again, stages
that are done are skipped, the index as well unless --force is given.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from accuracy import run_stages
from measure import machine, run
from numpy.typing import NDArray
from simulated import stage_command

from patent_spark.core.store import Store
from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.records import Neighbor
from patent_spark.inference.similar.similar_patents import SimilarPatents

DEMO = Path(__file__).parents[1] / "conf" / "demo.yaml"
TOP = 10
_EQUAL = 1e-6
"""Cosines that differ less are equal: float32 adds up in another order."""
_RELEASE_STAGES = ("simulate", "ingest", "label", "split", "text")
_MODEL_STAGES = (*_RELEASE_STAGES, "shard", "train", "evaluate", "audit", "register")
_TECHNOLOGY = ("tasks=technology",)
_SMALL_TEXT = ("simulate.citation_scale=0.3", "split.test=0.95", "split.development=0.02", "text.epochs=1")
"""The larger release needs few citations, and no good word vectors of its own."""


def main() -> None:
    """Prints how the index was built, and a table of queries."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patents", type=int, default=1_000_000, help="patents of the release")
    parser.add_argument("--queries", type=int, default=1_000, help="number of queries")
    parser.add_argument("--model", help="folder of a package, instead of training one")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SETTING=VALUE", help="setting of `index`"
    )
    parser.add_argument("--warehouse", type=Path, help="with `text` done, instead of simulating a release")
    parser.add_argument("--force", action="store_true", help="build the index anew")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench-similar"), help="warehouses")
    options = parser.parse_args()
    scratch = options.scratch.absolute()
    model = options.model or trained(scratch / "model")
    home = options.warehouse or simulated(scratch / str(options.patents), options.patents)
    print(f"{machine()}; make bench-similar", flush=True)
    if options.force or Store(home).manifest("index") is None:
        outcome = run(stage_command("index", home, [f"index.model={model}", *options.set]), timeout=6 * 3600)
        print(
            f"index: {outcome.seconds:,.0f} s, CPU {outcome.cpu_seconds:,.0f} s, "
            f"peak {outcome.peak_mb:,.0f} MB"
        )
    print(f"\n{described(home)}\n\n{table(home, options.queries)}")


def simulated(home: Path, patents: int) -> Path:
    """A warehouse with the texts of so many simulated patents."""
    sets = [f"warehouse.root={home}", f"simulate.patents={patents}", *_TECHNOLOGY, *_SMALL_TEXT]
    run_stages(_RELEASE_STAGES, DEMO, sets)
    return home


def trained(home: Path) -> str:
    """The folder of the champion of conf/demo.yaml, trained when it is not there."""
    run_stages(_MODEL_STAGES, DEMO, [f"warehouse.root={home}", *_TECHNOLOGY])
    (package,) = (home / "mlflow").rglob("package.json")
    return str(package.parent)


def described(home: Path) -> str:
    """Size of the index and how long it takes to open it."""
    started = time.perf_counter()
    index = IndexFolder.current(Store(home), "document")
    rows = index.vectors.rows
    opened = time.perf_counter() - started
    about, sizes = index.about, {path.name: path.stat().st_size / 2**20 for path in index.folder.iterdir()}
    return (
        f"{rows:,} vectors of {about.dimensions} dimensions, {'with' if about.graph else 'without'} a graph; "
        f"opened in {opened * 1e3:.0f} ms; MiB: {', '.join(f'{k} {v:,.0f}' for k, v in sizes.items())}"
    )


def table(home: Path, queries: int) -> str:
    """A Markdown table: a line for each kind of filter."""
    index = IndexFolder.current(Store(home), "document")
    rows = np.random.default_rng(1).choice(index.vectors.rows, queries, replace=False)
    lines = [
        "| filters | patents that pass | recall@10 by cosine | recall@10 by patent | p50 ms | p95 ms "
        "| exact: p50 ms | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(line(index, rows, name, each) for name, each in kinds(index).items())])


def kinds(index: IndexFolder) -> dict[str, Filters]:
    """Filters that leave many patents and few."""
    days = np.sort([each for each in index.patents.granted if each < 10**6])
    epoch = datetime.date(1970, 1, 1)
    half, few = (epoch + datetime.timedelta(days=int(days[int(share * len(days))])) for share in (0.5, 0.02))
    return {
        "none": Filters(),
        "granted before the median day": Filters(granted_before=half),
        "granted before the first 2 %": Filters(granted_before=few),
        "one class": Filters(classes=(index.about.classes[0],)),
        "both": Filters(granted_before=half, classes=(index.about.classes[0],)),
    }


def line(index: IndexFolder, rows: Sequence[int], name: str, filters: Filters) -> str:
    """Queries for each row; exact results come from a search that compares every vector."""
    similar, exact = SimilarPatents(index), SimilarPatents(index, exact=True)
    patents = [index.patents.shown(int(row)).patent_id for row in rows]
    asked_exactly = patents[: max(1, len(patents) // 5)]
    neighbors, milliseconds = timed(similar, patents, filters)
    nearest, of_exact = timed(exact, asked_exactly, filters)
    pairs = list(zip(neighbors, nearest, strict=False))
    by_cosine = np.mean([near_enough(*pair) for pair in pairs])
    by_patent = np.mean([len({n.patent_id for n in a} & {n.patent_id for n in b}) / len(b) for a, b in pairs])
    allowed = index.patents.allowed(filters)[1]
    p50, p95, p50_exact = np.median(milliseconds), np.quantile(milliseconds, 0.95), np.median(of_exact)
    return (
        f"| {name} | {allowed:,} | {by_cosine:.3f} | {by_patent:.3f} | {p50:.2f} | {p95:.2f} "
        f"| {p50_exact:.1f} | {p50_exact / p50:.0f} x |"
    )


def timed(
    similar: SimilarPatents, patents: Sequence[str], filters: Filters
) -> tuple[list[list[Neighbor]], NDArray[np.float64]]:
    """The results and the milliseconds of each query, after a few to warm up."""
    for patent in patents[:20]:
        similar.to_patent(patent, TOP, filters)
    results, milliseconds = [], []
    for patent in patents:
        started = time.perf_counter()
        results.append(similar.to_patent(patent, TOP, filters))
        milliseconds.append((time.perf_counter() - started) * 1e3)
    return results, np.array(milliseconds)


def near_enough(neighbors: Sequence[Neighbor], nearest: Sequence[Neighbor]) -> float:
    """Share of the neighbors that are at least as similar as the last of the exactly nearest."""
    least = nearest[-1].similarity - _EQUAL
    return sum(each.similarity >= least for each in neighbors) / len(nearest)


if __name__ == "__main__":
    main()
