"""Protocols side by side: two configurations on the same release, each protocol with each model.

Each of the four has a warehouse of its own below the main one, as the models of a back-test have.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from patent_spark.config import Config, ConfigError, load_config, with_settings
from patent_spark.core.code_version import code_version
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import Store
from patent_spark.experiments.ablation.effects import PARTS, effects
from patent_spark.experiments.ablation.variants import (
    PRINTED,
    TOP1_PR_AUC,
    Found,
    Mixture,
    differing,
    mixtures,
    name_of,
    task_found,
)
from patent_spark.experiments.child_warehouse import (
    labelled,
    places,
    prepare,
    train_and_judge,
    verdict_of,
    warehouse_below,
)
from patent_spark.experiments.publish import publish, track
from patent_spark.reporting.html import aligned, form, signed
from patent_spark.tracking.runs import Run, parent_run

_KIND = "ablation"


def protocols(
    files: Sequence[str],
    against: Sequence[str],
    sets: Sequence[str],
    *,
    force: bool = False,
    resume: bool = False,
) -> str:
    """Run the four, publish ABLATION, and return what there is to read on a terminal.

    `sets` are settings of both configurations; what is neither protocol nor model, such as the release, is that of `files`.
    Raises ConfigError before any work.
    """
    names = name_of(files), name_of(against)
    ours, theirs = load_config(files, sets)[0], load_config(against, sets)[0]
    if ours.train.launcher == "external":
        raise ConfigError(
            "train.launcher = external starts one training; use local or spark to compare protocols"
        )
    four = mixtures(names, ours, theirs)
    started = time.monotonic()
    from patent_spark.experiments.ablation.report import (
        write_page,  # not sooner: it brings the drawing library along
    )

    prepare(ours)
    metadata = Store(ours.warehouse.root).metadata(IngestMetadata)
    with parent_run(ours, _KIND, {"release_id": metadata.release_id, "code": code_version()}) as parent:
        rows = [_run(ours, mixture, number, parent, force, resume) for number, mixture in enumerate(four, 1)]
        about = {
            "release_id": metadata.release_id,
            "data_to_date": str(metadata.data_to_date),
            "simulated": metadata.generator_rates is not None,
        }
        found = about | {
            "ours": names[0],
            "theirs": names[1],
            "settings": differing(ours, theirs),
            "mixtures": rows,
            "effects": _effects(rows),
        }
        folder = publish(ours, _KIND, found, write_page, time.monotonic() - started)
        track(parent, _KIND, [(0, tracked(row)) for row in rows], folder)
    return "\n".join([*table(found), "", f"ablation  {folder / 'report.html'}"])


def _run(main: Config, mixture: Mixture, number: int, parent: Run, force: bool, resume: bool) -> Found:
    """One of the four, and what it found."""
    say(f"protocols {number} of 4: protocol of {mixture.protocol}, model of {mixture.model}")
    root = warehouse_below(
        main,
        _KIND,
        _plain(f"protocol-{mixture.protocol}-model-{mixture.model}"),
        labelled(main, mixture.config, _KIND),
    )
    store = train_and_judge(
        with_settings(mixture.config, places(main, root, parent)), force=force, resume=resume
    )
    tasks = {
        task: task_found(store, store.read_json("METRICS", f"{task}.json"), task) for task in main.task_names
    }
    parent.adopt([each["run_id"] for each in tasks.values()])
    return {
        "protocol": mixture.protocol,
        "model": mixture.model,
        "warehouse": str(root),
        "audit": verdict_of(store),
        "tasks": tasks,
    }


def _effects(rows: Sequence[Found]) -> Found:
    """By task and figure."""
    found = {}
    for task in rows[0]["tasks"]:
        told = {
            place: effects([row["tasks"][task]["figures"][place] for row in rows]) for place in PRINTED[task]
        }
        found[task] = {place: each for place, each in told.items() if each is not None}
    return found


def tracked(row: Found) -> dict[str, float]:
    """Figures of a mixture under flat names such as technology_accuracy_paper_protocol_default_model, for MLflow."""
    mixed = _plain(f"{row['protocol']}_protocol_{row['model']}_model")
    told = {
        f"{task}_{place}": figure["value"]
        for task, each in row["tasks"].items()
        for place, figure in each["figures"].items()
    }
    return {f"{name.replace('.', '_')}_{mixed}": value for name, value in told.items() if value is not None}


def _plain(name: str) -> str:
    """A name for a folder or a metric."""
    return re.sub(r"[^\w-]", "-", name)


def table(found: Found) -> list[str]:
    """The figures as lines of text: a line for each mixture, and what of the step between the two is whose."""
    lines = []
    for task, told in found["effects"].items():
        places = PRINTED[task]
        compared = {"accuracy": "accuracy", TOP1_PR_AUC: "PR-AUC"}
        above = {place: f"{name} above baseline" for place, name in compared.items() if place in places}
        shares = ["top1"] if TOP1_PR_AUC in places else []
        rows = [["protocol", "model", "patents", *shares, *places.values(), *above.values(), "audit"]]
        for row in found["mixtures"]:
            each, failed = row["tasks"][task], len(row["audit"]["failed"])
            verdict = f"{failed} failed" if failed else row["audit"]["verdict"]
            values = [form(each["top1_share"], "share") for _ in shares]
            values += [form(each["figures"][place]["value"], "number") for place in places]
            values += [signed(each["best_baseline"][place]["difference"]) for place in above]
            rows.append([row["protocol"], row["model"], f"{each['examples']:,}", *values, verdict])
        for part in PARTS:
            steps = [_step(told[place][part]) if place in told else "–" for place in places]
            rows.append([f"step by {part}", "", "", *["" for _ in shares], *steps, *["" for _ in above], ""])
        lines += ["", task.replace("_", " "), *aligned(rows)]
    return lines


def _step(effect: Found) -> str:
    """A step with its interval."""
    ends = effect["interval"]
    return signed(effect["value"]) + (f" ({signed(ends[0])} to {signed(ends[1])})" if ends else "")
