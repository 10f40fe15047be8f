"""What the checks look at: the warehouse's tables as pandas frames, and the examples that a model was given.

Nothing here uses an engine or code of the stages, on purpose: an audit that shares the code it checks cannot find its
faults. What a family or a test day is, is worked out anew.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import JOINT, TECHNOLOGY, Audit, Config, Label, recorded
from patent_spark.core.metadata import IngestMetadata, ShardMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN, is_test
from patent_spark.stages.audit.relatives import connected, names_of, same_abstracts

if TYPE_CHECKING:
    from patent_spark.core.store import Store

_BLOCK = 8192
_LEARNED = 10  # training texts for each test text, in samples


@dataclass(frozen=True)
class Block:
    """Some examples, without padding rows."""

    keys: NDArray[np.int64]
    labels: NDArray[np.int64]
    """Places in Evidence.names; of an early level that of the level."""
    tokens: NDArray[np.int32]
    """Ids of VOCABULARY [n, max_tokens], 0 to the right."""


class Warehouse:
    """The tables that all tasks share."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self.store, self.audit = store, audit

    @cached_property
    def patents(self) -> pd.DataFrame:
        """patent_key, grant_date, withdrawn."""
        return self._frame("PATENTS", ["patent_key", "grant_date", "withdrawn"])

    @cached_property
    def counts(self) -> pd.DataFrame:
        """patent_key, forward_citations, total_citations."""
        return self._frame("COUNTS", ["patent_key", "forward_citations", "total_citations"])

    @cached_property
    def labels(self) -> pd.DataFrame:
        """LABELS but for the ids, with `year`, the grant year."""
        columns = [
            "patent_key",
            "grant_date",
            "cpc_class",
            "forward_citations",
            "q90",
            "q99",
            "citation_level",
            "window_complete",
        ]
        labels = self._frame("LABELS", columns)
        return labels.assign(year=labels["grant_date"].dt.year)

    @cached_property
    def ids(self) -> pd.DataFrame:
        """patent_key and patent_id of LABELS."""
        ids: pd.DataFrame = self.store.read_arrow("LABELS", ["patent_key", "patent_id"]).to_pandas()
        return ids

    @cached_property
    def splits(self) -> pd.DataFrame:
        """patent_key, task, split, exposure_months."""
        return self._frame("SPLITS", ["patent_key", "task", "split", "exposure_months"])

    @cached_property
    def interim_levels(self) -> pd.DataFrame:
        """INTERIM_LEVELS but for the ids, with `year`, the grant year; without rows where no exposure was asked for."""
        columns = [
            "patent_key",
            "grant_date",
            "cpc_class",
            "exposure_months",
            "forward_citations",
            "q90",
            "q99",
            "citation_level",
        ]
        if not self.label_rule.follow_up_months:
            return pd.DataFrame(columns=[*columns, "year"])
        early = self._frame("INTERIM_LEVELS", columns)
        return early.assign(year=early["grant_date"].dt.year)

    @cached_property
    def families(self) -> pd.DataFrame:
        """patent_key, family: the same number for abstracts that are equal but for case and white space; empty ones have none."""
        return same_abstracts(self.store.directory("ABSTRACTS"))

    @cached_property
    def relatives(self) -> pd.DataFrame | None:
        """patent_key, name, see relatives.names_of; None when the release has no file of related documents."""
        if self.store.metadata(IngestMetadata).related_documents_from is None:
            return None
        related = self.store.read_arrow(
            "RELATED_DOCUMENTS", ["related_key", "patent_key", "related_number", "relation", "related_kind"]
        )
        return names_of(
            related.set_column(0, "related_key", related["related_key"].fill_null(-1)).to_pandas()
        )

    @cached_property
    def tested(self) -> NDArray[np.int64]:
        """Patents of a test split of any task."""
        found = self.splits["split"]
        keys: NDArray[np.int64] = self.splits.loc[found.map(is_test), "patent_key"].unique()
        return keys

    @cached_property
    def held_out(self) -> NDArray[np.int64]:
        """These and all that share an abstract with one or are its relatives, over any number of others."""
        return connected(self.tested, *self._bonds)

    def with_families(self, keys: NDArray[np.int64] | pd.Series) -> NDArray[np.int64]:
        """Those that stand on one side of a split with these patents: their families, or with split.group_by_family=false they alone."""
        keys = np.unique(keys)
        return connected(keys, *self._bonds) if self.made_with("split").split.group_by_family else keys

    @property
    def _bonds(self) -> list[pd.DataFrame]:
        """Frames of patent_key and name: patents with a name in common belong together."""
        abstracts = self.families.rename(columns={"family": "name"})
        return [abstracts] if self.relatives is None else [abstracts, self.relatives]

    @property
    def joint_examples(self) -> Path | None:
        """Where the examples of a model of both tasks are, if there is such a one."""
        folder = self.store.directory("EXAMPLES") / JOINT
        return folder if folder.is_dir() else None

    @cached_property
    def label_rule(self) -> Label:
        """The settings that LABELS were made with."""
        return self.made_with("label").label

    def made_with(self, stage: str) -> Config:
        """The settings of a stage, as its manifest tells them; those of others are at their defaults."""
        manifest = self.store.manifest(stage)
        return recorded(manifest.settings if manifest else {})

    @property
    def day_of_tests(self) -> np.datetime64:
        """The first day of the first test year that the splits were asked for."""
        return np.datetime64(f"{min(self.made_with('split').split.test_years)}-01-01")

    @cached_property
    def permitted_words(self) -> dict[str, int]:
        """Occurrences of words in the texts that may be learned from: none of a test patent, of its family, or of the test years."""
        barred = [self.held_out]
        if (day := self.first_test_day()) is not None:
            barred.append(
                self.patents.loc[self.patents["grant_date"] >= pd.Timestamp(day), "patent_key"].to_numpy()
            )
        keys = np.unique(np.concatenate(barred))
        parts = [pa.table({"word": pa.array([], pa.string()), "count": pa.array([], pa.int64())})]
        for batch in pyarrow.dataset.dataset(self.store.directory("TOKENS"), format="parquet").to_batches(
            columns=["patent_key", "tokens"]
        ):
            permitted = batch.filter(pa.array(~np.isin(batch["patent_key"].to_numpy(), keys)))
            words = pc.value_counts(permitted["tokens"].flatten().cast(pa.string()))
            parts.append(pa.table({"word": words.field("values"), "count": words.field("counts")}))
        summed = pa.concat_tables(parts).group_by("word").aggregate([("count", "sum")])
        return dict(zip(summed["word"].to_pylist(), summed["count_sum"].to_pylist(), strict=True))

    @cached_property
    def words_of_texts(self) -> int:
        """Words of all texts, those of the tests too."""
        batches = pyarrow.dataset.dataset(self.store.directory("TOKENS"), format="parquet").to_batches(
            columns=["tokens"]
        )
        return sum(len(batch["tokens"].flatten()) for batch in batches)

    def first_test_day(self, task: str | None = None) -> datetime.date | None:
        """The first day of the first test year of a task, or of all tasks; None when none is tested by year."""
        splits = self.splits if task is None else self.splits[self.splits["task"] == task]
        years = [
            int(match[1])
            for split in splits["split"].unique()
            if (match := re.fullmatch(r"test_(\d{4})", split))
        ]
        return datetime.date(min(years), 1, 1) if years else None

    def _frame(self, table: str, columns: list[str]) -> pd.DataFrame:
        frame: pd.DataFrame = self.store.read_arrow(table, columns).to_pandas(date_as_object=False)
        return frame


