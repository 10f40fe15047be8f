"""What makes an answer doubtful."""

from __future__ import annotations

from patent_spark.core.model_files import TaskDescription
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import PredictionWarning, WarningCode
from patent_spark.inference.prediction.scoring import Scored


def warnings_of(
    document: Document, scored: Scored, about: TaskDescription, probability: float, min_confidence: float
) -> tuple[PredictionWarning, ...]:
    """All reasons for doubt, those about the text first."""
    found = [_missing(field) for field in about.text.fields if not document.fields[field].strip()]
    if scored.facts.known_words < about.min_tokens:
        found.append(_too_short(scored.facts.known_words, about.min_tokens))
    if probability < min_confidence:
        message = f"look yourself: the most probable answer has less than {min_confidence:.0%}"
        found.append(PredictionWarning(code=WarningCode.LOW_CONFIDENCE, message=message))
    return tuple(found)


def _missing(field: str) -> PredictionWarning:
    message = f"there is no text for {field}, which the model learned from"
    return PredictionWarning(code=WarningCode.MISSING_FIELD, message=message)


def _too_short(known: int, shortest: int) -> PredictionWarning:
    message = f"{known} known words; the shortest text that the model learned from has {shortest}"
    return PredictionWarning(code=WarningCode.TOO_SHORT, message=message)
