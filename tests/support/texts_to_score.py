"""A small warehouse of patents to score, and what a model answers about one text on its own."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from patent_spark.core.store import Store, arrow_schema
from tests.support.factories import publish
from tests.support.ingested_tables import arrow_tables
from tests.support.ingested_tables import run as run_on
from tests.support.small_package import WORDS

RELEASE = "release-7"
WITHOUT_WORDS, WITHDRAWN = "9000003", "9000005"
SMALL = ("score.partition_rows=20", "score.chunk_rows=8", "score.batch=4", "score.parallel=2")
"""Settings that make several partitions, chunks and batches of a few texts."""


def patents(count: int = 60) -> list[dict]:
    """Rows with id, title, abstract, grant date; texts of 0 to 30 words, and one null each."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(count):
        words = " ".join(rng.choice([*WORDS, "unheard", "of"], int(rng.integers(1, 30))))
        key = f"D{number}" if number % 10 == 9 else str(9_000_000 + number * 300)
        year = 1990 + number % 30
        rows.append({"patent_id": key, "title": f"The {words[:20]}", "abstract": f"{words}.", "year": year})
    rows[1]["patent_id"], rows[2]["patent_id"] = WITHOUT_WORDS, WITHDRAWN
    rows[1]["title"], rows[1]["abstract"] = "Ψ ≈ ∅", None
    rows[4]["abstract"] = None
    rows[6]["title"] = None
    return rows


def publish_patents(root, rows: list[dict], claims: list[dict] | None = None) -> Store:
    """A warehouse with these patents; WITHDRAWN is withdrawn."""
    of_patents = [
        {
            "patent_id": row["patent_id"],
            "title": row["title"],
            "grant_date": datetime.date(row["year"], 6, 1),
            "withdrawn": row["patent_id"] == WITHDRAWN,
        }
        for row in rows
    ]
    abstracts = [
        {"patent_id": row["patent_id"], "abstract": row["abstract"]} for row in rows if row["abstract"]
    ]
    store = Store(root)
    publish(
        store,
        "ingest",
        arrow_tables({"PATENTS": of_patents, "ABSTRACTS": abstracts, "CLAIMS": claims or []}),
        metadata={"release_id": RELEASE},
        release_id=RELEASE,
    )
    return store


def publish_many_patents(root, count: int, words: int = 60) -> Store:
    """A warehouse with so many patents, whose abstracts have up to so many words; about 4,000 differ."""
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, length)) for length in rng.integers(1, words, 4001)]
    keys = np.arange(9_000_000, 9_000_000 + count)
    ids = pa.array(keys).cast(pa.string())
    common = {"patent_key": keys, "patent_id": ids}
    tables = {
        "PATENTS": common | {"title": [f"The {WORDS[key % len(WORDS)]}" for key in keys]},
        "ABSTRACTS": common | {"abstract": [texts[key % len(texts)] for key in keys]},
    }
    store = Store(root)
    publish(
        store,
        "ingest",
        {name: _with_nulls(name, columns) for name, columns in tables.items()},
        metadata={"release_id": RELEASE},
        release_id=RELEASE,
    )
    return store


def _with_nulls(name: str, columns: dict) -> pa.Table:
    """A table with these columns; the others are null."""
    count = len(columns["patent_key"])
    schema = arrow_schema(name)
    return pa.table({each.name: columns.get(each.name, pa.nulls(count)) for each in schema}).cast(schema)


def all_scores(store: Store) -> pa.Table:
    """SCORES in one order, whichever engine wrote it."""
    return store.read_arrow("SCORES").sort_by([("task", "ascending"), ("patent_key", "ascending")])


def score(store: Store, engine, package, *sets: str):
    """Run the stage with a package's models; returns its manifest."""
    return run_on(store, "score", engine, f"score.model={package.folder}", *SMALL, *sets)


def alone(package, task: str, row: dict) -> tuple[list[str], list[float]]:
    """Labels and probabilities of one patent, asked on its own, the most probable first."""
    packed = package.task(task)
    text = " ".join(filter(None, (row["title"], row["abstract"])))
    (probabilities,) = packed.probabilities(packed.encode([text]))
    best = sorted(range(len(packed.labels)), key=lambda label: -probabilities[label])
    return [packed.labels[label] for label in best], [float(probabilities[label]) for label in best]


def scores_of(store: Store, task: str) -> dict[str, dict]:
    """Rows of SCORES of a task, by patent_id; each patent has one."""
    rows = [row for row in store.read_arrow("SCORES").to_pylist() if row["task"] == task]
    found = {row["patent_id"]: row for row in rows}
    assert len(found) == len(rows), "a patent occurs twice"
    return found
