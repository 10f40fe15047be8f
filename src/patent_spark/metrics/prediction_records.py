"""What a model said about each test patent, small enough to be kept with its run, and how two models differ on the same ones."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.metrics.bootstrap import interval, verdict
from patent_spark.metrics.comparison import Figures, Measured, differences, measure
from patent_spark.metrics.estimator import Said, joined

MODEL, UNCALIBRATED, TEMPERED = "model", "uncalibrated", "tempered"

ANSWERS = "answers"
"""The folder of a run that has a file of them for each task."""

_SAID = {"in_top5": "top5", "squared_error": "squares", "confidence": "confidence", "top1": "top1"}
"""Columns of the file, and what measures.Said calls them."""
_MIXER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Judged:
    """What is kept of a split: one value a patent, all in the same order."""

    keys: NDArray[np.int64]
    truth: NDArray[np.int16]
    family: NDArray[np.int64]
    cpc_class: NDArray[np.bytes_]
    says: dict[str, Said]
    """By predictor: the model, the model before its calibration, at its temperature alone if that is not how it is calibrated, and the baselines that
    read."""


def pool(parts: list[Judged]) -> Judged:
    """Several splits as one, in their order."""
    keys, truth, family, cpc_class = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("keys", "truth", "family", "cpc_class")
    )
    return Judged(
        keys,
        truth,
        family,
        cpc_class,
        {name: joined([part.says[name] for part in parts]) for name in parts[0].says},
    )


@dataclass(frozen=True)
class Answers:
    """Arrays of one value a patent, all in the same order."""

    keys: NDArray[np.int64]
    family: NDArray[np.int64]
    split: NDArray[Any]
    """Names of splits."""
    labels: list[str]
    truth: NDArray[np.int64]
    """Places in `labels`."""
    says: Said

    def of(self, rows: NDArray[Any]) -> Answers:
        """Those about some patents."""
        return Answers(
            self.keys[rows],
            self.family[rows],
            self.split[rows],
            self.labels,
            self.truth[rows],
            self.says.of(rows),
        )

    def with_labels(self, labels: list[str]) -> Answers:
        """The same with the places of labels in another list, which has all of them."""
        places = np.array([labels.index(label) for label in self.labels])
        says = dataclasses.replace(self.says, predicted=places[self.says.predicted].astype(np.int16))
        return dataclasses.replace(self, labels=labels, truth=places[self.truth], says=says)


def answers_of(judged: Mapping[str, Judged], labels: list[str]) -> Answers:
    """What the model said about the patents of some splits."""
    pooled, split = (
        pool(list(judged.values())),
        np.repeat(list(judged), [len(each.truth) for each in judged.values()]),
    )
    return Answers(
        pooled.keys, pooled.family, split, labels, pooled.truth.astype(np.int64), pooled.says[MODEL]
    )


def write_answers(path: Path, answers: Answers, limit: int) -> None:
    """Write answers as Parquet, some thirty bytes a patent; of more than `limit` those of some families, the same in every run."""
    mixed = answers.family.astype(np.uint64) * _MIXER
    rows = np.sort(np.lexsort([answers.keys, mixed])[:limit])
    kept, names = answers.of(rows), pa.array(answers.labels, pa.string())
    columns = {
        "patent_key": pa.array(kept.keys),
        "family": pa.array(kept.family),
        "split": pa.array(kept.split.tolist()).dictionary_encode(),
    }
    columns |= {
        "truth": names.take(pa.array(kept.truth)),
        "predicted": names.take(pa.array(kept.says.predicted.astype(np.int64))),
    }
    columns |= {
        column: pa.array(values)
        for column, name in _SAID.items()
        if len(values := getattr(kept.says, name)) == len(rows)
    }
    about = {"labels": json.dumps(answers.labels), "patents": str(len(answers.keys))}
    pq.write_table(pa.table(columns).replace_schema_metadata(about), path, compression="zstd")


def read_answers(path: Path) -> tuple[Answers, int]:
    """The answers in a file, and how many patents there were to be asked about."""
    table = pq.read_table(path)
    about = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
    labels: list[str] = json.loads(about["labels"])
    places = pa.array(labels, pa.string())
    truth, predicted = (
        np.asarray(pc.index_in(table[name].cast(pa.string()), places)) for name in ("truth", "predicted")
    )
    said: dict[str, Any] = {
        name: np.asarray(table[column]) if column in table.column_names else np.zeros(0, np.float32)
        for column, name in _SAID.items()
    }
    keys, family = (np.asarray(table[name]) for name in ("patent_key", "family"))
    says = Said(predicted=predicted.astype(np.int16), **said)
    return Answers(
        keys, family, np.asarray(table["split"].cast(pa.string())), labels, truth.astype(np.int64), says
    ), int(about["patents"])


def why_not_paired(one: Answers, other: Answers, asked: tuple[int, int]) -> str:
    """Why the two were not asked the same, if they were not. asked: test patents of each, of which the answers may be a part."""
    kept = (len(one.keys), len(other.keys))
    shared = len(np.intersect1d(one.keys, other.keys))
    if shared < max(kept) and kept != asked:
        of_each = " and ".join(f"{mine:,} of {of:,}" for mine, of in zip(kept, asked, strict=True))
        return (
            f"the answers on {of_each} test patents were kept, of which {shared:,} are in both; "
            f"run `patent-spark evaluate --force` for both with the same evaluate.logged_predictions, {max(asked):,} for all"
        )
    if shared < max(kept):
        return f"the test sets differ: {len(one.keys):,} and {len(other.keys):,} patents, of which {shared:,} are in both"
    mine, theirs = one.of(np.argsort(one.keys)), other.of(np.argsort(other.keys))
    relabelled = int((np.array(one.labels)[mine.truth] != np.array(other.labels)[theirs.truth]).sum())
    if relabelled:
        return f"the test patents are the same, but {relabelled:,} of {shared:,} have other labels"
    return "" if shared else "there are no test patents"


def paired(one: Answers, other: Answers, config: Evaluate) -> dict[str, dict[str, Any]]:
    """By how much `other` is better than `one` on the same patents, on all (`all`) and, where there are several, on each split.

    Each with `patents`, both models' `figures`, and for each figure of contest.COMPARED a difference with interval and verdict;
    `all` also has `per_class`, the same for the F1 of each label.
    """
    labels = [*one.labels, *(label for label in other.labels if label not in one.labels)]
    one, other = (each.with_labels(labels).of(np.argsort(each.keys)) for each in (one, other))
    groups = {"all": np.arange(len(one.keys))}
    splits = np.unique(one.split)
    if len(splits) > 1:
        groups |= {str(split): np.flatnonzero(one.split == split) for split in splits}
    labelled = [("all", "one"), ("all", "other")]
    measured = measure(
        {"one": one.says, "other": other.says}, one.truth, one.family, labels, groups, config, labelled
    )
    told = {name: _told(found, len(groups[name])) for name, found in measured.items()}
    told["all"]["per_class"] = _by_label(measured["all"]["one"], measured["all"]["other"], labels)
    return told


def _told(found: Mapping[str, Measured], patents: int) -> Figures:
    told = differences(found["other"], {"one": found["one"]})["one"]
    figures = {
        name: {figure: _plain(measured.points[figure]) for figure in told} for name, measured in found.items()
    }
    return {"patents": patents, "figures": figures, "differences": told}


def _by_label(one: Measured, other: Measured, labels: list[str]) -> Figures:
    name = "per_class.f1"
    points = other.points[name] - one.points[name]
    resampled = (
        other.resampled[name] - one.resampled[name]
        if name in one.resampled
        else np.full((len(labels), 1), np.nan)
    )
    ends = [interval(each, float(point)) for each, point in zip(resampled, points, strict=True)]
    rows = zip(labels, points.tolist(), ends, strict=True)
    return {
        label: {"difference": point, "interval": apart, "verdict": verdict(apart)}
        for label, point, apart in rows
    }


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
