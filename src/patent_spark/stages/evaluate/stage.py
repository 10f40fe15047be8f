"""Stage evaluate: predictions for every test patent, figures beside the baselines, the report, all of it in MLflow too."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from patent_spark.config import CITATION_LEVEL, Config, flatten
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import (
    EvaluatedTask,
    EvaluateMetadata,
    IngestMetadata,
    ShardMetadata,
    TextMetadata,
)
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import DEVELOPMENT, TRAIN, is_test
from patent_spark.core.store import Store, write_json
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.bootstrap import LEVEL
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.calibration_fit import calibration_of
from patent_spark.metrics.constant_baselines import TFIDF_LINEAR, TFIDF_NEAREST
from patent_spark.metrics.groups import Cohorts, read_cohorts
from patent_spark.metrics.prediction_records import answers_of
from patent_spark.stages.evaluate.measure import headline_parts, task_result
from patent_spark.stages.evaluate.mlflow_logging import TaskRun
from patent_spark.stages.evaluate.nearest_words import nearest_words
from patent_spark.stages.evaluate.predict import (
    Block,
    Judges,
    count_labels,
    judge_split,
    read_blocks,
    read_sample,
)
from patent_spark.stages.evaluate.report import TaskPart, write_report
from patent_spark.stages.evaluate.tfidf import Linear, Nearest, Tfidf, fit_linear, nearest
from patent_spark.stages.evaluate.warnings import doubts_about

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

_FEW = 2


@dataclass(frozen=True)
class Trained:
    """A task's model and the shards it was made for."""

    task: str
    scorer: Scorer
    shards: Path
    """EXAMPLES/<task>."""
    rows: dict[str, int]
    """Patents of each split."""
    folder: Path
    """MODEL/<task>."""


def run(context: StageContext) -> None:
    """PREDICTIONS, METRICS/<task>.json and REPORT for the tasks of the configuration."""
    tasks = [_trained(context, task) for task in context.config.task_names]
    runs = {
        trained.task: TaskRun(context.config, trained.task, trained.scorer.task.get("run_id"))
        for trained in tasks
    }
    cohorts = read_cohorts(context)
    parts = []
    with context.draft.writer("PREDICTIONS") as writer:
        for trained in tasks:
            parts.append(_judge(context, trained, cohorts, writer, runs[trained.task]))
    words = nearest_words(context.store.read_arrow("VECTORS"))
    write_report(context.draft.path("REPORT"), context.store, parts, words)
    for part in parts:
        write_json(context.draft.path("METRICS") / f"{part.task}.json", part.result)
        runs[part.task].keep_report(part.result, context.draft.path("REPORT"))
    context.record_metadata(
        EvaluateMetadata(
            tasks={
                part.task: EvaluatedTask(
                    accuracy=part.result["accuracy"],
                    macro_f1=part.result["macro_f1"],
                    examples=part.result["examples"],
                    warnings=tuple(part.result["warnings"]),
                )
                for part in parts
            }
        )
    )


def _trained(context: StageContext, task: str) -> Trained:
    """The model and shards of a task; raises DataError when they are missing or do not belong together."""
    store = context.store
    folder = store.directory("MODEL") / task
    layout = store.metadata(ShardMetadata).tasks.get(task)
    if layout is None or not folder.is_dir():
        made = "model" if layout is not None else "shards"
        raise DataError(
            f"no {made} of task {task} in {store.root}; run the stages from `patent-spark split` on with tasks={context.config.tasks}"
        )
    scorer = Scorer(folder)
    if scorer.labels != list(layout.labels) or scorer.max_tokens != layout.max_tokens:
        raise DataError(
            f"{folder}: labels or text length differ from those of the shards; run `patent-spark train` again"
        )
    rows = {split: sizes.rows for split, sizes in layout.splits.items()}
    if not any(is_test(split) for split in rows):
        raise DataError(
            f"task {task} has no test patents (splits: {', '.join(rows)}); give it some with split.test or split.test_years"
        )
    return Trained(task, scorer, store.directory("EXAMPLES") / task, rows, folder)


