"""The ablation: two configurations on the same release, each protocol with each model.

Each of the four variants has its own child warehouse, as the models of a back-test have.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from patent_spark.config import Config, load_config, with_settings
from patent_spark.core.code_version import code_version
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import say
from patent_spark.core.store import open_store
from patent_spark.experiments.ablation.effects import EFFECTS, Effect, Effects, factorial_effects
from patent_spark.experiments.ablation.mlflow_pages import link_comparisons
from patent_spark.experiments.ablation.report_schema import (
    SHOWN_METRICS,
    AblationReport,
    SettingDifference,
    VariantResult,
)
from patent_spark.experiments.ablation.variants import (
    Variant,
    config_name,
    make_variants,
    setting_differences,
    task_result,
)
from patent_spark.experiments.child_warehouse import (
    audit_outcome,
    child_settings,
    child_warehouse,
    label_warehouse,
    require_possible,
    run_child,
    run_shared_stages,
)
from patent_spark.experiments.publish import log_experiment, publish
from patent_spark.metrics.report_schema import Metric, read_metrics
from patent_spark.reporting.html import aligned, form, signed
from patent_spark.tracking.runs import Run, parent_run

_KIND = "ablation"


@dataclass(frozen=True)
class _Options:
    """How the variants are run."""

    main: Config
    """The base configuration, whose warehouse holds the release."""
    force: bool
    resume: bool


def ablate(
    files: Sequence[str],
    against: Sequence[str],
    sets: Sequence[str],
    *,
    force: bool = False,
    resume: bool = False,
) -> str:
    """Run the four variants, publish ABLATION, and return a summary for a terminal.

    `sets` apply to both configurations. All other settings, such as the release, are those of `files`.
    Raises ConfigError before any work.
    """
    names = config_name(files), config_name(against)
    base, other = load_config(files, sets)[0], load_config(against, sets)[0]
    require_possible(base, "an ablation")
    variants = make_variants(names, base, other)
    started = time.monotonic()
    # imported late: it brings the plotting library along
    from patent_spark.experiments.ablation.report import write_page

    run_shared_stages(base)
    metadata = open_store(base.warehouse).metadata(IngestMetadata)
    options = _Options(base, force, resume)
    with parent_run(base, _KIND, {"release_id": metadata.release_id, "code": code_version()}) as parent:
        results = [_run(options, variant, number, parent) for number, variant in enumerate(variants, 1)]
        report = _report(metadata, names, setting_differences(base, other), results)
        folder = publish(base, _KIND, report, write_page, time.monotonic() - started)
        log_experiment(parent, _KIND, [(0, mlflow_metrics(result)) for result in results], folder)
        pages = link_comparisons(base, parent, results)
    return "\n".join([*text_tables(report), "", *pages, f"ablation   {folder / 'report.html'}"])


def _report(
    metadata: IngestMetadata,
    names: tuple[str, str],
    differences: Sequence[SettingDifference],
    results: Sequence[VariantResult],
) -> AblationReport:
    return AblationReport(
        release_id=metadata.release_id,
        data_to_date=str(metadata.data_to_date),
        simulated=metadata.generator_rates is not None,
        base=names[0],
        against=names[1],
        settings=tuple(differences),
        variants=tuple(results),
        effects=all_effects(results),
    )


def _run(options: _Options, variant: Variant, number: int, parent: Run) -> VariantResult:
    """Train and evaluate one variant."""
    main = options.main
    say(f"ablation  {number} of 4: protocol of {variant.protocol}, model of {variant.model}")
    name = _identifier(f"protocol-{variant.protocol}-model-{variant.model}")
    root = child_warehouse(main, _KIND, name, label_warehouse(main, variant.config, _KIND))
    config = with_settings(variant.config, child_settings(main, root, parent))
    store = run_child(config, force=options.force, resume=options.resume)
    tasks = {task: task_result(store, read_metrics(store, task), task) for task in main.task_names}
    parent.adopt([each.run_id for each in tasks.values()])
    return VariantResult(
        protocol=variant.protocol,
        model=variant.model,
        warehouse=str(root),
        audit=audit_outcome(store),
        tasks=tasks,
    )


def all_effects(variants: Sequence[VariantResult]) -> dict[str, dict[Metric, Effects]]:
    """By task and metric, for the metrics that all variants have."""
    return {
        task: {
            metric: effects
            for metric in SHOWN_METRICS[task]
            if (effects := factorial_effects([each.tasks[task].metrics[metric] for each in variants]))
        }
        for task in variants[0].tasks
    }


def mlflow_metrics(variant: VariantResult) -> dict[str, float]:
    """Metrics under flat names such as technology_accuracy_paper_protocol_default_model."""
    suffix = _identifier(f"{variant.protocol}_protocol_{variant.model}_model")
    return {
        f"{task}_{metric.replace('.', '_')}_{suffix}": each.value
        for task, result in variant.tasks.items()
        for metric, each in result.metrics.items()
        if each.value is not None
    }


def _identifier(name: str) -> str:
    """A name that a folder or a metric can have."""
    return re.sub(r"[^\w-]", "-", name)


def text_tables(report: AblationReport) -> list[str]:
    """The metrics as lines of text: a line for each variant, then the effects."""
    return [line for task in report.effects for line in _text_table(report, task)]


def _text_table(report: AblationReport, task: str) -> list[str]:
    shown, effects = SHOWN_METRICS[task], report.effects[task]
    above = {Metric.ACCURACY: "accuracy", Metric.TOP1_PR_AUC: "PR-AUC"}
    above = {metric: f"{name} above baseline" for metric, name in above.items() if metric in shown}
    shares = ["top1"] if Metric.TOP1_PR_AUC in shown else []
    rows = [["protocol", "model", "patents", *shares, *shown.values(), *above.values(), "audit"]]
    for variant in report.variants:
        result, failed = variant.tasks[task], len(variant.audit.failed)
        values = [form(result.top1_share, "share") for _ in shares]
        values += [form(result.metrics[metric].value, "number") for metric in shown]
        values += [signed(result.best_baseline[metric].difference) for metric in above]
        outcome = f"{failed} failed" if failed else variant.audit.status
        rows.append([variant.protocol, variant.model, f"{result.examples:,}", *values, outcome])
    for name in EFFECTS:
        cells = [_effect(effects[metric].of(name)) if metric in effects else "–" for metric in shown]
        title = "total difference" if name == "total" else f"{name} effect"
        rows.append([title, "", "", *["" for _ in shares], *cells, *["" for _ in above], ""])
    return ["", task.replace("_", " "), *aligned(rows)]


def _effect(effect: Effect) -> str:
    """An effect with its interval."""
    ends = effect.interval
    return signed(effect.value) + (f" ({signed(ends[0])} to {signed(ends[1])})" if ends else "")
