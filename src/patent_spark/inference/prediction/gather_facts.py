"""The facts of a package from the warehouse that its models were made in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config, recorded
from patent_spark.core.cpc_levels import SUBCLASS, level_of
from patent_spark.core.errors import DataError
from patent_spark.core.key_filter import among
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store
from patent_spark.inference.model_package import Package
from patent_spark.inference.prediction.backtest import backtest_evidence
from patent_spark.inference.prediction.facts import ALL_CLASSES, LevelDefinition, PredictionFacts
from patent_spark.inference.prediction.text_reference import FEWEST, TextReference, fit_text_reference

_STRETCHES, _STRETCH = 10, 500
"""Reference texts come from so many stretches of patents, so that little of a large release is read."""


def gather_facts(store: Store, package: Package) -> PredictionFacts:
    """All that PredictionFacts holds, for the models in a package of the current training."""
    classed = CITATION_LEVEL in package.tasks
    releases = {package.task(task).about.release_id for task in package.tasks}
    return PredictionFacts(
        levels=_level_definition(store) if classed else None,
        usual_levels=_usual_levels(store, package.learned_from) if classed else {},
        titles=_titles(store, package),
        texts=_text_references(store, package),
        backtest=backtest_evidence(store, releases.pop()) if classed and len(releases) == 1 else None,
    )


def _level_definition(store: Store) -> LevelDefinition:
    label, split = _settings(store, "label").label, _settings(store, "split")
    known_until = store.metadata(IngestMetadata).data_to_date.year
    if split.citation_level.protocol == "temporal" and split.split.embargo:
        known_until = min(split.split.test_years) - 1
    return LevelDefinition(
        horizon_months=label.horizon_months,
        reference_set=label.reference_set,
        known_until=known_until,
    )


def _settings(store: Store, stage: str) -> Config:
    """The configuration that the current version of a stage was made with."""
    manifest = store.manifest(stage)
    return recorded(manifest.settings if manifest else {})


def _usual_levels(store: Store, learned_from: NDArray[np.int64]) -> dict[str, dict[str, int]]:
    """Patents that a model learned from, by class and level."""
    columns = ["patent_key", "cpc_class", "citation_level"]
    labels = store.read_arrow("LABELS", columns, pc.field("citation_level").is_valid())
    labels = labels.filter(pc.is_in(labels["patent_key"], pa.array(learned_from)))
    usual: dict[str, dict[str, int]] = {ALL_CLASSES: _counts(labels["citation_level"])}
    for cpc_class in pc.unique(labels["cpc_class"]).drop_null().to_pylist():
        usual[cpc_class] = _counts(labels["citation_level"].filter(pc.equal(labels["cpc_class"], cpc_class)))
    return usual if usual[ALL_CLASSES] else {}


def _counts(levels: pa.ChunkedArray) -> dict[str, int]:
    return {each["values"]: each["counts"] for each in pc.value_counts(levels).to_pylist()}


def _titles(store: Store, package: Package) -> dict[str, str]:
    """Titles of the release's classes and, for a model of subclasses, of these.

    None if the release has no file of them, or an older version read it.
    """
    columns = ["cpc_class"]
    if TECHNOLOGY in package.tasks and level_of(package.task(TECHNOLOGY).labels) == SUBCLASS:
        columns.append("cpc_subclass")
    return {code: title for column in columns for code, title in _titles_in(store, column).items()}


def _titles_in(store: Store, column: str) -> dict[str, str]:
    """Title by code, for cpc_class or cpc_subclass."""
    try:
        rows = store.read_arrow("CPC_TITLES", [column, f"{column}_title"])
    except DataError:
        return {}
    known = pc.and_(pc.is_valid(rows[column]), pc.is_valid(rows[f"{column}_title"]))
    titled = rows.filter(known).to_pydict()
    return {
        code: _sentence(title)
        for code, title in sorted(zip(*titled.values(), strict=True), reverse=True)
        if title.strip()
    }


def _sentence(title: str) -> str:
    """The CPC writes its upper titles in capitals."""
    return title.capitalize() if title.isupper() else title


def _text_references(store: Store, package: Package) -> dict[str, TextReference]:
    found = {}
    for task in package.tasks:
        keys = _held_out(store, task)
        words = _words_of(store, keys if len(keys) >= FEWEST else package.learned_from)
        packed = package.task(task)
        if fitted := fit_text_reference(packed.encode_words(words), len(packed.vocabulary)):
            found[task] = fitted
    return found


def _held_out(store: Store, task: str) -> NDArray[np.int64]:
    """Keys of the test patents, ascending. Of texts that the vocabulary was fitted on nearly all words are
    known, so that they would not tell how many unknown words are usual."""
    examples = store.directory("EXAMPLES") / task
    files = [file for split in examples.glob("*") if is_test(split.name) for file in split.glob("*.parquet")]
    keys = [np.asarray(pq.ParquetFile(file).read(columns=["patent_key"])["patent_key"]) for file in files]
    held_out: NDArray[np.int64] = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]))
    return held_out[held_out > 0]


def _words_of(store: Store, keys: NDArray[np.int64]) -> pa.ListArray:
    """The words of a sample of these patents."""
    chunks = [
        chunk
        for stretch in _stretches(keys)
        for chunk in store.read_arrow("TOKENS", ["tokens"], among(stretch))["tokens"].chunks
    ]
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.list_(pa.string()))


def _stretches(keys: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Stretches of consecutive keys, from the first to the last; all keys when there are few."""
    if len(keys) <= _STRETCHES * _STRETCH:
        return [keys] if len(keys) else []
    starts = np.linspace(0, len(keys) - _STRETCH, _STRETCHES).astype(int)
    return [keys[start : start + _STRETCH] for start in starts]
