"""Opens the index of a warehouse with what makes the vectors of texts."""

from __future__ import annotations

from patent_spark.config import Config
from patent_spark.core.store import open_store
from patent_spark.inference.model_source import open_models
from patent_spark.inference.similar.encoders import WORDS, DocumentEncoder, TextEncoder
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.inference.similar.word_average import WordAverage


def open_similar(
    config: Config, vectors: str = "", model: str = "", for_texts: bool = True, threads: int = 1
) -> SimilarPatents:
    """The current index of the warehouse.

    vectors: document or words; empty: document if there are such. model: as in `open_models`; empty: the one
    that made the index. for_texts: false opens no model, which patents of the index do not need.

    Raises DataError when there is no index, or when another model made it.
    """
    index = IndexFolder.current(open_store(config.warehouse).pinned(), vectors, threads)
    return SimilarPatents(index, _encoder(config, index, model, threads) if for_texts or model else None)


def _encoder(config: Config, index: IndexFolder, model: str, threads: int) -> TextEncoder:
    if index.about.vectors == WORDS:
        return WordAverage(index.words_folder)
    task = index.about.task
    return DocumentEncoder(open_models(config, model or index.about.model, [task], threads)[task])
