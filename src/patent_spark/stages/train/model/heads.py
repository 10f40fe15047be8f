"""The last layers of a model, one a task: labels of the examples, their weights, and the head's metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.core.label_counts import label_counts
from patent_spark.core.metadata import InterimLabel
from patent_spark.stages.shard.layout import labels_of_tasks
from patent_spark.stages.train.checkpoint import EpochMetrics
from patent_spark.stages.train.model.loss import class_weights

SUMS_PER_HEAD = 3
"""Cross-entropy, weight, number of correct predictions."""


@dataclass(frozen=True)
class Head:
    """How the last layer of one task sees the examples."""

    label_map: npt.NDArray[np.int32]
    """For each label of the examples the task's label; the number of labels where an example has none."""
    weights: npt.NDArray[np.float32]
    """For each label of the task the weight of an example in the gradient."""
    share: float = 1.0
    """Weight of the task's loss in the model's loss; all shares add up to 1."""
    prefix: str = ""
    """What the names of its metrics begin with."""
    interim: npt.NDArray[np.float32] | None = None
    """[interim levels, labels]: the likelihood of each interim level given each label.

    Among the labels of the examples the interim levels follow those of the task.
    """

    ordinal: bool = False
    """Whether the ordinal loss is used."""

    @property
    def labels(self) -> int:
        """Number of labels of the task."""
        return len(self.weights)


def only_head(labels: int) -> Head:
    """The head of a model of one task in which all examples have the same weight."""
    return Head(np.arange(labels, dtype=np.int32), np.ones(labels, np.float32))


_WEIGHT_SETTINGS = {TECHNOLOGY: "class_weights", CITATION_LEVEL: "level_weights"}
"""The setting of `train` that gives rare labels of a task more weight."""


def heads_of(
    config: Config,
    tasks: Sequence[str],
    sizes: Sequence[int],
    examples: Path,
    interim: Sequence[InterimLabel] = (),
) -> list[Head]:
    """The heads of a model of these tasks.

    sizes: number of labels of each task. examples: the folder of the split to train on.
    interim: the interim levels that some examples of the only task have in place of a label, as
    shard.censored_labels describes them; each of these examples has the weight of one with a label.

    The model's loss is a weighted mean of the tasks' losses, and each of these is a mean over the examples
    that have a label of the task. So an example has more weight in a task that labels few of them. The
    weights of the heads hold this factor for all steps alike, and a step need only divide by the number of
    its examples.
    """
    likelihoods = np.array([each.likelihood for each in interim], np.float32) if interim else None
    label_maps = _with_interim_labels(sizes, len(interim)) if interim else labels_of_tasks(sizes)
    counts = label_counts(examples, len(label_maps)).astype(np.float64)
    task_weights = np.array([getattr(config.train, f"{task}_weight") for task in tasks])
    heads = []
    for task, size, label_map, share in zip(
        tasks, sizes, label_maps.T, task_weights / task_weights.sum(), strict=True
    ):
        own = np.bincount(label_map, weights=counts, minlength=size + 1)[:size].astype(np.float64)
        learned = counts.sum() if interim else own.sum()
        rare = class_weights(own, getattr(config.train, _WEIGHT_SETTINGS[task]))
        weights = (share * counts.sum() / learned * rare).astype(np.float32)
        ordinal = task == CITATION_LEVEL and config.train.level_loss == "ordinal"
        heads.append(Head(label_map, weights, float(share), config.prefix(task), likelihoods, ordinal))
    return heads


def _with_interim_labels(sizes: Sequence[int], interim: int) -> npt.NDArray[np.int32]:
    """[labels of the examples, 1]: the labels of the only task, then the interim levels, which have none."""
    (size,) = sizes
    return np.append(np.arange(size), [size] * interim).astype(np.int32)[:, None]


def metrics_of(split: str, heads: Sequence[Head], sums: npt.NDArray[np.float64]) -> EpochMetrics:
    """Losses and accuracies by name, from the sums of each head in turn; `<split>_loss` is the model's."""
    loss, weight, n_correct = sums.reshape(-1, SUMS_PER_HEAD).T
    losses, accuracies = (total / np.maximum(weight, 1.0) for total in (loss, n_correct))
    metrics = {f"{split}_loss": float(losses @ [head.share for head in heads])}
    for head, own_loss, accuracy in zip(heads, losses.tolist(), accuracies.tolist(), strict=True):
        metrics |= {f"{split}_{head.prefix}loss": own_loss, f"{split}_{head.prefix}accuracy": accuracy}
    return metrics
