"""From a model's numbers to the answer about a document."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.cpc_levels import level_of
from patent_spark.core.cpc_titles import cpc_title
from patent_spark.inference.model_source import OpenedModel
from patent_spark.inference.prediction.citation_answer import LEVEL_TITLES, level_meaning
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.explain import word_effects
from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.prediction.records import (
    AnsweringModel,
    BacktestEvidence,
    CitationLevelAnswer,
    ClassProbability,
    LevelProbability,
    TechnologyAnswer,
)
from patent_spark.inference.prediction.scoring import Scored, shown
from patent_spark.inference.prediction.text_reference import TextReference
from patent_spark.inference.prediction.warnings import warnings_of


@dataclass(frozen=True)
class Asked:
    """A model that is asked, and what its package knows."""

    model: OpenedModel
    facts: PredictionFacts
    min_confidence: float
    backtest: Sequence[BacktestEvidence] | None = None

    @property
    def labels(self) -> Sequence[str]:
        """In the order of its probabilities."""
        return self.model.packed.about.labels

    @property
    def texts(self) -> TextReference | None:
        """What it learned from."""
        return self.facts.texts.get(self.model.packed.about.task)

    def title(self, code: str) -> str:
        """Of a class or subclass: as its release has it, else as the CPC has it. Of a section: of the CPC."""
        return self.facts.titles.get(code) or cpc_title(code)


@dataclass(frozen=True)
class Question:
    """What is asked about each document."""

    top: int
    chosen: tuple[int, ...]
    """Places of the classes that the answer is limited to; empty: all."""
    explain: bool
    today: datetime.date
    """The day of the grant that the answer assumes."""


def technology_answer(
    asked: Asked, question: Question, document: Document, scored: Scored
) -> TechnologyAnswer:
    """The classes, the most probable ones first."""
    labels, places = asked.labels, question.chosen or range(len(asked.labels))
    order = sorted(places, key=lambda place: -scored.probabilities[place])
    return TechnologyAnswer(
        **_common(asked, question, document, scored, order[0]),
        level=level_of(labels),
        title=asked.title(labels[order[0]]),
        classes=_classes(asked, scored.probabilities, order, question),
        classes_known=len(labels),
        limited_to=tuple(labels[place] for place in question.chosen),
    )


def _classes(
    asked: Asked, probabilities: NDArray[np.float32], order: Sequence[int], question: Question
) -> tuple[ClassProbability, ...]:
    total = float(probabilities[list(order)].sum(dtype=np.float64))
    return tuple(
        ClassProbability(
            label=asked.labels[place],
            title=asked.title(asked.labels[place]),
            probability=shown(probabilities[place]),
            share=shown(float(probabilities[place]) / total) if question.chosen and total else None,
        )
        for place in order[: question.top]
    )


def citation_answer(
    asked: Asked, question: Question, document: Document, scored: Scored, cpc_class: str | None
) -> CitationLevelAnswer:
    """All levels beside what is usual for the class."""
    usual_for, usual = asked.facts.usual(cpc_class)
    levels = tuple(
        LevelProbability(
            label=label,
            title=LEVEL_TITLES[label],
            probability=shown(scored.probabilities[asked.labels.index(label)]),
            usual=shown(usual.get(label, 0.0)) if usual else None,
        )
        for label in LEVEL_TITLES
        if label in asked.labels
    )
    best = int(np.argmax(scored.probabilities))
    return CitationLevelAnswer(
        **_common(asked, question, document, scored, best),
        title=LEVEL_TITLES[asked.labels[best]],
        levels=levels,
        usual_for=usual_for,
        meaning=level_meaning(asked.facts.levels, asked.backtest, question.today),
    )


def _common(
    asked: Asked, question: Question, document: Document, scored: Scored, best: int
) -> dict[str, Any]:
    """The fields of Answer."""
    model, about = asked.model, asked.model.packed.about
    probability = shown(scored.probabilities[best])
    return {
        "model": AnsweringModel(
            name=model.name,
            version=model.version,
            address=model.address,
            release_id=model.release_id,
            run_id=about.run_id,
        ),
        "predicted": asked.labels[best],
        "probability": probability,
        "confident": probability >= asked.min_confidence,
        "text": scored.facts,
        "warnings": warnings_of(document, scored, about, asked.texts, probability, asked.min_confidence),
        "words": word_effects(model.packed, model.packed.text_of(document.fields), best, document.known)
        if question.explain
        else None,
    }
