"""What makes an answer doubtful."""

from __future__ import annotations

from patent_spark.core.model_files import TaskDescription
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import PredictionWarning, WarningCode
from patent_spark.inference.prediction.scoring import Scored
from patent_spark.inference.prediction.text_reference import TextReference


def warnings_of(
    document: Document,
    scored: Scored,
    about: TaskDescription,
    reference: TextReference | None,
    probability: float,
    min_confidence: float,
) -> tuple[PredictionWarning, ...]:
    """All reasons for doubt, those about the text first. reference: what the model learned from, if known."""
    warnings = [_missing(field) for field in about.text.fields if not document.fields[field].strip()]
    shortest = max(about.min_tokens, reference.shortest if reference else 0)
    if scored.facts.known_words < shortest:
        warnings.append(_too_short(scored.facts.known_words, shortest))
    if scored.unlike:
        warnings.append(_unlike(scored))
    if probability < min_confidence:
        message = f"look yourself: the most probable answer has less than {min_confidence * 100:g} %"
        warnings.append(PredictionWarning(code=WarningCode.LOW_CONFIDENCE, message=message))
    return tuple(warnings)


def _missing(field: str) -> PredictionWarning:
    message = f"there is no text for {field}, which the model learned from"
    return PredictionWarning(code=WarningCode.MISSING_FIELD, message=message)


def _too_short(known: int, shortest: int) -> PredictionWarning:
    message = (
        f"too short: of the words {known} are known; texts like those of the training have {shortest} or more"
    )
    return PredictionWarning(code=WarningCode.TOO_SHORT, message=message)


def _unlike(scored: Scored) -> PredictionWarning:
    unknown = 1 - scored.facts.known_words / scored.facts.words
    message = (
        f"unlike the texts that the model learned from: {unknown * 100:.0f} % of its words are unknown, "
        "and the mix of common and rare ones is that of another language, of formulas or of a list"
    )
    return PredictionWarning(code=WarningCode.UNLIKE_TRAINING, message=message)
