"""Predictions as typed records: what `patent-spark predict --json` prints and the service answers.

Probabilities are calibrated and rounded to DIGITS places, in JSON as for people. Parts that do not apply are
null.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from patent_spark.core.metadata import Record

DIGITS = 4
"""Decimal places of every probability that is shown: 0.1234, or 12.34 %."""


class WarningCode(StrEnum):
    """What is doubtful about an answer. Values are stable; messages are not."""

    TOO_SHORT = "too_short"
    """Fewer known words than the shortest text that the model learned from."""
    MISSING_FIELD = "missing_field"
    """A part that the model learned from, such as the abstract, is empty."""
    UNLIKE_TRAINING = "unlike_training"
    """The words are not used as in the texts that the model learned from."""
    LOW_CONFIDENCE = "low_confidence"
    """The most probable answer is below predict.min_confidence: look yourself."""


class PredictionWarning(Record):
    """One reason for doubt."""

    code: WarningCode
    message: str
    """One sentence for people."""


class AnsweringModel(Record):
    """The model behind an answer."""

    name: str
    """In the registry; of an unregistered model its folder's name."""
    version: str
    """In the registry; empty outside it."""
    address: str
    """models:/name/version, or a folder's name."""
    release_id: str
    """The release that it learned from."""
    run_id: str
    """The MLflow run of its training."""


class TextFacts(Record):
    """How much of the text the model could use."""

    words: int
    known_words: int
    """In the model's vocabulary."""
    read_words: int
    """Known words that the model reads: the rest is beyond its longest text."""


class WordEffect(Record):
    """What one word contributes to the predicted label."""

    word: str
    effect: float
    """Probability of the predicted label minus what it would be without the word, wherever it stands."""
    occurrences: int
    """Among the words that the model reads."""


class ClassProbability(Record):
    """One CPC class, or section or subclass, whichever the model predicts."""

    label: str
    """Such as H04; H or H04L of a model of sections or subclasses."""
    title: str
    probability: float
    """Calibrated; among all classes of the model."""
    share: float | None = None
    """Its probability among the classes of `limit_to` alone; null without such a limit."""


class LevelProbability(Record):
    """One citation level."""

    label: str
    """top1, top10, btm90 or zerocite."""
    title: str
    """What the level means, in a few words."""
    probability: float
    """Calibrated."""
    usual: float | None
    """Share of this level among the training patents of the class; null when it is not known."""


class BacktestEvidence(Record):
    """How models of this kind did in a back-test, at one distance between knowledge and grant year."""

    distance: int
    """Years between the last year known to the models and the grant year of the patents."""
    metric: str
    title: str
    models: int
    """Models that were tested at this distance."""
    lowest: float
    highest: float
    """Of the metric, over these models."""
    baseline_lowest: float | None
    baseline_highest: float | None
    """Of the best baseline, over the same models."""
    patents: int
    """Test patents of all of them."""


class LevelMeaning(Record):
    """What the probabilities of the citation levels are probabilities of."""

    statement: str
    """One sentence for people."""
    horizon_months: int | None
    """The citation window, from the day of the grant; null when the package does not say."""
    granted: str
    """Day of the grant that the answer assumes (ISO)."""
    known_until: int | None
    """The last year that the model's labels know of."""
    distance: int | None
    """Years between that year and the grant that the answer assumes."""
    backtest: tuple[BacktestEvidence, ...] | None
    """The back-test at that distance, or at the nearest one that was tested; null when none was made."""
    backtest_statement: str
    """One sentence for people."""


class Answer(Record):
    """What the answers of both tasks have in common."""

    model: AnsweringModel
    predicted: str
    """The most probable label; with `limit_to`, among those classes."""
    probability: float
    """Of the predicted label."""
    confident: bool
    """False: below predict.min_confidence, look yourself."""
    text: TextFacts
    warnings: tuple[PredictionWarning, ...]
    words: tuple[WordEffect, ...] | None
    """Words by the size of their effect, the largest first; null when no explanation was asked for."""


class TechnologyAnswer(Answer):
    """The CPC class, or section or subclass, whichever the model predicts."""

    task: Literal["technology"] = "technology"
    level: str = "class"
    """What the model predicts: section, class or subclass."""
    title: str
    """Of the predicted class."""
    classes: tuple[ClassProbability, ...]
    """The most probable ones first, as many as asked for."""
    classes_known: int
    """Classes that the model chooses among."""
    limited_to: tuple[str, ...]
    """Classes that the answer is limited to; empty: all."""


class CitationLevelAnswer(Answer):
    """The citation level."""

    task: Literal["citation_level"] = "citation_level"
    title: str
    """Of the predicted level."""
    levels: tuple[LevelProbability, ...]
    """All levels, from the most to the least cited."""
    usual_for: str | None
    """The class that `usual` is about: given, or predicted; null: all classes together."""
    meaning: LevelMeaning


class Prediction(Record):
    """The answers about one document; of a task without a model null."""

    id: str | None
    """As given."""
    row: int
    """Place of the document in what was asked, from 1."""
    technology: TechnologyAnswer | None
    citation_level: CitationLevelAnswer | None
