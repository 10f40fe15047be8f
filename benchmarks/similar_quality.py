"""How good the neighbours of `patent-spark similar` are, by what a release knows: classes and citations.

For each kind of vector in the index of a warehouse (its model trained there, see --help):

same class   of test patents of the technology task, the share of the ten nearest patents with a class that
             have the same; by chance it is the sum of the squared shares of the classes
cited        of pairs of citing and cited patent that are both in the index and of different families, the
             share whose cited patent is among the nearest 10 or 100 of the citing one
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from measure import machine

from patent_spark.config import TECHNOLOGY
from patent_spark.core.patent_ids import patent_id
from patent_spark.core.progress import Progress
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store
from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.index_folder import INDEX, IndexFolder
from patent_spark.inference.similar.similar_patents import SimilarPatents

NEAR, FAR = 10, 100


def main() -> None:
    """Prints a Markdown table, a line for each kind of vector."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--warehouse", type=Path, required=True, help="after `run` and `index`")
    parser.add_argument("--sample", type=int, default=1_500, help="most test patents, and most pairs")
    options = parser.parse_args()
    store, draw = Store(options.warehouse), np.random.default_rng(1)
    tested = sampled(test_patents(store), options.sample, draw)
    pairs = sampled(cited(store), options.sample, draw)
    print(f"{machine()}; {len(tested):,} test patents, {len(pairs):,} pairs\n", flush=True)
    print(f"| vectors | same class | by chance | cited among {NEAR} | among {FAR} |\n|---|---|---|---|---|")
    for folder in sorted(store.directory(INDEX).iterdir()):
        similar = SimilarPatents(IndexFolder(folder), exact=True)
        shares = [same_class(similar, tested), by_chance(store), *shares_found(similar, pairs)]
        print(f"| {folder.name} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


def test_patents(store: Store) -> list[int]:
    """Keys of the test patents of technology in the index."""
    columns = ["patent_key", "split", "task"]
    splits = pq.read_table(store.directory("SPLITS"), columns=columns).to_pylist()
    known = set(indexed(store))
    return [
        row["patent_key"]
        for row in splits
        if row["task"] == TECHNOLOGY and is_test(row["split"]) and row["patent_key"] in known
    ]


def cited(store: Store) -> list[tuple[int, int]]:
    """Citing and cited patents, both in the index, of different families."""
    rows = store.read_arrow("CITATIONS", ["citing_key", "cited_key"]).to_pylist()
    families = indexed(store)
    pairs = {(row["citing_key"], row["cited_key"]) for row in rows}
    return sorted(
        pair for pair in pairs if set(pair) <= families.keys() and families[pair[0]] != families[pair[1]]
    )


def indexed(store: Store) -> dict[int, int]:
    """Family by key of the patents of the index."""
    table = store.read_arrow("INDEXED_PATENTS", ["patent_key", "family"])
    return dict(zip(table["patent_key"].to_pylist(), table["family"].to_pylist(), strict=True))


def sampled(values: Sequence[Any], most: int, draw: np.random.Generator) -> list[Any]:
    """At most so many of them, in their order."""
    kept = np.sort(draw.permutation(len(values))[:most])
    return [values[place] for place in kept]


def same_class(similar: SimilarPatents, patents: Sequence[int]) -> float:
    """Share of the nearest patents with a class that have the class of the one asked about."""
    any_class, found = Filters(classes=similar.about.classes), []
    with Progress("classes", len(patents), "patents") as progress:
        for key in patents:
            (asked,) = similar.to_patent(patent_id(key), 1, Filters(include_family=True))
            nearest = similar.to_patent(patent_id(key), NEAR, any_class)
            found += [each.cpc_class == asked.cpc_class for each in nearest]
            progress.update(1)
    return float(np.mean(found))


def by_chance(store: Store) -> float:
    """What same_class is of patents drawn at random."""
    classes = store.read_arrow("LABELS", ["cpc_class"])["cpc_class"].drop_null().value_counts()
    counts = np.array([each["counts"] for each in classes.to_pylist()])
    return float(((counts / counts.sum()) ** 2).sum())


def shares_found(similar: SimilarPatents, pairs: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Shares of the cited patents among the nearest 10 and 100 of the citing ones."""
    ranks = []
    with Progress("citations", len(pairs), "pairs") as progress:
        for citing, cited_key in pairs:
            ids = [each.patent_id for each in similar.to_patent(patent_id(citing), FAR)]
            ranks.append(ids.index(patent_id(cited_key)) if patent_id(cited_key) in ids else FAR)
            progress.update(1)
    return float(np.mean(np.array(ranks) < NEAR)), float(np.mean(np.array(ranks) < FAR))


if __name__ == "__main__":
    main()
