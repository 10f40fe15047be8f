"""Predictions as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from patent_spark.inference.prediction.records import (
    Answer,
    CitationLevelAnswer,
    Prediction,
    TechnologyAnswer,
    WordEffect,
)

WIDTH = 100
_WORDS = 8
_LEAST_EFFECT = 0.0005  # shown as 0.1 points


def prediction_text(prediction: Prediction, named: bool = True) -> str:
    """The answers about one document, one paragraph per task. named: below its row and its id."""
    answers = [*_technology(prediction.technology), *_citation_level(prediction.citation_level)]
    # A terminal obeys control characters.
    printable = "".join(sign if sign.isprintable() else "?" for sign in prediction.id or "")
    name = f"{prediction.row}. {printable}".rstrip()
    return "\n".join([name, *answers] if named else answers).lstrip("\n")


def _technology(answer: TechnologyAnswer | None) -> Iterator[str]:
    if answer is None:
        return
    limited = f", limited to {', '.join(answer.limited_to)}" if answer.limited_to else ""
    yield f"\nCPC {answer.level}, among {answer.classes_known}{limited}"
    if answer.limited_to:
        yield "  probability among all classes, and share among the chosen ones"
    for each in answer.classes:
        share = "" if each.share is None else f"{percent(each.share)}  "
        yield from _wrapped(f"  {percent(each.probability)}  {share}{each.label}  ", each.title)
    yield from _common(answer)


def _citation_level(answer: CitationLevelAnswer | None) -> Iterator[str]:
    if answer is None:
        return
    yield "\nCitation level"
    known = any(each.usual is not None for each in answer.levels)
    if known:
        yield f"               usual for {answer.usual_for or 'all classes together'}"
    for each in answer.levels:
        usual = percent(each.usual) if each.usual is not None else ""
        yield f"  {percent(each.probability)}  {usual}{'  ' if known else ''}{each.label:<8}  {each.title}"
    yield from _wrapped("  ", answer.meaning.statement)
    yield from _wrapped("  ", answer.meaning.backtest_statement)
    yield from _common(answer)


def _common(answer: Answer) -> Iterator[str]:
    yield from _words(answer.predicted, answer.words)
    text = answer.text
    read = "" if text.read_words == text.known_words else f", the first {text.read_words:,} of them read"
    yield f"  {text.known_words:,} of {text.words:,} words known{read}; {_model(answer)}"
    for warning in answer.warnings:
        yield from _wrapped("  ! ", warning.message)


def _model(answer: Answer) -> str:
    model = answer.model
    version = f" version {model.version}" if model.version else ""
    return f"model {model.name}{version}, release {model.release_id}"


def _words(label: str, words: Iterable[WordEffect] | None) -> Iterator[str]:
    telling = [each for each in words or () if abs(each.effect) >= _LEAST_EFFECT][:_WORDS]
    if telling:
        shown = ", ".join(f"{each.word} {each.effect * 100:+.1f}" for each in telling)
        yield from _wrapped("  ", f"words that mattered, in points of the probability of {label}: {shown}")


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def percent(probability: float) -> str:
    """Two decimals, as many as are exact: 12.34 %."""
    return f"{probability * 100:6.2f} %"
