"""What a model is not for: the part of its card that a user should not skip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.reporting.html import number, share
from patent_spark.reporting.provenance import Provenance
from patent_spark.stages.evaluate.report_tables import TITLES


def limits(
    results: Mapping[str, Mapping[str, Any]],
    about: Mapping[str, Mapping[str, Any]],
    settings: Config,
    origin: Provenance,
) -> list[str]:
    """Sentences; results, about: METRICS and task.json by task."""
    found = [
        "The release is simulated: its words and classes follow a plan. Nothing is known of real patents."
    ] * origin.simulated
    if TECHNOLOGY in results:
        found += _of_technology(about[TECHNOLOGY])
    if CITATION_LEVEL in results:
        found += _of_levels(results[CITATION_LEVEL], settings)
    found.append(
        "English texts of granted US patents: applications, other offices and translations were never tested."
    )
    found += [
        _short_texts(task, each["min_tokens"]) for task, each in about.items() if each["min_tokens"] > 1
    ]
    found.append(
        "Language and technology move on: it knows no word that came up after its training texts. Train it anew on each release."
    )
    return found + [
        f"{TITLES[task]}: {warning}"
        for task, result in results.items()
        for warning in result.get("warnings", ())
    ]


def _of_technology(about: Mapping[str, Any]) -> list[str]:
    return [
        f"It knows {len(about['labels'])} CPC classes and answers with one of them, whatever the text is about.",
        "It tells the class listed first alone; most patents are classified in several, and what a search needs may be another one.",
    ]


def _of_levels(result: Mapping[str, Any], settings: Config) -> list[str]:
    years = (
        "of its class and grant year"
        if settings.label.reference_set == "class_year"
        else "of its class, whatever their grant years"
    )
    top1 = result["top1"]
    precision, rate = top1.get("precision_at_1_percent"), top1.get("share")
    found = [
        f"A level compares a patent's citations with those of patents {years}. It is no measure of value, quality or validity.",
        "It is no ground for a decision about one patent or one person: it ranks many, and is wrong about most that it names top1."
        if precision is None or precision < 0.5
        else "It is no ground for a decision about one patent or one person: it ranks many.",
    ]
    if precision is not None:
        found.append(
            f"Of the 1 % of patents with the highest probability of top1, {share(precision)} are top1; of all patents {share(rate)}."
        )
    if top1.get("roc_auc") is not None:
        found.append(f"ROC-AUC of top1 is {number(top1['roc_auc'])}, where 0.5 is chance and 1 certainty.")
    return found


def _short_texts(task: str, least: int) -> str:
    return (
        f"{TITLES[task]}: tested on texts of {least} known words and more; of shorter ones nothing is known."
    )
