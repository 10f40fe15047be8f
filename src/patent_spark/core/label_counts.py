"""How many examples of a split have each label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset
from numpy.typing import NDArray


def label_counts(split_folder: Path, labels: int) -> NDArray[np.int64]:
    """Examples of each label number in a folder of EXAMPLES; padding does not count.

    There are at least as many counts as labels. The numbers of interim levels follow those of the labels.
    """
    examples = pyarrow.dataset.dataset(split_folder, format="parquet")
    numbers = examples.to_table(columns=["label"], filter=pc.field("patent_key") >= 0)["label"]
    return np.bincount(numbers.to_numpy(), minlength=labels)