class Evidence:
    """One task: what its model was trained and tested on, and what it said."""

    def __init__(self, warehouse: Warehouse, task: str) -> None:
        self.warehouse, self.task, self.store, self.audit = warehouse, task, warehouse.store, warehouse.audit
        described = self.store.metadata(ShardMetadata).tasks[task]
        self.names: list[str] = list(described.labels)
        self.early = described.interim
        """Levels at an exposure, which some training examples have instead; their numbers follow on those of the names."""
        self.max_tokens = described.max_tokens
        self.column = "cpc_class" if task == TECHNOLOGY else "citation_level"
        self.folder = self.store.directory("EXAMPLES") / task
        self.test_splits = sorted(path.name for path in self.folder.iterdir() if is_test(path.name))
        self.other_splits = sorted(path.name for path in self.folder.iterdir() if not is_test(path.name))

    @cached_property
    def examples(self) -> pd.DataFrame:
        """One row an example: patent_key, split, tested, label (its text), exposure (months, of an early level; else null), length, and year,
        grant_date and cpc_class from LABELS."""
        parts = []
        for split in self.other_splits + self.test_splits:
            for path in sorted((self.folder / split).glob("*.parquet")):
                rows = pq.ParquetFile(path).read(columns=["patent_key", "label", "length"]).to_pandas()
                parts.append(rows[rows["patent_key"] >= 0].assign(split=split, tested=is_test(split)))
        examples = pd.concat(parts, ignore_index=True)
        exposures = [np.nan] * len(self.names) + [float(each.exposure_months) for each in self.early]
        examples["exposure"] = np.array(exposures)[examples["label"]]
        examples["label"] = np.array([*self.names, *(each.level for each in self.early)], object)[
            examples["label"]
        ]
        known = self.warehouse.labels[["patent_key", "grant_date", "year", "cpc_class"]].drop_duplicates(
            "patent_key"
        )
        described: pd.DataFrame = examples.merge(known, on="patent_key", how="left")
        return described

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """PREDICTIONS of the task."""
        predictions: pd.DataFrame = self.store.read_arrow(
            "PREDICTIONS", where=pc.field("task") == self.task
        ).to_pandas()
        return predictions

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """METRICS of the task."""
        return self.store.read_json("METRICS", f"{self.task}.json")

    @cached_property
    def learned(self) -> Block:
        """A sample of the training and development examples, for checks that fit or compare."""
        return self.sample(self.other_splits, _LEARNED * self.audit.sample_size)

    @cached_property
    def asked(self) -> Block:
        """A sample of the test examples."""
        return self.sample(self.test_splits, self.audit.sample_size)

    def taught(self) -> Iterator[Block]:
        """The training and development examples of the model, for their keys and texts: of a joint model those of both tasks."""
        folder = self.warehouse.joint_examples
        return self.blocks((TRAIN, DEVELOPMENT), folder) if folder else self.blocks(self.other_splits)

    @cached_property
    def taught_keys(self) -> NDArray[np.int64]:
        """Their patents."""
        return np.concatenate([np.zeros(0, np.int64), *(block.keys for block in self.taught())])

    def blocks(self, splits: Iterable[str], folder: Path | None = None) -> Iterator[Block]:
        """The examples of some splits of the task, or of another folder, a few thousand at a time."""
        waiting: list[pa.Table] = []
        for path in (
            path for split in splits for path in sorted(((folder or self.folder) / split).glob("*.parquet"))
        ):
            group = pq.ParquetFile(path).read(columns=["patent_key", "label", "tokens"])
            waiting.append(group.filter(pc.greater_equal(group["patent_key"], 0)))
            if sum(map(len, waiting)) >= _BLOCK:
                yield self._block(waiting)
                waiting = []
        if waiting:
            yield self._block(waiting)

    def sample(self, splits: list[str], limit: int, label: str | None = None) -> Block:
        """A seeded sample of so many examples of some splits, or all of them; with a label, of those that have it."""
        labels = self.examples.loc[self.examples["split"].isin(splits), "label"]
        drawn_from = np.flatnonzero(labels == label) if label else np.arange(len(labels))
        drawn = np.arange(len(drawn_from)) < limit
        np.random.default_rng(self.audit.seed).shuffle(drawn)
        taken = np.zeros(len(labels), bool)
        taken[drawn_from] = drawn
        parts, start = (
            [Block(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, self.max_tokens), np.int32))],
            0,
        )
        for block in self.blocks(splits):
            mine = taken[start : start + len(block.keys)]
            parts.append(Block(block.keys[mine], block.labels[mine], block.tokens[mine]))
            start += len(mine)
        return Block(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("keys", "labels", "tokens")
            )
        )

    def _block(self, groups: list[pa.Table]) -> Block:
        table = pa.concat_tables(groups)
        tokens = np.frombuffer(b"".join(table["tokens"].to_pylist()), "<i4").reshape(
            len(table), self.max_tokens
        )
        labels = table["label"].to_numpy().astype(np.int64)
        if self.early:  # else labels of joint examples, which stand for one of each task, may be more than there are names
            labels = np.array(
                [*range(len(self.names)), *(self.names.index(each.level) for each in self.early)]
            )[labels]
        return Block(table["patent_key"].to_numpy(), labels, tokens)
