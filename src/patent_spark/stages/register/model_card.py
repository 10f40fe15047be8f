"""A model card as card.json, card.html and card.md, and what the registry shows of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from patent_spark.core.files import write_json, write_text
from patent_spark.metrics.baselines import NAMES as BASELINE_NAMES
from patent_spark.metrics.bootstrap import BETTER, SAME
from patent_spark.metrics.cells import comparison_table, difference_cell, question, split_table, task_title
from patent_spark.metrics.report_schema import TEST_YEARS, MetricDifference, Metrics
from patent_spark.reporting.html import Cell, Row, Table, count, form, render_page
from patent_spark.stages.register.card_schema import ModelCard, TaskCard
from patent_spark.stages.register.messages import METRIC_NAMES, metric_text, rejection_message
from patent_spark.stages.register.promotion_rule import is_better
from patent_spark.tracking.registry import CHAMPION, DESCRIPTION

CARD_FILES = ("card.html", "card.md", "card.json")
_TEMPLATES = "patent_spark.stages.register"
_MORE = "\n\nThe whole card is card.html or card.md, among the files of this version.\n"


def write_card(folder: Path, card: ModelCard, metrics: Mapping[str, Metrics]) -> None:
    """Write card.json, card.html and card.md; metrics: METRICS by task."""
    write_json(folder / "card.json", card.model_dump(mode="json"))
    write_text(folder / "card.html", render_page(_TEMPLATES, "card.html", **_content(card, metrics)))
    write_text(folder / "card.md", markdown(card, metrics))


def copy_card(source: Path, folder: Path) -> None:
    """Copy the files of a card; the packages of older champions have no card.json."""
    for name in CARD_FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)


def markdown(card: ModelCard, metrics: Mapping[str, Metrics]) -> str:
    """The whole card as Markdown."""
    return re.sub(r"\n{3,}", "\n\n", render_page(_TEMPLATES, "card.md", **_content(card, metrics)))


def description(text: str) -> str:
    """As much of a card in Markdown as the registry keeps: whole sections, from the first."""
    if len(text) <= DESCRIPTION:
        return text
    return text[: text[: DESCRIPTION - len(_MORE)].rfind("\n## ")].rstrip() + _MORE


def version_tags(card: ModelCard) -> dict[str, str]:
    """Metrics, protocol and origin as tags, so that the registry can be searched by them."""
    tags = {
        "model": card.model,
        "release_id": card.release_id,
        "data_to_date": card.data_to_date,
        "audit": "accepted" if "audit" in card.decision.accepted else "passed",
        "code": card.training.code,
        "verdict": card.decision.verdict,
        "previous_champion": card.previous_version or "",
    }
    tags |= {f"accepted.{gate}": reason for gate, reason in card.decision.accepted.items()}
    for each in card.tasks:
        tags |= {f"{each.task}.{name}": value for name, value in _headline_tags(each).items()}
    return {name: value for name, value in tags.items() if value}


def _headline_tags(task: TaskCard) -> dict[str, str]:
    headline = task.headline
    return {
        "protocol": task.split.protocol,
        "metric": headline.metric.value,
        "value": "" if headline.value is None else f"{headline.value:.4f}",
        "interval": " to ".join(f"{end:.4f}" for end in headline.interval or ()),
    }


def _split_tables(metrics: Mapping[str, Metrics]) -> dict[str, Table]:
    """A table for each task with several test sets."""
    return {
        task: split_table({**each.splits, TEST_YEARS: each})
        for task, each in metrics.items()
        if len(each.splits) > 1
    }


def _content(card: ModelCard, metrics: Mapping[str, Metrics]) -> dict[str, object]:
    """All that the templates read."""
    titles = _titles(card)
    return {
        "card": card,
        "title": " and ".join(titles.values()) + " of US patents",
        "titles": titles,
        "questions": {each.task: question(each.task, each.labels) for each in card.tasks},
        "metric_names": METRIC_NAMES,
        "metric_text": metric_text,
        "rejection_message": rejection_message,
        "baseline_names": BASELINE_NAMES,
        "alias": CHAMPION,
        "metric_tables": {task: comparison_table(each) for task, each in metrics.items()},
        "split_tables": _split_tables(metrics),
        "comparison_table": _comparison_table(card),
        "size_table": _size_table(card),
        "audit_table": _audit_table(card),
        "setting_table": _setting_table(card),
    }


def _titles(card: ModelCard) -> dict[str, str]:
    return {each.task: task_title(each.task, each.labels) for each in card.tasks}


def _comparison_table(card: ModelCard) -> Table:
    titles, rows = _titles(card), []
    for each in card.decision.comparisons:
        verdict = BETTER if is_better(each) else SAME
        difference = MetricDifference(difference=each.difference, interval=each.interval, verdict=verdict)
        cells = [
            Cell(metric_text(each.candidate, each.metric)),
            Cell(metric_text(each.champion, each.metric)),
            difference_cell(difference, each.metric),
            Cell(count(each.patents)),
            Cell(count(each.excluded)),
        ]
        rows.append(Row(f"{titles[each.task]}: {METRIC_NAMES[each.metric]}", cells))
    return Table(["", "this model", "champion", "difference", "test patents", "excluded"], rows)


def _size_table(card: ModelCard) -> Table:
    titles = _titles(card)
    rows = [
        Row(f"{titles[each.task]}: {split}", [Cell(count(size))])
        for each in card.tasks
        for split, size in each.split.patents.items()
    ]
    return Table(["split", "patents"], rows)


def _audit_table(card: ModelCard) -> Table:
    titles, rows = _titles(card), []
    for check in card.checks:
        task = f" ({titles[check.task].lower()})" if check.task else ""
        value, limit = (Cell(form(each, check.format)) for each in (check.value, check.limit))
        status = Cell(check.status.replace("_", " "), kind="text")
        rows.append(Row(f"{check.name}{task}", [status, value, limit, Cell(check.unit, kind="text")]))
    return Table(["check", "status", "value", "limit", "unit"], rows)


def _setting_table(card: ModelCard) -> Table:
    rows = [
        Row(each.name, [Cell(text, kind="text wrap") for text in (each.value, each.default)])
        for each in card.settings
    ]
    return Table(["setting", "value", "default"], rows)
