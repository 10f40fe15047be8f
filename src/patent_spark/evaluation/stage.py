"""Stage evaluate: predictions for every test patent, figures beside the baselines, the report, all of it in MLflow too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patent_spark.checks import DataError
from patent_spark.config import CITATION_LEVEL, Config, flatten
from patent_spark.evaluation.baselines import TfidfLinear, fit_tfidf_linear
from patent_spark.evaluation.doubts import doubts_about
from patent_spark.evaluation.predictions import Block, count_labels, judge_split, read_sample
from patent_spark.evaluation.report import TaskPart, write_report
from patent_spark.evaluation.results import task_result, tracked_figures
from patent_spark.evaluation.words import nearest_words
from patent_spark.progress import Progress, say
from patent_spark.schemas import DEVELOPMENT, TRAIN, is_test
from patent_spark.serving.scorer import Scorer
from patent_spark.store import Store, write_json
from patent_spark.tracking import Run, TrackingError, attach
from patent_spark.work import Work

if TYPE_CHECKING:
    import pyarrow.parquet as pq


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


def run(work: Work) -> None:
    """PREDICTIONS, METRICS/<task>.json and REPORT for the tasks of the configuration."""
    tasks = [_trained(work, task) for task in work.config.task_names]
    runs = {trained.task: _attach(work, trained) for trained in tasks}
    parts = []
    with work.draft.writer("PREDICTIONS") as writer:
        for trained in tasks:
            parts.append(_judge(work, trained, writer))
    words = nearest_words(work.store.read_arrow("VECTORS"))
    write_report(work.draft.path("REPORT"), work.store, parts, words)
    for part in parts:
        write_json(work.draft.path("METRICS") / f"{part.task}.json", part.result)
        _track(runs[part.task], part.result, work.draft.path("REPORT"))
    work.learn(tasks={part.task: {name: part.result[name] for name in ("accuracy", "macro_f1", "examples", "warnings")} for part in parts})


def _trained(work: Work, task: str) -> Trained:
    """The model and shards of a task; raises DataError when they are missing or do not belong together."""
    store = work.store
    folder = store.directory("MODEL") / task
    layout = store.facts("shard")["tasks"].get(task)
    if layout is None or not folder.is_dir():
        made = "model" if layout is not None else "shards"
        raise DataError(f"no {made} of task {task} in {store.root}; run the stages from `patent-spark split` on with tasks={work.config.tasks}")
    scorer = Scorer(folder)
    if scorer.labels != list(layout["labels"]) or scorer.max_tokens != layout["max_tokens"]:
        raise DataError(f"{folder}: labels or text length differ from those of the shards; run `patent-spark train` again")
    rows = {split: sizes["rows"] for split, sizes in layout["splits"].items()}
    if not any(is_test(split) for split in rows):
        raise DataError(f"task {task} has no test patents (splits: {', '.join(rows)}); give it some with split.test or split.test_years")
    return Trained(task, scorer, store.directory("EXAMPLES") / task, rows, folder)


def _judge(work: Work, trained: Trained, writer: pq.ParquetWriter) -> TaskPart:
    """All figures of one task; its predictions go to the writer."""
    task, scorer = trained.task, trained.scorer
    linear = _fit_linear(work, trained)
    tests = {split: rows for split, rows in trained.rows.items() if is_test(split)}
    with Progress(f"evaluate {task}", total=sum(tests.values()), unit="patents") as progress:
        judged = {
            split: judge_split(trained.shards / split, task, rows, scorer, linear, work.config.evaluate.batch, writer, progress)
            for split, rows in sorted(tests.items())
        }
    training = count_labels(trained.shards / TRAIN, len(scorer.labels))
    rule = _label_rule(work.store, task)
    attainable = (work.store.facts("ingest").get("attainable") or {}).get(task) or {}
    result = task_result(scorer.labels, judged, training, {DEFAULT: attainable, POOL_CLASS: attainable.get(POOL_CLASS)}.get(rule))
    result["label_rule"] = rule
    result["warnings"] = doubts_about(result, dict(zip(scorer.labels, training.tolist(), strict=True)))
    result |= {
        "task": task,
        "run_id": scorer.task.get("run_id"),
        "kept_epoch": scorer.task.get("kept_epoch"),
        "release_id": work.store.facts("ingest").get("release_id"),
    }
    result["baselines"]["tfidf_linear"] |= {"chosen": linear.chosen, "training_examples": linear.examples}
    history = trained.folder / "history.json"
    return TaskPart(task, result, json.loads(history.read_text()) if history.exists() else [])


DEFAULT, POOL_CLASS, OTHER = "default", "pool_class", "other"


def _label_rule(store: Store, task: str) -> str:
    """`default`, `pool_class` or `other`: levels mean something else with other knobs, and what is attainable differs.

    A simulated release tells the attainable for percentiles by class and year (`default`) and by class (`pool_class`);
    for another rule nobody knows it, and no figure stands in for it.
    """
    label = store.manifest("label")
    if task != CITATION_LEVEL or label is None:
        return DEFAULT
    defaults = flatten(Config())
    other = {name: value for name, value in label.knobs.items() if value != defaults.get(name)}
    if not other:
        return DEFAULT
    return POOL_CLASS if other == {"label.pool": "class"} else OTHER


def _fit_linear(work: Work, trained: Trained) -> TfidfLinear:
    config, width = work.config.evaluate, trained.scorer.max_tokens

    def sample(split: str) -> Block:
        return read_sample(trained.shards / split, width, trained.rows.get(split, 0), config.baseline_examples, config.seed)

    texts, aside = sample(TRAIN), sample(DEVELOPMENT)
    say(f"  evaluate {trained.task}: TF-IDF and linear model on {len(texts.truth):,} texts")
    size = work.store.facts("text")["vocabulary_size"] + 1
    return fit_tfidf_linear(texts.tokens, texts.truth, (aside.tokens, aside.truth), labels=len(trained.scorer.labels), size=size, seed=config.seed)


def _attach(work: Work, trained: Trained) -> Run | None:
    """The training's MLflow run; when it cannot be had the evaluation goes on without, and says so."""
    run_id = trained.scorer.task.get("run_id")
    if not run_id:
        return None
    try:
        return attach(work.config, run_id)
    except TrackingError as error:
        say(f"  evaluate {trained.task}: the report stays out of MLflow: {error}")
        return None


def _track(run: Run | None, result: dict[str, Any], report: Path) -> None:
    if run is None:
        return
    try:
        run.log_metrics(tracked_figures(result))
        run.log_report(report)
    except TrackingError as error:
        say(f"  evaluate {result['task']}: the report stays out of MLflow: {error}")