def _judge(
    context: StageContext, trained: Trained, cohorts: Cohorts, writer: pq.ParquetWriter, run: TaskRun
) -> TaskPart:
    """All figures of one task; its predictions go to the writer, what it said of the headline's patents and the calibrated model to the run."""
    task, scorer, config = trained.task, trained.scorer, context.config.evaluate
    linear, near = _fit_baselines(context, trained)
    calibration = _calibrate(context, trained, cohorts)
    judges = Judges(scorer, calibration, {TFIDF_LINEAR: linear, TFIDF_NEAREST: near}, cohorts, config.batch)
    tests = {split: rows for split, rows in trained.rows.items() if is_test(split)}
    with Progress(f"evaluate {task}", total=sum(tests.values()), unit="patents") as progress:
        judged = {
            split: judge_split(trained.shards / split, task, rows, judges, writer, progress)
            for split, rows in sorted(tests.items())
        }
    training = count_labels(trained.shards / TRAIN, len(scorer.labels))
    rule = _label_rule(context.store, task)
    attainable: Any = (context.store.metadata(IngestMetadata).generator_rates or {}).get(task) or {}
    known = {DEFAULT: attainable, POOL_CLASS: attainable.get(POOL_CLASS)}.get(rule)
    result = task_result(scorer.labels, judged, training, known, calibration, config) | {"label_rule": rule}
    result["baselines"][TFIDF_LINEAR] |= {"chosen": linear.chosen, "training_examples": linear.examples}
    result["baselines"][TFIDF_NEAREST] |= {"training_examples": len(near.truth)}
    result["warnings"] = doubts_about(
        result, dict(zip(scorer.labels, training.tolist(), strict=True)), context.config.audit.top1_auc
    )
    result |= {
        "task": task,
        "run_id": scorer.task.get("run_id"),
        "kept_epoch": scorer.task.get("kept_epoch"),
        "release_id": context.store.metadata(IngestMetadata).release_id,
        "settings": {
            "interval": LEVEL,
            "resamples": config.resamples,
            "resampled": "families",
            "fixed_precision": config.fixed_precision,
        },
    }
    run.keep_model(scorer, calibration, _some_tokens(trained))
    run.keep_answers(
        answers_of({split: judged[split] for split in headline_parts(list(judged))}, scorer.labels),
        config.logged_predictions,
    )
    history = trained.folder / "history.json"
    return TaskPart(task, result, json.loads(history.read_text()) if history.exists() else [])


DEFAULT, POOL_CLASS, OTHER = "default", "pool_class", "other"


def _label_rule(store: Store, task: str) -> str:
    """`default`, `pool_class` or `other`: levels mean something else with other settings, and what is attainable differs.

    A simulated release tells the attainable for percentiles by class and year (`default`) and by class (`pool_class`);
    for another rule nobody knows it, and no figure stands in for it.
    """
    label = store.manifest("label")
    if task != CITATION_LEVEL or label is None:
        return DEFAULT
    defaults = flatten(Config())
    other = {
        name: value
        for name, value in label.settings.items()
        if value != defaults.get(name) and name != "label.follow_up_months"
    }
    if not other:
        return DEFAULT
    return POOL_CLASS if other == {"label.reference_set": "class"} else OTHER


def _sample(context: StageContext, trained: Trained, split: str, limit: int) -> Block:
    """Some examples of a split that have a label: an early level, whose number follows on the labels', is none."""
    some = read_sample(
        trained.shards / split,
        trained.scorer.max_tokens,
        trained.rows.get(split, 0),
        limit,
        context.config.evaluate.seed,
    )
    whole = some.truth < len(trained.scorer.labels)
    return Block(some.keys.filter(pa.array(whole)), some.truth[whole], some.tokens[whole])


def _some_tokens(trained: Trained) -> NDArray[np.int32]:
    """Those of a few training texts."""
    first = next(read_blocks(trained.shards / TRAIN, trained.scorer.max_tokens, rows=_FEW))
    return first.tokens[:_FEW]


def _fit_baselines(context: StageContext, trained: Trained) -> tuple[Linear, Nearest]:
    """The baselines that read, from samples of the training texts."""
    config, labels = context.config.evaluate, len(trained.scorer.labels)
    texts, aside = (
        _sample(context, trained, split, config.baseline_examples) for split in (TRAIN, DEVELOPMENT)
    )
    say(f"  evaluate {trained.task}: TF-IDF and linear model on {len(texts.truth):,} texts")
    tfidf = Tfidf(texts.tokens, context.store.metadata(TextMetadata).vocabulary_size + 1)
    linear = fit_linear(
        tfidf, texts.tokens, texts.truth, (aside.tokens, aside.truth), labels=labels, seed=config.seed
    )
    few = slice(config.neighbour_examples)
    return linear, nearest(tfidf, texts.tokens[few], texts.truth[few], labels)


def _calibrate(context: StageContext, trained: Trained, cohorts: Cohorts) -> Calibration:
    """The model's calibration, learned on the development patents, and kept in CALIBRATION for whoever scores with the model."""
    config = context.config.evaluate
    aside = _sample(context, trained, DEVELOPMENT, config.calibration_examples)
    probabilities = trained.scorer.probabilities(aside.tokens, config.batch)
    levels = trained.scorer.labels if trained.task == CITATION_LEVEL else []
    found = calibration_of(probabilities, aside.truth, cohorts.families(aside.keys), levels, config.seed)
    write_json(context.draft.path("CALIBRATION") / f"{trained.task}.json", dataclasses.asdict(found))
    return found
