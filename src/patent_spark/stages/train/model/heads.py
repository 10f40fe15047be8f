"""The last layers of a model, one a task: which examples each learns from, what they count, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config
from patent_spark.stages.shard.layout import labels_of_tasks
from patent_spark.stages.train.checkpoint import Epoch
from patent_spark.stages.train.model.loss import class_weights, label_counts

SUMS = 3
"""Of each head: cross-entropy, weight, hits."""


@dataclass(frozen=True)
class Head:
    """What the examples are to the last layer of one task."""

    answers: npt.NDArray[np.int32]
    """For each label of the examples the task's label; the number that follows on the task's labels where it has none."""
    weights: npt.NDArray[np.float32]
    """For each label of the task what an example counts in the gradient."""
    share: float = 1.0
    """What the task's loss counts in that of the model; all shares add up to 1."""
    prefix: str = ""
    """What the names of its figures begin with."""
    early: npt.NDArray[np.float32] | None = None
    """[early levels, labels]: how likely each early level is at each label. Of the examples' labels they follow on the task's."""

    @property
    def labels(self) -> int:
        """How many labels the task has."""
        return len(self.weights)


def only_head(labels: int) -> Head:
    """The head of a model of one task, to which all examples count alike."""
    return Head(np.arange(labels, dtype=np.int32), np.ones(labels, np.float32))


_RARE_ONES = {TECHNOLOGY: "class_weights", CITATION_LEVEL: "level_weights"}
"""The setting that says what a patent of a rare label counts."""


def heads_of(
    config: Config,
    tasks: Sequence[str],
    sizes: Sequence[int],
    examples: Path,
    early: Sequence[Mapping[str, Any]] = (),
) -> list[Head]:
    """The heads of a model of these tasks that trains on a split of examples; sizes: how many labels each task has.

    early: the early levels that some examples of the only task have instead, as shards.early describes them; each of these
    examples counts like one with a label.

    The loss is a weighted mean of the tasks' losses, each the mean over the examples that have a label of the task: where
    few have one, each of them counts the more. The weights say so, for all steps alike, and a step need only divide by
    the number of its examples.
    """
    answers = labels_of_tasks(sizes)
    if early:
        (size,) = sizes
        answers = np.append(np.arange(size), [size] * len(early)).astype(np.int32)[:, None]
        likelihoods = np.array([each["likelihood"] for each in early], np.float32)
    counts = label_counts(examples, len(answers))
    asked = np.array([getattr(config.train, f"{task}_weight") for task in tasks])
    heads = []
    for task, size, answer, share in zip(tasks, sizes, answers.T, asked / asked.sum(), strict=True):
        own = np.bincount(answer, weights=counts, minlength=size + 1)[:size].astype(np.float64)
        learned = counts.sum() if early else own.sum()
        weights = share * counts.sum() / learned * class_weights(own, getattr(config.train, _RARE_ONES[task]))
        heads.append(
            Head(
                answer,
                weights.astype(np.float32),
                float(share),
                config.prefix(task),
                likelihoods if early else None,
            )
        )
    return heads


def figures(split: str, heads: Sequence[Head], sums: npt.NDArray[np.float64]) -> Epoch:
    """Losses and accuracies by name, from SUMS of each head in turn; `<split>_loss` is the model's."""
    loss, weight, hits = sums.reshape(-1, SUMS).T
    losses, accuracies = (total / np.maximum(weight, 1.0) for total in (loss, hits))
    found = {f"{split}_loss": float(losses @ [head.share for head in heads])}
    for head, own_loss, accuracy in zip(heads, losses.tolist(), accuracies.tolist(), strict=True):
        found |= {f"{split}_{head.prefix}loss": own_loss, f"{split}_{head.prefix}accuracy": accuracy}
    return found
