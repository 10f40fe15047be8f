"""Word vectors: fitted from nothing, continued from those of the release before, or taken over unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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
    "dimensions", "window", "subsample", "negative", "subwords", "epochs", "min_training_words", "seed",
    "workers", "center", "continue_vectors", "continued_epochs",
)  # fmt: skip


def write_vectors(
    context: StageContext, files: Sequence[CorpusFile], words: pa.Table
) -> dict[str, JsonValue]:
    """Write VECTORS, KEYED_VECTORS and FURTHER_VECTORS of VOCABULARY, whose order is that of its ids.

    A set of an earlier version is taken over when it was fitted on the same texts, words and settings.
    Returns the fields of TextMetadata that say how the first set came about.
    """
    synonyms = context.store.metadata(IngestMetadata).synonyms or ()
    content, facts = _content(files), []
    for place, text in enumerate(context.config.text.vector_sets):
        target = _VectorSet(context, place, text)
        depends_on = [place, *_depends_on(text, content, words), synonyms]
        known = context.parts.reuse(target.table, depends_on)
        if known is None:
            known = target.fit(files, words, synonyms)
            context.parts.add(target.table, depends_on, target.files, known)
        facts.append(known)
    return facts[0]


@dataclass(frozen=True)
class _VectorSet:
    """One set of word vectors in the draft: the first one of all, or one of text.further_vectors."""

    context: StageContext
    place: int
    text: Text

    @property
    def table(self) -> str:
        return "FURTHER_VECTORS" if self.place else "VECTORS"

    @property
    def files(self) -> list[Path]:
        folder = self.context.draft.path(self.table)
        kept = [folder / self._file] if self.place else [*folder.iterdir()]
        return [*kept, *(each for each in self._keyed.iterdir() if each.is_file())]

    def fit(
        self, files: Sequence[CorpusFile], words: pa.Table, synonyms: Sequence[Sequence[str]]
    ) -> dict[str, JsonValue]:
        """Fit and write the vectors; returns synonyms_found and continued_from of TextMetadata."""
        names = words["word"].to_pylist()
        counts = dict(zip(names, words["count"].to_pylist(), strict=True))
        version, start = self._before() if self.text.continue_vectors else (None, None)
        model = skip_gram(files, counts, self.text, start)
        self._keyed.mkdir(exist_ok=True)
        model.save(self._keyed, with_weights=self.text.continue_vectors)
        if self.place:
            np.save(self.context.draft.path("FURTHER_VECTORS") / self._file, model.keyed.vectors)
        else:
            with self.context.draft.writer("VECTORS") as writer:
                writer.write_table(vectors_table(words, model.keyed.vectors))
        found = synonyms_found(names, model.keyed.vectors, synonyms)
        return {"synonyms_found": found, "continued_from": version}

    def _before(self) -> tuple[str | None, SkipGram | None]:
        """The version of this stage that readers see, and its model, if another one can go on from it."""
        published = self.context.store.published()
        manifest = published.manifest("text")
        if manifest is None:
            say("  word vectors begin from nothing: no release is published yet")
            return None, None
        model = SkipGram.load(published.directory("KEYED_VECTORS") / self._folder)
        if model is None or not model.is_like(self.text):
            say(
                f"  word vectors begin from nothing: those of version {manifest.version} were made without "
                "text.continue_vectors, or with other text.dimensions or text.subwords"
            )
            return None, None
        say(f"  word vectors go on from version {manifest.version} (release {manifest.release_id})")
        return manifest.version, model

    @property
    def _keyed(self) -> Path:
        return self.context.draft.path("KEYED_VECTORS") / self._folder

    @property
    def _folder(self) -> str:
        return f"set-{self.place + 1}" if self.place else ""

    @property
    def _file(self) -> str:
        return f"{self._folder}.npy"


def _depends_on(text: Text, content: Sequence[str], words: pa.Table) -> list[object]:
    """All that vectors from nothing depend on; continued ones of the same texts need no more passes."""
    settings = {name: getattr(text, name) for name in _SETTINGS}
    return [code_digest(skipgram.__name__), settings, words.to_pydict(), content]


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
