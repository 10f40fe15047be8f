"""Word vectors: fitted from nothing, continued from those of the release before, or taken over unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import JsonValue

from patent_spark.config import Text
from patent_spark.core.code_version import code_digest
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import arrow_schema
from patent_spark.stages.text import skipgram
from patent_spark.stages.text.skipgram import CorpusFile, SkipGram, skip_gram
from patent_spark.stages.text.synonym_recall import synonyms_found

if TYPE_CHECKING:
    from patent_spark.core.context import StageContext

_SETTINGS = (
    "dimensions", "window", "subsample", "negative", "epochs", "seed", "workers", "center",
    "continue_vectors", "continued_epochs",
)  # fmt: skip


def write_vectors(
    context: StageContext, files: Sequence[CorpusFile], words: pa.Table
) -> dict[str, JsonValue]:
    """Write VECTORS and KEYED_VECTORS of VOCABULARY, whose order is that of its ids.

    An earlier version's are taken over when they were fitted on the same texts, words and settings. Returns
    the fields of TextMetadata that say how they came about.
    """
    synonyms = context.store.metadata(IngestMetadata).synonyms or ()
    depends_on = [*_depends_on(context.config.text, files, words), synonyms]
    facts = context.parts.reuse("VECTORS", depends_on)
    if facts is None:
        facts, folder = _fit(context, files, words, synonyms), context.draft.path("KEYED_VECTORS")
        made = [*folder.iterdir(), *context.draft.path("VECTORS").iterdir()]
        context.parts.add("VECTORS", depends_on, made, facts)
    return facts


def _fit(
    context: StageContext,
    files: Sequence[CorpusFile],
    words: pa.Table,
    synonyms: Sequence[Sequence[str]],
) -> dict[str, JsonValue]:
    text, names = context.config.text, words["word"].to_pylist()
    counts = dict(zip(names, words["count"].to_pylist(), strict=True))
    version, start = _before(context) if text.continue_vectors else (None, None)
    model = skip_gram(files, counts, text, start)
    model.save(context.draft.path("KEYED_VECTORS"), with_context=text.continue_vectors)
    with context.draft.writer("VECTORS") as writer:
        writer.write_table(vectors_table(words, model.keyed.vectors))
    found = synonyms_found(names, model.keyed.vectors, synonyms)
    return {"synonyms_found": found, "continued_from": version}


def _before(context: StageContext) -> tuple[str | None, SkipGram | None]:
    """The version of this stage that readers see, and its model, if another one can go on from it."""
    published = context.store.published()
    manifest = published.manifest("text")
    if manifest is None:
        say("  word vectors begin from nothing: no release is published yet")
        return None, None
    model = SkipGram.load(published.directory("KEYED_VECTORS"))
    if model is None or model.context.shape[1] != context.config.text.dimensions:
        say(
            f"  word vectors begin from nothing: those of version {manifest.version} were made without "
            "text.continue_vectors, or have other dimensions"
        )
        return None, None
    say(f"  word vectors go on from version {manifest.version} (release {manifest.release_id})")
    return manifest.version, model


def _depends_on(text: Text, files: Sequence[CorpusFile], words: pa.Table) -> list[object]:
    """All that vectors from nothing depend on; continued ones of the same texts need no more passes."""
    settings = {name: getattr(text, name) for name in _SETTINGS}
    return [code_digest(skipgram.__name__), settings, words.to_pydict(), _content(files)]


def _content(files: Sequence[CorpusFile]) -> list[str]:
    digests = []
    for file in files:
        with file.path.open("rb") as content:
            digests.append(hashlib.file_digest(content, "sha256").hexdigest())
    return digests


def vectors_table(words: pa.Table, vectors: npt.NDArray[np.float32]) -> pa.Table:
    """VECTORS from VOCABULARY in the order of its ids and a matrix [words, dimensions]."""
    rows, dimensions = vectors.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * dimensions
    lists = pa.ListArray.from_arrays(offsets, vectors.astype(np.float32, copy=False).ravel())
    return words.select(["word", "count"]).append_column("vector", lists).cast(arrow_schema("VECTORS"))
