"""The encoders that `index.vectors` asks for, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from patent_spark.config import recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import TextMetadata
from patent_spark.core.model_files import TextSource
from patent_spark.inference.model_source import open_models
from patent_spark.inference.similar.encoders import DOCUMENT, DocumentEncoder, TextEncoder
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.word_average import WordAverage


@dataclass(frozen=True)
class EncoderSource:
    """An encoder, and what is recorded of its origin."""

    encoder: TextEncoder
    model: str
    version: str
    release_id: str
    task: str


def open_encoder(context: StageContext, kind: str, folder: IndexFolder) -> EncoderSource:
    """The encoder of one kind of vector; the files that queries need of it are written into the folder.

    Raises DataError when there is no such model, or when it reads other parts of a patent than TOKENS has.
    """
    return _model(context) if kind == DOCUMENT else _words(context, folder)


def _model(context: StageContext) -> EncoderSource:
    index = context.config.index
    opened = open_models(context.config, index.model, [index.task], index.threads or None)[index.task]
    _require_same_texts(context, opened.packed.about.text, opened.address)
    return EncoderSource(
        DocumentEncoder(opened, index.batch), opened.address, opened.version, opened.release_id, index.task
    )


def _words(context: StageContext, folder: IndexFolder) -> EncoderSource:
    words = context.store.read_arrow("VECTORS")
    column = words["vector"].combine_chunks()
    vectors = np.asarray(column.flatten(), np.float32).reshape(words.num_rows, -1)
    folder.words_folder.mkdir(parents=True)
    WordAverage.write(folder.words_folder, words["word"].to_pylist(), words["count"].to_pylist(), vectors)
    text = context.store.manifest(TextMetadata.stage)
    assert text is not None  # VECTORS was read
    encoder = WordAverage(folder.words_folder)
    return EncoderSource(encoder, f"VECTORS {text.version}", text.version, text.release_id, "")


def _require_same_texts(context: StageContext, model: TextSource, address: str) -> None:
    """TOKENS must be made of the parts of a patent that the model learned to read."""
    manifest = context.store.manifest(TextMetadata.stage)
    text = recorded(manifest.settings if manifest else {}).text
    made_of = TextSource(fields=text.fields, claims=text.claims)
    if _parts(made_of) != _parts(model):
        raise DataError(
            f"TOKENS was made of {_parts(made_of)}, but {address} reads {_parts(model)}; set text.fields and "
            "text.claims to those and run `patent-spark text`, or give another model",
            table="TOKENS",
            setting="text.fields",
        )


def _parts(text: TextSource) -> str:
    """The parts of a patent as words; which claims matters only where claims are read."""
    return ", ".join(f"{text.claims} claims" if name == "claims" else name for name in text.fields)
