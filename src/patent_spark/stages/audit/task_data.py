"""One task as the audit reads it: the examples of its model, its predictions and its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import TECHNOLOGY
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import DEVELOPMENT, TOP1, TRAIN, is_test
from patent_spark.metrics.report_schema import Metrics, read_metrics
from patent_spark.stages.audit.warehouse import Warehouse

_BLOCK_ROWS = 8192
_TRAINING_TEXTS_PER_TEST_TEXT = 10


@dataclass(frozen=True)
class ExampleBlock:
    """Some examples, without padding rows."""

    keys: NDArray[np.int64]
    labels: NDArray[np.int64]
    """Indices into TaskData.label_names. An interim level has the index of its level."""
    tokens: NDArray[np.int32]
    """Ids of VOCABULARY [n, max_tokens], padded with 0 on the right."""


class TaskData:
    """What a task's model was trained and tested on, and what it predicted."""

    def __init__(self, warehouse: Warehouse, task: str) -> None:
        self.warehouse, self.task = warehouse, task
        self.store, self.settings = warehouse.store, warehouse.settings
        shards = self.store.metadata(ShardMetadata).tasks[task]
        self.label_names, self.max_tokens = list(shards.labels), shards.max_tokens
        self._levels = np.array([*self.label_names, *(each.level for each in shards.interim)], object)
        """The label for each label number of EXAMPLES. Interim levels follow the labels."""
        follow_ups = [float(each.follow_up_months) for each in shards.interim]
        self._follow_ups = np.array([*[np.nan] * len(self.label_names), *follow_ups])
        self.label_column = "technology_label" if task == TECHNOLOGY else "citation_level"
        self.folder = self.store.directory("EXAMPLES") / task
        splits = sorted(path.name for path in self.folder.iterdir())
        self.test_splits = [split for split in splits if is_test(split)]
        self.training_splits = [split for split in splits if not is_test(split)]

    @cached_property
    def examples(self) -> pd.DataFrame:
        """One row per example.

        patent_key, split, tested, label (its name), follow_up (months, for an interim level; else null) and
        length from EXAMPLES; year, grant_date and cpc_class from LABELS.
        """
        parts = []
        for split in self.training_splits + self.test_splits:
            for path in sorted((self.folder / split).glob("*.parquet")):
                rows = pq.ParquetFile(path).read(columns=["patent_key", "label", "length"]).to_pandas()
                parts.append(rows[rows["patent_key"] >= 0].assign(split=split, tested=is_test(split)))
        examples = pd.concat(parts, ignore_index=True)
        examples["follow_up"] = self._follow_ups[examples["label"]]
        examples["label"] = self._levels[examples["label"]]
        columns = ["patent_key", "grant_date", "year", "cpc_class"]
        labels = self.warehouse.labels[columns].drop_duplicates("patent_key")
        joined: pd.DataFrame = examples.merge(labels, on="patent_key", how="left")
        return joined

    @property
    def test_examples(self) -> pd.DataFrame:
        """The rows of `examples` in a test split."""
        return self.examples[self.examples["tested"]]

    @property
    def training_examples(self) -> pd.DataFrame:
        """The rows of `examples` for training and development."""
        return self.examples[~self.examples["tested"]]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row per test patent: PREDICTIONS of the task, but of its `probabilities` three.

        They are the largest, `most_probable`; that of the predicted label, `of_predicted`; and that of top1,
        `of_top1`, null without this label.
        """
        of_task = self.store.dataset("PREDICTIONS").to_batches(
            filter=pc.field("task") == self.task, batch_size=_BLOCK_ROWS
        )
        parts = [self._with_three_probabilities(batch) for batch in of_task]
        return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)

    def _with_three_probabilities(self, batch: pa.RecordBatch) -> pd.DataFrame:
        rows: pd.DataFrame = pa.Table.from_batches([batch]).drop_columns(["probabilities"]).to_pandas()
        matrix = batch["probabilities"].flatten().to_numpy().reshape(len(rows), len(self.label_names))
        predicted = pd.Index(self.label_names).get_indexer(pd.Index(rows["predicted"]))
        of_top1 = matrix[:, self.label_names.index(TOP1)] if TOP1 in self.label_names else np.nan
        return rows.assign(
            most_probable=matrix.max(axis=1),
            of_predicted=matrix[np.arange(len(rows)), predicted],
            of_top1=of_top1,
        )

    @cached_property
    def metrics(self) -> Metrics:
        """METRICS of the task."""
        return read_metrics(self.store, self.task)

    @property
    def tested_by_year(self) -> bool:
        """Whether the task is tested on later years than it trains on."""
        return self.warehouse.first_test_day(self.task) is not None

    @cached_property
    def training_sample(self) -> ExampleBlock:
        """A sample of the training and development examples, for checks that fit or compare."""
        return self.sample(self.training_splits, _TRAINING_TEXTS_PER_TEST_TEXT * self.settings.sample_size)

    @cached_property
    def test_sample(self) -> ExampleBlock:
        """A sample of the test examples."""
        return self.sample(self.test_splits, self.settings.sample_size)

    def training_blocks(self) -> Iterator[ExampleBlock]:
        """The training and development examples of the model. A multi-task model has those of both tasks."""
        folder = self.warehouse.joint_examples
        return self.blocks((TRAIN, DEVELOPMENT), folder) if folder else self.blocks(self.training_splits)

    @cached_property
    def training_keys(self) -> NDArray[np.int64]:
        """The patents of training_blocks()."""
        return np.concatenate([np.zeros(0, np.int64), *(block.keys for block in self.training_blocks())])

    def blocks(self, splits: Iterable[str], folder: Path | None = None) -> Iterator[ExampleBlock]:
        """The examples of some splits, a few thousand at a time; by default of this task."""
        pending: list[pa.Table] = []
        home = folder or self.folder
        for path in (path for split in splits for path in sorted((home / split).glob("*.parquet"))):
            group = pq.ParquetFile(path).read(columns=["patent_key", "label", "tokens"])
            pending.append(group.filter(pc.greater_equal(group["patent_key"], 0)))
            if sum(map(len, pending)) >= _BLOCK_ROWS:
                yield self._block(pending)
                pending = []
        if pending:
            yield self._block(pending)

    def sample(self, splits: list[str], limit: int, label: str | None = None) -> ExampleBlock:
        """A seeded sample of at most `limit` examples of some splits, or of those with one label."""
        labels = self.examples.loc[self.examples["split"].isin(splits), "label"]
        candidates = np.flatnonzero(labels == label) if label else np.arange(len(labels))
        drawn = np.arange(len(candidates)) < limit
        np.random.default_rng(self.settings.seed).shuffle(drawn)
        selected = np.zeros(len(labels), bool)
        selected[candidates] = drawn
        return self._select(splits, selected)

    def _select(self, splits: list[str], selected: NDArray[np.bool_]) -> ExampleBlock:
        """The selected examples, a flag for each example of the splits, in their order."""
        keys, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        tokens = [np.zeros((0, self.max_tokens), np.int32)]
        start = 0
        for block in self.blocks(splits):
            chosen = selected[start : start + len(block.keys)]
            keys.append(block.keys[chosen])
            labels.append(block.labels[chosen])
            tokens.append(block.tokens[chosen])
            start += len(chosen)
        return ExampleBlock(np.concatenate(keys), np.concatenate(labels), np.concatenate(tokens))

    def _block(self, groups: list[pa.Table]) -> ExampleBlock:
        table = pa.concat_tables(groups)
        flat = np.frombuffer(b"".join(table["tokens"].to_pylist()), "<i4")
        labels = table["label"].to_numpy().astype(np.int64)
        # Joint examples hold a number for the labels of both tasks, beyond the range of one task's levels.
        if len(self._levels) > len(self.label_names):
            labels = np.array([self.label_names.index(level) for level in self._levels])[labels]
        return ExampleBlock(table["patent_key"].to_numpy(), labels, flat.reshape(len(table), self.max_tokens))
