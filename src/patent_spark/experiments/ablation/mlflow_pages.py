"""The four runs of an ablation side by side in MLflow, linked from the run above them."""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.config import Config
from patent_spark.core.progress import say
from patent_spark.experiments.ablation.report_schema import VariantResult
from patent_spark.tracking.runs import Run, TrackingError
from patent_spark.tracking.ui import comparison_link, comparison_page, ui_lines


def link_comparisons(config: Config, parent: Run, variants: Sequence[VariantResult]) -> list[str]:
    """Link to a comparison of the variants' runs for each model; returns the lines that say how to open it.

    A tracking server that fails is reported, not raised.
    """
    try:
        comparisons = run_ids_by_title(variants)
        links = {title: comparison_link(config, ids) for title, ids in comparisons.items()}
        if links:
            parent.add_links(links)
        return ui_lines(config, *(comparison_page(config, ids) for ids in comparisons.values()))
    except TrackingError as error:
        say(f"  ablation: MLflow has no comparison of the runs: {error}")
        return []


def run_ids_by_title(variants: Sequence[VariantResult]) -> dict[str, list[str]]:
    """The runs of the variants, in order, by the title of their comparison; a joint model's runs once."""
    titles: dict[tuple[str, ...], list[str]] = {}
    for task in variants[0].tasks:
        ids = tuple(run_id for each in variants if (run_id := each.tasks[task].run_id))
        if len(ids) == len(variants):
            titles.setdefault(ids, []).append(task.replace("_", " "))
    return {f"{' and '.join(tasks)} side by side": list(ids) for ids, tasks in titles.items()}
