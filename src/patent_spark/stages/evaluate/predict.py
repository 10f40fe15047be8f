"""The step `predict`: predictions of the model and its baselines for every test patent.

It fits the baselines, the combination with the linear one and the calibration, and writes PREDICTIONS,
BASELINE_PREDICTIONS, LINEAR, CALIBRATION and BASELINES. Blocks of a few thousand patents are read, predicted
and written one after another, so that memory does not grow with the test set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.context import StageContext
from patent_spark.core.cpc_levels import level_of
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.label_counts import label_counts
from patent_spark.core.metadata import TextMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import arrow_schema
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.baselines import NETWORK
from patent_spark.metrics.calibration import Calibration, fit_temperature, tempered
from patent_spark.metrics.calibration_fit import fit_calibration
from patent_spark.metrics.combination_fit import fit_combination
from patent_spark.metrics.groups import PatentGroups
from patent_spark.metrics.label_sets import label_sets
from patent_spark.metrics.patent_codes import PatentCodes, read_patent_codes
from patent_spark.metrics.prediction_records import (
    TEMPERATURE_ALONE,
    UNCALIBRATED,
    Predictions,
    TestPatents,
    columns_of,
)
from patent_spark.stages.evaluate.examples import Block, read_blocks, read_keys, sample_examples
from patent_spark.stages.evaluate.fitted_baselines import FittedBaseline, FittedBaselines
from patent_spark.stages.evaluate.inputs import TaskInputs
from patent_spark.stages.evaluate.text_baselines import TextBaseline, TextBaselines, fit_baselines

OUTPUTS = ("PREDICTIONS", "BASELINE_PREDICTIONS", "LINEAR", "CALIBRATION", "BASELINES")
SETTINGS = (
    "tasks",
    "evaluate.batch",
    "evaluate.combine",
    "evaluate.baseline_examples",
    "evaluate.neighbour_examples",
    "evaluate.calibration_examples",
    "evaluate.seed",
)
READS = ("ingest", "label", "split", "text", "shard", "train")


@dataclass(frozen=True)
class Predictors:
    """The model of a task and the baselines that read texts."""

    scorer: Scorer
    """The network alone, without calibration."""
    calibration: Calibration
    """How the network is combined with the linear baseline, if it is, and calibrated."""
    network_temperature: float
    """The calibration of the network alone, beside a combination."""
    baselines: TextBaselines
    batch: int

    def predict(
        self, patents: TestPatents, block: Block, codes: pa.ListArray | None
    ) -> tuple[_Block, dict[str, Predictions]]:
        """The calibrated model's predictions with all its probabilities, and those of all other
        predictors. codes: all codes of each patent, for technology."""
        sets = None if codes is None else label_sets(codes, patents.labels)

        def predicted(
            probabilities: NDArray[np.float32], labels: NDArray[np.int64] | None = None
        ) -> Predictions:
            return Predictions.from_probabilities(patents, probabilities, labels, sets)

        network = self.scorer.probabilities(block.tokens, self.batch, block.features)
        answers = {
            name: baseline(block.tokens, block.features) for name, baseline in self.baselines.by_name.items()
        }
        raw = self.calibration.combined(network, answers[self.baselines.strongest_name][1])
        probabilities = self.calibration.calibrated(raw)
        model = _Block(predicted(probabilities), probabilities, codes)
        others = {UNCALIBRATED: predicted(raw)}
        if self.calibration.slopes:
            scaled = tempered(raw, self.calibration.temperature)
            others[TEMPERATURE_ALONE] = predicted(scaled)
        if self.calibration.combination:
            alone = tempered(network, self.network_temperature)
            others[NETWORK] = predicted(alone)
        for name, (labels, votes) in answers.items():
            others[name] = predicted(votes, labels)
        return model, others


@dataclass(frozen=True)
class _Block:
    """The model's predictions for some patents, with the probability of each label [patents, labels]."""

    predictions: Predictions
    probabilities: NDArray[np.float32]
    codes: pa.ListArray | None
    """All codes of each patent; None for citation levels."""


@dataclass(frozen=True)
class Writers:
    """Where predictions go."""

    predictions: pq.ParquetWriter
    baseline_predictions: pq.ParquetWriter


def predict_task(
    context: StageContext, inputs: TaskInputs, groups: PatentGroups, writers: Writers
) -> Predictors:
    """Write the predictions of all predictors of a task. Raises DataError when shards lack examples."""
    scorer = Scorer(inputs.model)
    baselines = _fit_baselines(context, inputs)
    linear = baselines.strongest.model
    linear.write(context.draft.path("LINEAR") / f"{inputs.task}.npz")
    calibration, temperature = _calibrate(context, inputs, scorer, linear, groups)
    predictors = Predictors(scorer, calibration, temperature, baselines, context.config.evaluate.batch)
    names: list[str] = []
    codes = _codes_of_tests(context, inputs) if inputs.task == TECHNOLOGY else None
    total = sum(inputs.rows[split] for split in inputs.test_splits)
    with Progress(f"evaluate {inputs.task}", total=total, unit="patents") as progress:
        for split in inputs.test_splits:
            names = _predict_split(inputs, split, predictors, groups, codes, writers, progress)
    labels = len(inputs.labels)
    training = label_counts(inputs.examples / TRAIN, labels)[:labels].tolist()
    fitted = FittedBaselines(
        training_labels=dict(zip(inputs.labels, training, strict=True)),
        fitted={name: _fitted(baseline) for name, baseline in baselines.by_name.items()},
        predictors=names,
    )
    write_json(context.draft.path("BASELINES") / f"{inputs.task}.json", fitted.as_json())
    return predictors


