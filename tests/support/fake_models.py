"""Opened models without a network: each word votes for one label, so all probabilities are known by hand."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.encoded_texts import Vocabulary

WORDS = ("a", "the", "of", "network", "packet", "pump", "valve", "drug")
"""The vocabulary; a word's id is its place, from 1."""

VOTES = {"network": "H04", "packet": "H04", "pump": "F04", "valve": "F16", "drug": "A61"}
CLASSES = ("A61", "F04", "F16", "H04")


@dataclass
class FakeTask:
    """Probability of a label: its votes plus one, over all votes and ones."""

    about: TaskDescription
    votes: dict = field(default_factory=dict)
    batches: list = field(default_factory=list)
    """Rows of each call."""

    @property
    def labels(self):
        return self.about.labels

    @property
    def vocabulary(self):
        return Vocabulary(WORDS)

    def text_of(self, fields):
        return " ".join(fields[name] for name in self.about.text.fields)

    def encode(self, texts, known=None):
        return self.vocabulary.encode(texts, self.about.max_tokens)

    def probabilities(self, encoded, batch=512):
        self.batches.append(len(encoded.tokens))
        counts = np.ones((len(encoded.tokens), len(self.about.labels)))
        for row, ids in enumerate(encoded.tokens):
            for word in ids[ids > 0]:
                if label := self.votes.get(WORDS[word - 1]):
                    counts[row, self.about.labels.index(label)] += 1
        return (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class FakePackage:
    folder: Path


@dataclass(frozen=True)
class FakeModel:
    task: str
    packed: FakeTask
    package: FakePackage
    name: str = "patent_spark_fake"
    version: str = "3"
    release_id: str = "release-1"
    address: str = "models:/patent_spark_fake/3"


def about(task, labels, max_tokens=20, min_tokens=1, fields=("title", "abstract")):
    return TaskDescription(
        task=task,
        labels=labels,
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        text=TextSource(fields=fields, claims="first"),
        vocabulary_digest="v",
        run_id="run-1",
        release_id="release-1",
        key="k",
        kept_epoch=1,
    )


def fake_models(folder, levels=True, **changes):
    """Models of both tasks; votes for levels: network top1, pump zerocite. changes: of `about`."""
    technology = FakeTask(about("technology", CLASSES, **changes), VOTES)
    models = {"technology": FakeModel("technology", technology, FakePackage(folder))}
    if levels:
        task = FakeTask(about("citation_level", LEVELS, **changes), {"network": "top1", "pump": "zerocite"})
        models["citation_level"] = FakeModel("citation_level", task, FakePackage(folder))
    return models
