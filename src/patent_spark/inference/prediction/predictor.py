"""Answers about documents from opened models: the one way for the command line, the service and the page."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.cpc_levels import class_of
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
from patent_spark.inference.model_source import OpenedModel
from patent_spark.inference.prediction.answers import Asked, Question, citation_answer, technology_answer
from patent_spark.inference.prediction.backtest import backtest_evidence
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.prediction.limits import chosen_places
from patent_spark.inference.prediction.records import CitationLevelAnswer, Prediction, TechnologyAnswer
from patent_spark.inference.prediction.scoring import score


class Predictor:
    """Answers from the models of one or both tasks. It keeps no state between calls: threads may share it."""

    def __init__(
        self,
        models: Mapping[str, OpenedModel],
        min_confidence: float = 0.5,
        warehouse: Store | None = None,
    ) -> None:
        """warehouse: where a back-test may be that was made after the models were packed."""
        self._models = {
            task: _asked(model, min_confidence, warehouse if task == CITATION_LEVEL else None)
            for task, model in models.items()
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that its model of technology knows; none without one."""
        asked = self._models.get(TECHNOLOGY)
        return tuple(asked.model.packed.about.labels) if asked else ()

    def predict(
        self,
        documents: Sequence[Document],
        top: int = 5,
        limit_to: Sequence[str] = (),
        explain: bool = False,
        first_row: int = 1,
    ) -> list[Prediction]:
        """A record for each document, in their order.

        top: how many classes are listed. limit_to: classes among which the answer is chosen. explain: also
        what each word contributes. first_row: the row of the first document.

        Raises DataError for a document without words, with its `row`, and ConfigError for a class that the
        model does not know.
        """
        require_words(documents, first_row)
        chosen = chosen_places(limit_to, self.classes) if limit_to else []
        question = Question(top, tuple(chosen), explain, datetime.date.today())
        technology = self._technology(documents, question)
        levels = self._citation_levels(documents, question, technology)
        return [
            Prediction(id=document.id, row=row, technology=one, citation_level=other)
            for row, (document, one, other) in enumerate(
                zip(documents, technology, levels, strict=True), first_row
            )
        ]

    def _technology(
        self, documents: Sequence[Document], question: Question
    ) -> Sequence[TechnologyAnswer | None]:
        asked = self._models.get(TECHNOLOGY)
        if asked is None:
            return [None] * len(documents)
        scored = score(asked.model.packed, documents, asked.texts)
        return [
            technology_answer(asked, question, document, each)
            for document, each in zip(documents, scored, strict=True)
        ]

    def _citation_levels(
        self, documents: Sequence[Document], question: Question, classes: Sequence[TechnologyAnswer | None]
    ) -> Sequence[CitationLevelAnswer | None]:
        asked = self._models.get(CITATION_LEVEL)
        if asked is None:
            return [None] * len(documents)
        scored = score(asked.model.packed, documents, asked.texts)
        return [
            citation_answer(
                asked,
                question,
                document,
                each,
                document.cpc_class or (class_of(found.predicted) if found else None),
            )
            for document, each, found in zip(documents, scored, classes, strict=True)
        ]


def _asked(model: OpenedModel, min_confidence: float, warehouse: Store | None) -> Asked:
    facts = PredictionFacts.read(model.package.folder)
    evidence = backtest_evidence(warehouse, model.release_id) if warehouse else None
    return Asked(model, facts, min_confidence, evidence or facts.backtest)


def require_words(documents: Sequence[Document], first_row: int = 1) -> None:
    """Raises DataError for the first document in which there is nothing to read, with its `row`."""
    for row, document in enumerate(documents, first_row):
        if not document.has_words():
            raise DataError(
                f"document {row} has no words: no letter a to z and no digit in its title or abstract",
                row=row,
            )
