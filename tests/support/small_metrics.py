"""METRICS of a few patents whose labels and predictions a test writes down."""

import dataclasses

import numpy as np

from patent_spark.config import Evaluate
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.prediction_records import concatenated
from patent_spark.stages.evaluate.fitted_baselines import FittedBaselines
from patent_spark.stages.evaluate.measure import task_metrics
from patent_spark.stages.evaluate.references import TaskBayesRates
from tests.support.predictions import certain, patents_of

QUICK = Evaluate(resamples=50)
PREDICTORS = ("model", "uncalibrated", "tfidf_linear", "tfidf_nearest")


def split(truth, predicted, *, linear=None, nearest=None, top1=None):
    """Label numbers of the patents of a test split, and predictions; baselines are right unless given."""
    return {
        "truth": truth,
        "top1": top1,
        "predicted": {
            "model": predicted,
            "uncalibrated": predicted,
            "tfidf_linear": truth if linear is None else linear,
            "tfidf_nearest": truth if nearest is None else nearest,
        },
    }


def levels(truth, predicted, linear=None):
    """Citation levels, whose patents are ranked by top1 as they come."""
    return split(truth, predicted, linear=linear, top1=np.linspace(1, 0, len(truth)))


def predictions_of(labels, splits, predictor):
    parts = []
    for place, each in enumerate(splits.values()):
        count = len(each["truth"])
        start = sum(len(part) for part in parts)
        patents = patents_of(
            each["truth"],
            labels,
            keys=np.arange(start, start + count),
            split=np.full(count, place),
            splits=tuple(splits),
        )
        predictions = certain(patents, each["predicted"][predictor])
        if each["top1"] is not None:
            top1 = np.asarray(each["top1"], np.float32)
            predictions = dataclasses.replace(predictions, top1_probability=top1)
        parts.append(predictions)
    return concatenated(parts)


def metrics_of(labels, splits, training, rates=None):
    """METRICS of splits, with this number of training patents of each label."""
    predictions = {name: predictions_of(labels, splits, name) for name in PREDICTORS}
    fitted = FittedBaselines(training_labels=dict(zip(labels, map(int, training), strict=True)))
    calibration = Calibration(1.25, learned_on="development", patents=9)
    rates = None if rates is None else TaskBayesRates.model_validate(rates)
    return task_metrics(predictions, fitted, calibration, rates, QUICK)