def _fitted(baseline: TextBaseline) -> FittedBaseline:
    chosen = {} if baseline.chosen is None else {"chosen": baseline.chosen}
    return FittedBaseline(training_examples=baseline.examples, **chosen)


def _predict_split(
    inputs: TaskInputs,
    split: str,
    predictors: Predictors,
    groups: PatentGroups,
    codes: PatentCodes | None,
    writers: Writers,
    progress: Progress,
) -> list[str]:
    """Write the predictions for a test split; returns the names of the predictors beside the model."""
    rows, names = 0, list(predictors.baselines.by_name)
    for block in read_blocks(inputs.examples / split, inputs.max_tokens, features=inputs.feature_width):
        patents = _patents(inputs, split, block, groups)
        model, others = predictors.predict(patents, block, codes.of(block.keys) if codes else None)
        writers.predictions.write_table(_prediction_rows(inputs.task, model))
        for name, predictions in others.items():
            writers.baseline_predictions.write_table(_baseline_rows(inputs.task, name, predictions))
        rows, names = rows + len(block.truth), list(others)
        progress.update(len(block.truth), note=split)
    if rows != inputs.rows[split]:
        raise DataError(
            f"EXAMPLES/{inputs.task}/{split} has {rows:,} patents, its manifest says {inputs.rows[split]:,}; "
            "run `patent-spark shard --force`",
            table="EXAMPLES",
            task=inputs.task,
            split=split,
            rows=rows,
            expected=inputs.rows[split],
        )
    return names


def _codes_of_tests(context: StageContext, inputs: TaskInputs) -> PatentCodes:
    """All codes of the test patents, at the level of the labels."""
    keys = [read_keys(inputs.examples / split) for split in inputs.test_splits]
    return read_patent_codes(context.store, level_of(inputs.labels), np.concatenate(keys))


def _patents(inputs: TaskInputs, split: str, block: Block, groups: PatentGroups) -> TestPatents:
    place = inputs.test_splits.index(split)
    return TestPatents(
        keys=block.keys,
        family=groups.families(block.keys),
        cpc_class=groups.classes(block.keys),
        split=np.full(len(block.keys), place, np.int16),
        truth=block.truth.astype(np.int16),
        splits=inputs.test_splits,
        labels=inputs.labels,
    )


def _prediction_rows(task: str, block: _Block) -> pa.Table:
    """Rows of PREDICTIONS."""
    count, width = block.probabilities.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    probabilities = pa.ListArray.from_arrays(offsets, pa.array(block.probabilities.reshape(-1)))
    codes = pa.nulls(count) if block.codes is None else block.codes
    columns = columns_of(block.predictions) | {"probabilities": probabilities, "codes": codes}
    return _table("PREDICTIONS", columns, task, count)


def _baseline_rows(task: str, predictor: str, predictions: Predictions) -> pa.Table:
    """Rows of BASELINE_PREDICTIONS."""
    count = len(predictions)
    columns = columns_of(predictions) | {"predictor": pa.repeat(pa.scalar(predictor), count)}
    return _table("BASELINE_PREDICTIONS", columns, task, count)


def _table(name: str, columns: Mapping[str, pa.Array], task: str, count: int) -> pa.Table:
    schema = arrow_schema(name)
    all_columns = {**columns, "task": pa.repeat(pa.scalar(task), count)}
    return pa.table([all_columns[column] for column in schema.names], names=schema.names).cast(schema)


def _fit_baselines(context: StageContext, inputs: TaskInputs) -> TextBaselines:
    """The baselines that read texts, fitted to samples of the training texts."""
    config = context.config.evaluate
    training, development = (
        _labelled_sample(context, inputs, split, config.baseline_examples) for split in (TRAIN, DEVELOPMENT)
    )
    say(f"  evaluate {inputs.task}: baselines on {len(training.truth):,} texts")
    return fit_baselines(
        training,
        development,
        labels=len(inputs.labels),
        vocabulary_size=context.store.metadata(TextMetadata).vocabulary_size,
        settings=config,
    )


def _calibrate(
    context: StageContext, inputs: TaskInputs, scorer: Scorer, linear: LinearModel, groups: PatentGroups
) -> tuple[Calibration, float]:
    """The model's calibration, fitted on development patents and written to CALIBRATION; and the temperature
    of the network alone.

    With evaluate.combine, the combination with the linear model is fitted first.
    """
    config = context.config.evaluate
    development = _labelled_sample(context, inputs, DEVELOPMENT, config.calibration_examples)
    known = development.tokens, development.features
    probabilities = network = scorer.probabilities(known[0], config.batch, known[1])
    combination = None
    if config.combine == "linear":
        counted = linear.probabilities(*known)
        combination = fit_combination(network, counted, development.truth, linear.digest)
        probabilities = combination(network, counted)
    levels = inputs.labels if inputs.task == CITATION_LEVEL else ()
    families = groups.families(development.keys)
    calibration = fit_calibration(probabilities, development.truth, families, levels, config.seed)
    calibration = dataclasses.replace(calibration, combination=combination)
    path = context.draft.path("CALIBRATION") / f"{inputs.task}.json"
    write_json(path, dataclasses.asdict(calibration))
    alone = fit_temperature(network, development.truth) if combination else calibration.temperature
    return calibration, alone


def _labelled_sample(context: StageContext, inputs: TaskInputs, split: str, limit: int) -> Block:
    """A sample of a split's examples, without those that have an interim label instead of a label."""
    rows, seed = inputs.rows.get(split, 0), context.config.evaluate.seed
    sample = sample_examples(
        inputs.examples / split, inputs.max_tokens, rows, limit, seed, inputs.feature_width
    )
    return sample.take(sample.truth < len(inputs.labels))
