"""The back-test: for several years a model that knows what was known at their end, tested on the years after.

Each model has a warehouse of its own below the main one, with its splits, vectors and examples; release, tables and
labels are shared. What is done is skipped, so a back-test that was interrupted goes on where it was.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from patent_spark.config import Config, ConfigError
from patent_spark.core.code_version import code_version
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import (
    AsOf,
    as_of,
    changed_settings,
    first_labels,
    known_on_the_day,
    last_closed_year,
    plan,
)
from patent_spark.experiments.backtest.results import FIGURES, Found, decay, model_found, tracked
from patent_spark.experiments.child_warehouse import (
    labelled,
    places,
    prepare,
    train_and_judge,
    warehouse_below,
)
from patent_spark.experiments.publish import publish, track
from patent_spark.reporting.html import aligned, form
from patent_spark.tracking.runs import Run, parent_run

_KIND = "backtest"


def backtest(config: Config, *, force: bool = False, resume: bool = False) -> str:
    """Train and judge all models of `backtest.years`, publish BACKTEST, and return what there is to read on a terminal.

    Raises ConfigError or DataError, before any training, for years or tasks that cannot be.
    """
    if config.train.launcher == "external":
        raise ConfigError("train.launcher = external starts one training; use local or spark for a back-test")
    started = time.monotonic()
    sound = known_on_the_day(config)
    changed = {name: value for name, value in changed_settings(config, sound).items() if name != "tasks"}
    if changed:
        say(
            f"backtest  sets {', '.join(f'{name}={value}' for name, value in changed.items())}: only what was known on the day"
        )
    from patent_spark.experiments.backtest.report import (
        write_page,  # not sooner: it brings the drawing library along
    )

    prepare(config)
    labels = labelled(config, sound, _KIND)
    metadata = Store(config.warehouse.root).metadata(IngestMetadata)
    data_to_date = metadata.data_to_date
    models = plan(sound, data_to_date, first_labels(Store(labels), sound))
    with parent_run(config, _KIND, {"release_id": metadata.release_id, "code": code_version()}) as parent:
        found = _all_models(config, sound, models, labels, parent, force, resume)
        about = _about(config, sound, metadata, changed) | {"tasks": found}
        folder = publish(config, _KIND, about, write_page, time.monotonic() - started)
        track(
            parent,
            _KIND,
            [each for task, told in found.items() for each in tracked(task, told["models"])],
            folder,
        )
    return "\n".join(
        [
            *(line for task, each in found.items() for line in table(task, each["models"])),
            "",
            f"backtest   {folder / 'report.html'}",
        ]
    )


def _all_models(
    config: Config, sound: Config, models: list[AsOf], labels: Path, parent: Run, force: bool, resume: bool
) -> dict[str, Found]:
    """For each task the figures of all models, and what a year of distance costs."""
    found: dict[str, list[Found]] = {task: [] for task in sound.task_names}
    for number, model in enumerate(models, 1):
        tested = ", ".join(map(str, model.test_years))
        say(f"backtest  {number} of {len(models)}: as of the end of {model.year}, tested on {tested}")
        root = warehouse_below(config, _KIND, f"as_of_{model.year}", labels)
        store = train_and_judge(as_of(sound, model, places(config, root, parent)), force=force, resume=resume)
        for task in found:
            found[task].append(model_found(store, model, task))
        parent.adopt([found[task][-1]["run_id"] for task in found])
    return {
        task: {"models": each, "decay": {name: decay(each, name) for name in FIGURES[task]}}
        for task, each in found.items()
    }


def _about(config: Config, sound: Config, metadata: IngestMetadata, changed: dict[str, Any]) -> Found:
    months = sound.label.horizon_months if "citation_level" in sound.task_names else 0
    data_to_date = metadata.data_to_date
    source = Path(config.source.path)
    return {
        "release_id": metadata.release_id,
        "data_to_date": str(metadata.data_to_date),
        "simulated": metadata.generator_rates is not None,
        "horizon_months": sound.label.horizon_months,
        "last_closed_year": last_closed_year(data_to_date, months),
        "settings_set": changed,
        "tasks_left_out": [task for task in config.task_names if task not in sound.task_names],
        "classes_at_issue": config.source.kind == "folder" and (source / "g_cpc_at_issue.tsv.zip").exists(),
    }


def table(task: str, models: list[Found]) -> list[str]:
    """The figures of a task as lines of text: a line for each model and test year."""
    names = FIGURES[task]
    rows = [
        ["as of", "tested on", "patents", *(part for name in names.values() for part in (name, "baseline"))]
    ]
    for model in models:
        for year in model["years"]:
            told = [year["figures"][name] for name in names]
            values = [form(each[key], "number") for each in told for key in ("model", "baseline")]
            rows.append([str(model["as_of"]), str(year["year"]), f"{year['examples']:,}", *values])
    return ["", f"{task.replace('_', ' ')} (baseline: the best one)", *aligned(rows, right=True)]
