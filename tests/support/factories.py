"""Small warehouses for tests: tables of an earlier stage, published without running that stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import STAGE_METADATA, ShardMetadata, SplitLayout, StageMetadata, TaskExamples
from patent_spark.core.patent_ids import patent_id, patent_keys
from patent_spark.core.store import Draft, Store, arrow_schema
from patent_spark.stages.shard.row_groups import write_groups

Rows = Iterable[Mapping[str, Any]] | pa.Table


def publish(
    store: Store,
    stage: str,
    tables: Mapping[str, Rows],
    metadata: StageMetadata | Mapping[str, Any] | None = None,
    release_id: str = "tiny",
    fill: Callable[[Draft], None] | None = None,
) -> Manifest:
    """A new published version of a stage with these tables, metadata, and whatever else `fill` writes into
    the draft.

    Metadata may be the stage's record or some of its fields; see stage_metadata. Columns that the rows leave
    out are null, but patent_key and patent_id follow from each other.
    """
    with store.draft(stage) as draft:
        for name, rows in tables.items():
            pq.write_table(table_of(name, rows), draft.path(name) / "part-0.parquet")
        if fill is not None:
            fill(draft)
        if not isinstance(metadata, StageMetadata) and (metadata or stage in _EMPTY):
            own = {"release_id": release_id} if stage in ("simulate", "ingest") else {}
            metadata = stage_metadata(stage, **own | dict(metadata or {}))
        draft.metadata = metadata
        return draft.publish(
            key="test", release_id=release_id, settings={}, inputs={}, seconds=0.0, code="test", engine="test"
        )


def stage_metadata(stage: str, **fields: Any) -> StageMetadata:
    """The record of a stage with these fields; the others are empty or unknown."""
    return STAGE_METADATA[stage](**_EMPTY.get(stage, {}) | fields)


def task_examples(**rows: int) -> TaskExamples:
    """The shard manifest of a task whose splits have so many rows, each in one row group."""
    return TaskExamples(
        labels=(),
        max_tokens=4,
        splits={
            split: SplitLayout(rows=n, padding=0, groups=1, rows_per_group=n, keys_digest=0, contents=("x",))
            for split, n in rows.items()
        },
    )


_EMPTY: dict[str, dict[str, Any]] = {
    "simulate": {"release_id": "tiny", "data_to_date": "2025-09-30", "rows": {}, "broken": {}},
    "ingest": {
        "release_id": "tiny", "data_to_date": "2025-09-30", "data_to_date_from": "release.json",
        "rows_in": {}, "rejected": {},
        "cited_malformed": 0, "without_abstract": 0, "related_documents_from": None,
    },
    "label": {
        "levels": {}, "open_window": 0, "without_class": 0,
        "reference_sets": 0, "small_reference_sets": 0,
    },
    "split": {"splits": {}},
    "text": {"vocabulary_size": 0, "vocabulary_digest": "words", "training_texts": 0, "training_words": 0},
    "shard": {"vocabulary_digest": "words", "virtual_shards": 1, "tasks": {}},
    "audit": {"status": "passed", "failed": (), "not_made": ()},
}  # fmt: skip


def table_of(name: str, rows: Rows) -> pa.Table:
    """Rows as the Arrow table that schemas.py describes; raises KeyError for a column it does not have.

    Rows of LABELS without technology_label have their class there, as with the default level.
    """
    schema = arrow_schema(name)
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    rows = [
        _with_both_ids(dict(row)) if {"patent_key", "patent_id"} <= set(schema.names) else dict(row)
        for row in rows
    ]
    if "technology_label" in schema.names:
        rows = [{"technology_label": row.get("cpc_class")} | row for row in rows]
    strangers = {column for row in rows for column in row} - set(schema.names)
    if strangers:
        raise KeyError(f"{name} has no column {', '.join(sorted(strangers))}")
    return pa.Table.from_pylist(rows, schema)


def examples(
    keys: Iterable[int], labels: Iterable[int], texts: Iterable[list[int]], max_tokens: int
) -> pa.Table:
    """Examples as the shard stage encodes them, in the order given: one row a key, `texts` being lists of
    token ids."""
    texts = [text[:max_tokens] for text in texts]
    padded = np.array([text + [0] * (max_tokens - len(text)) for text in texts], "<i4")
    return pa.table(
        {
            "patent_key": pa.array(keys, pa.int64()),
            "label": pa.array(labels, pa.int32()),
            "length": pa.array([len(text) for text in texts], pa.int32()),
            "tokens": pa.array([row.tobytes() for row in padded], pa.binary()),
        }
    )


def write_shards(
    directory: Path,
    tasks: Mapping[str, tuple[list[str], int, Mapping[str, pa.Table]]],
    virtual_shards: int,
    row_group_rows: int = 2048,
    vocabulary_digest: str = "words",
) -> ShardMetadata:
    """Shard files of {task: (labels, max_tokens, {split: examples})} below `directory`; returns the shard
    manifest."""
    described = {}
    for task, (labels, max_tokens, splits) in tasks.items():
        written = {
            split: write_groups(
                directory / task / split, [table], table.num_rows, virtual_shards, row_group_rows, max_tokens
            )
            for split, table in splits.items()
        }
        described[task] = TaskExamples(labels=labels, max_tokens=max_tokens, splits=written)
    return ShardMetadata(vocabulary_digest=vocabulary_digest, virtual_shards=virtual_shards, tasks=described)


def shuffled_order(keys: Iterable[int], seed: int) -> list[int]:
    """Keys in the order of Spark's xxhash64(seed, key), both 64-bit: XXH64 of eight bytes, chained,
    starting from 42."""
    first, second, third, fourth, fifth = (
        0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
    )  # fmt: skip
    whole = 2**64 - 1

    def rotated(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & whole

    def hashed(value: int, start: int) -> int:
        digest = (start + fifth + 8) & whole
        digest ^= rotated((value & whole) * second & whole, 31) * first & whole
        digest = (rotated(digest, 27) * first + fourth) & whole
        digest = (digest ^ digest >> 33) * second & whole
        digest = (digest ^ digest >> 29) * third & whole
        return digest ^ digest >> 32

    def signed(value: int) -> int:
        return value - 2**64 if value >> 63 else value

    return sorted(keys, key=lambda key: signed(hashed(key, hashed(seed, 42))))


def _with_both_ids(row: dict[str, Any]) -> dict[str, Any]:
    if "patent_id" not in row and row.get("patent_key") is not None:
        row["patent_id"] = patent_id(row["patent_key"])
    if "patent_key" not in row and "patent_id" in row:
        row["patent_key"] = patent_keys(pa.array([row["patent_id"]], pa.string()))[0].as_py()
    return row
