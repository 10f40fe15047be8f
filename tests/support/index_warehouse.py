"""A warehouse with what the stage `index` reads, and a model whose document vectors are counts of words."""

import datetime
from types import SimpleNamespace

import numpy as np

from patent_spark.core.model_files import TextSource
from patent_spark.core.store import Store
from patent_spark.stages.index import encoders
from tests.support.factories import publish
from tests.support.small_index import DAY, FIRST, WordCounts

DIMENSIONS = 6


class WordCountModel:
    """As model_source.open_models gives it. before: called before each batch of texts."""

    def __init__(self, fields=("title", "abstract"), identity="model-1", before=lambda: None):
        self._counts, self._before = WordCounts(DIMENSIONS), before
        self.task, self.release_id, self.version = "technology", "trained-on", "3"
        self.name, self.address = "patent_spark_technology", "models:/patent_spark_technology/3"
        self.package = SimpleNamespace(identity=identity)
        self.packed = SimpleNamespace(
            about=SimpleNamespace(text=TextSource(fields=fields, claims="first")),
            text_of=self._counts.text_of,
            encode_words=self._encoded,
            document_vectors=lambda encoded, batch: encoded.vectors,
        )

    def _encoded(self, texts):
        self._before()
        vectors, known = self._counts.vectors(texts)
        return SimpleNamespace(vectors=vectors, known=known)


def use_model(monkeypatch, model):
    """Have the stage find this model wherever it looks for one; returns the calls."""
    calls = []

    def open_models(config, asked, tasks, threads=None):
        calls.append((asked, tasks))
        return {tasks[0]: model}

    monkeypatch.setattr(encoders, "open_models", open_models)
    return calls


def publish_texts(
    root, texts, *, withdrawn=(), families=None, without_class=(), fields=("title", "abstract")
):
    """A warehouse with one patent for each text (a list of words); row r is patent FIRST + r."""
    store, keys = Store(root), range(FIRST, FIRST + len(texts))
    patents = [
        {
            "patent_key": key,
            "title": f"patent {row}",
            "grant_date": DAY + datetime.timedelta(weeks=row),
            "withdrawn": row in withdrawn,
        }
        for row, key in enumerate(keys)
    ]
    standing = [(row, key) for row, key in enumerate(keys) if row not in withdrawn]
    labels = [
        {
            "patent_key": key,
            "grant_date": patents[row]["grant_date"],
            "cpc_class": None if row in without_class else ("G06", "H04", "A61")[row % 3],
        }
        for row, key in standing
    ]
    counts = [{"patent_key": key, "forward_citations": 0, "total_citations": row} for row, key in standing]
    publish(store, "ingest", {"PATENTS": patents}, release_id="release-7")
    publish(store, "label", {"LABELS": labels, "COUNTS": counts})
    related = [{"patent_key": FIRST + row, "family": family} for row, family in (families or {}).items()]
    publish(store, "split", {"FAMILIES": related})
    tokens = [{"patent_key": key, "tokens": texts[row]} for row, key in standing if texts[row]]
    vectors = [
        {"word": f"w{i}", "count": 10, "vector": np.eye(DIMENSIONS)[i].tolist()} for i in range(DIMENSIONS)
    ]
    publish(store, "text", {"TOKENS": tokens, "VECTORS": vectors})
    return store


def random_texts(count, seed=1):
    """Lists of four to nine words of w0 .. w5."""
    numbers = np.random.default_rng(seed)
    return [
        [f"w{i}" for i in numbers.integers(0, DIMENSIONS, size)] for size in numbers.integers(4, 10, count)
    ]
