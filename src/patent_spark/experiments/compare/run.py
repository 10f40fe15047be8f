"""`patent-spark compare`: a baseline run and a candidate run as a page, as JSON and as a few lines."""

from __future__ import annotations

from patent_spark.config import Config
from patent_spark.core.files import write_json
from patent_spark.experiments.compare.collect import collect
from patent_spark.experiments.compare.report import summary_lines, write_page
from patent_spark.tracking.history import find_run
from patent_spark.tracking.ui import comparison_page, ui_lines


def compare(config: Config, baseline: str, candidate: str) -> str:
    """Write <warehouse.root>/compare/<run>-<run>/{compare.html, compare.json, figures}; returns a summary.

    Raises ConfigError for runs that do not exist or have no task in common.
    """
    comparison = collect(config, find_run(config, baseline), find_run(config, candidate))
    folder = config.warehouse.folder.absolute() / "compare" / "-".join(run.short for run in comparison.runs)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_json(folder / "compare.json", comparison.as_json())
    write_page(folder, comparison)
    side_by_side = comparison_page(config, [run.run_id for run in comparison.runs])
    page = f"page       {folder / 'compare.html'}"
    return "\n".join([*summary_lines(comparison), "", *ui_lines(config, side_by_side), page])
