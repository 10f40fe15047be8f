"""Packages with random weights and warehouses of many patents, for the benchmark of the stage score."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from patent_spark.core.files import write_json
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.core.store import Store, arrow_schema
from patent_spark.core.token_ids import split_words
from patent_spark.inference.network_structure import LstmWeights, NetworkStructure
from patent_spark.inference.onnx_graph import onnx_model
from patent_spark.inference.packaging import describe_package

TASK, FIELDS = "technology", ("title", "abstract")
_WORDS, _LABELS, _MAX_TOKENS = 50_000, 125, 100
_FIRST_KEY, _ROWS_AT_ONCE, _TEXTS = 4_000_000, 100_000, 5_000


def write_package(folder: Path, words: list[str], units: int, layers: int, dimensions: int) -> None:
    """A package of one task: bidirectional layers, pool max_mean, mean vector, as in conf/default.yaml."""
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    def lstm(inputs: int) -> LstmWeights:
        return LstmWeights(normal(inputs, 4 * units), normal(units, 4 * units), normal(4 * units))

    inputs = [dimensions, *[2 * units] * (layers - 1)]
    state = 4 * units + dimensions
    structure = NetworkStructure(
        normal(len(words) + 1, dimensions),
        tuple((lstm(each), lstm(each)) for each in inputs),
        "max_mean",
        True,
        normal(state, _LABELS),
        normal(_LABELS),
    )
    (folder / TASK).mkdir(parents=True)
    (folder / TASK / "model.onnx").write_bytes(onnx_model([structure]).SerializeToString())
    (folder / TASK / "vocabulary.txt").write_text("".join(f"{word}\n" for word in words))
    write_json(folder / TASK / "calibration.json", {"temperature": 1.2, "learned_on": "development"})
    labels = tuple(f"{'ABCDEFGH'[number % 8]}{number:02d}" for number in range(_LABELS))
    TaskDescription(
        task=TASK, labels=labels, max_tokens=_MAX_TOKENS, min_tokens=1,
        text=TextSource(fields=FIELDS, claims="first"), vocabulary_digest="", run_id="",
        release_id="benchmark", key=f"{units} {layers} {dimensions}", kept_epoch=1,
    ).write(folder / TASK)  # fmt: skip
    describe_package(folder, (TASK,), [])


def frequent_words(texts: list[str]) -> list[str]:
    """The words of some texts, the most frequent first, at most 50,000."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(split_words(text))
    return [word for word, _ in counts.most_common(_WORDS)]


def patent_texts(store: Store, rows: int | None = None) -> list[str]:
    """Title and abstract of the warehouse's patents, in the order of their keys."""
    patents = store.read_arrow("PATENTS", ["patent_key", "title"]).sort_by("patent_key")
    abstracts = store.read_arrow("ABSTRACTS", ["patent_key", "abstract"]).sort_by("patent_key")
    if rows:
        patents, abstracts = patents.slice(0, rows), abstracts.slice(0, rows)
    found = dict(zip(*(column.to_pylist() for column in abstracts.columns), strict=True))
    return [
        f"{title or ''} {found.get(key) or ''}"
        for key, title in zip(*(column.to_pylist() for column in patents.columns), strict=True)
    ]


def write_patents(root: Path, rows: int) -> Store:
    """An ingested release of so many patents, made in batches; about 5,000 abstracts differ."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(60, 160, _TEXTS)
    texts = pa.array([" ".join(f"w{word}" for word in rng.zipf(1.2, length) % 2_000) for length in lengths])
    store = Store(root)
    with store.draft("ingest") as draft:
        with draft.writer("PATENTS") as patents, draft.writer("ABSTRACTS") as abstracts:
            for first in range(0, rows, _ROWS_AT_ONCE):
                keys = np.arange(_FIRST_KEY + first, _FIRST_KEY + min(first + _ROWS_AT_ONCE, rows))
                drawn = texts.take(pa.array(rng.integers(0, _TEXTS, len(keys))))
                patents.write_table(_table("PATENTS", keys, title=pa.array([f"Title {key}" for key in keys])))
                abstracts.write_table(_table("ABSTRACTS", keys, abstract=drawn))
        draft.record_metadata(
            IngestMetadata(
                release_id="benchmark", data_to_date=datetime.date(2025, 9, 30),
                data_to_date_from="release.json", rows_in={}, rejected={}, cited_malformed=0,
                without_abstract=0, related_documents_from=None,
            )
        )  # fmt: skip
        draft.publish(
            key="benchmark", release_id="benchmark", settings={}, inputs={}, seconds=0.0, code="", engine=""
        )
    return store


def _table(name: str, keys: NDArray[np.int64], **columns: pa.Array) -> pa.Table:
    schema = arrow_schema(name)
    known = {"patent_key": pa.array(keys), "patent_id": pa.array(keys).cast(pa.string())} | columns
    return pa.table({each.name: known.get(each.name, pa.nulls(len(keys))) for each in schema}).cast(schema)
