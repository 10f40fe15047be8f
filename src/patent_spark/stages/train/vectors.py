"""The sets of word vectors that the networks of a model read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.dataset

from patent_spark.core.store import Store


def read_vectors(directory: Path) -> npt.NDArray[np.float32]:
    """VECTORS as float32 [words, dimensions], in the order of ids."""
    table = pyarrow.dataset.dataset(directory, format="parquet").to_table(columns=["vector"])
    column = table["vector"].combine_chunks()
    return np.asarray(column.flatten(), np.float32).reshape(len(column), -1)


def further_vectors(store: Store) -> list[Path]:
    """The files of FURTHER_VECTORS, in the order of text.further_vectors; none without that setting."""
    manifest = store.manifest("text")
    folder = store.directory_in(manifest, "FURTHER_VECTORS") if manifest else None
    files = folder.glob("set-*.npy") if folder else []
    return sorted(files, key=lambda file: int(file.stem.removeprefix("set-")))
