"""Test patents and predictions from a few arrays."""

import numpy as np

from patent_spark.metrics.prediction_records import Predictions, TestPatents


def patents_of(truth, labels, *, keys=None, family=None, split=None, splits=("test",), cpc_class=b"H04"):
    """Patents with these labels (numbers); each is a family of its own unless `family` is given."""
    count = len(truth)
    keys = np.arange(count) if keys is None else np.asarray(keys)
    return TestPatents(
        keys=keys.astype(np.int64),
        family=(keys if family is None else np.asarray(family)).astype(np.int64),
        cpc_class=np.full(count, cpc_class, "S3"),
        split=np.zeros(count, np.int16) if split is None else np.asarray(split, np.int16),
        truth=np.asarray(truth, np.int16),
        splits=tuple(splits),
        labels=tuple(labels),
    )


def certain(patents, predicted):
    """Predictions with probability 1."""
    probabilities = np.eye(len(patents.labels), dtype=np.float32)[np.asarray(predicted)]
    return Predictions.from_probabilities(patents, probabilities)
