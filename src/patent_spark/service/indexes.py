"""The index of nearest patents, as far as it fits the models that answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patent_spark.config import Config
from patent_spark.core.errors import DataError
from patent_spark.core.progress import log
from patent_spark.core.store import open_store
from patent_spark.inference.model_source import OpenedModel
from patent_spark.inference.similar.encoders import DOCUMENT, WORDS, DocumentEncoder, TextEncoder
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.inference.similar.word_average import WordAverage


@dataclass(frozen=True)
class SimilarIndexes:
    """The vectors of one version of INDEX that can be searched, by their kind."""

    version: str = ""
    """Of the stage index; empty before its first run."""
    by_kind: Mapping[str, SimilarPatents] = field(default_factory=dict)
    store: Any = None
    """Keeps this version from being removed."""


def index_version(config: Config) -> str:
    """The current version of INDEX; empty before the first one."""
    manifest = open_store(config.warehouse).manifest("index")
    return manifest.version if manifest is not None else ""


def open_indexes(config: Config, opened: Mapping[str, OpenedModel]) -> SimilarIndexes:
    """The current INDEX. Vectors that another model made are left out, with a word in the log."""
    version = index_version(config)
    if not version:
        return SimilarIndexes()
    store = open_store(config.warehouse).pinned()
    by_kind = {}
    for kind in (DOCUMENT, WORDS):
        try:
            index = IndexFolder.current(store, kind, threads=1)
            by_kind[kind] = SimilarPatents(index, _encoder(index, opened))
        except DataError as error:
            log.info("no search by %s vectors: %s", kind, error)
    return SimilarIndexes(version, by_kind, store)


def _encoder(index: IndexFolder, opened: Mapping[str, OpenedModel]) -> TextEncoder:
    if index.about.vectors == WORDS:
        return WordAverage(index.words_folder)
    if index.about.task not in opened:
        raise DataError(f"no model of {index.about.task} answers", task=index.about.task)
    return DocumentEncoder(opened[index.about.task])
