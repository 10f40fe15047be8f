"""Stage index: INDEX and INDEXED_PATENTS.

Patents are shuffled once, then read block by block for each kind of vector. Memory: a block of texts, and all
vectors of one kind, 4 bytes a number (2 with index.precision = float16), with their links, 8 bytes x
index.links. For 9.4 million patents with 256 dimensions and 16 links that is 9.6 (4.8) + 1.3 GB.
"""

from __future__ import annotations

import shutil

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.key_ranges import key_ranges
from patent_spark.core.metadata import IndexedVectors, IndexMetadata, IngestMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from patent_spark.core.store import parquet_size
from patent_spark.inference.similar.index_folder import INDEX, IndexFolder
from patent_spark.stages.index.encoders import EncoderSource, open_encoder
from patent_spark.stages.index.texts import indexed_texts
from patent_spark.stages.index.write import TABLE, Written, encoded, write_index


def run(context: StageContext) -> None:
    """Make the vectors of all patents; raises DataError without a model or without texts."""
    settings = context.config.index
    folders = {kind: IndexFolder(context.draft.path(INDEX) / kind) for kind in settings.vectors}
    sources = {kind: open_encoder(context, kind, folder) for kind, folder in folders.items()}
    shuffled = context.draft.directory / "shuffled"
    rows = parquet_size(context.store.directory("TOKENS"))["rows"]
    if not rows:
        raise DataError("TOKENS is empty: no patent has a text; inspect PATENTS, ABSTRACTS", table="TOKENS")
    texts = indexed_texts(context)
    parts = (keys.of(texts) for keys in key_ranges(context.read("TOKENS")))
    write_shuffled(parts, shuffled, rows=rows, seed=settings.seed)
    indexes = {}
    with context.draft.writer(TABLE) as table:
        for kind, folder in folders.items():
            folder.folder.mkdir(exist_ok=True)
            with Progress(f"{kind} vectors", rows, "patents") as progress:
                blocks = encoded(read_shuffled(shuffled), sources[kind].encoder, progress)
                written = write_index(blocks, kind, folder, settings, rows, table)
            if not written.patents:
                raise _no_known_words(rows, sources[kind].model)
            indexes[kind] = _described(context, kind, sources[kind], written, rows)
            write_json(folder.about_file, indexes[kind].to_json())
            say(f"  {_summary(indexes[kind])}")
    shutil.rmtree(shuffled)
    context.record_metadata(IndexMetadata(indexes=indexes))


def _no_known_words(texts: int, model: str) -> DataError:
    return DataError(
        f"TOKENS: none of {texts:,} texts has a word that {model} knows; give another model in index.model",
        table="TOKENS",
        texts=texts,
        setting="index.model",
    )


def _described(
    context: StageContext, kind: str, source: EncoderSource, written: Written, texts: int
) -> IndexedVectors:
    settings = context.config.index
    return IndexedVectors(
        vectors=kind,
        identity=source.encoder.identity,
        model=source.model,
        model_version=source.version,
        model_release_id=source.release_id,
        task=source.task,
        release_id=context.store.metadata(IngestMetadata).release_id,
        patents=written.patents,
        without_known_words=texts - written.patents,
        dimensions=written.dimensions,
        graph=written.graph,
        search_width=settings.search_width,
        exact_up_to=settings.exact_up_to,
        classes=written.classes,
    )


def _summary(about: IndexedVectors) -> str:
    left_out = f"; {about.without_known_words:,} without a known word" if about.without_known_words else ""
    how = "HNSW graph" if about.graph else "exact search"
    return (
        f"{about.vectors} vectors of {about.model}: {about.patents:,} patents, "
        f"{about.dimensions} dimensions, {how}{left_out}"
    )
