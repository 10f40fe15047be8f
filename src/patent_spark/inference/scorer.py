"""Probabilities from a trained model: the one way to use MODEL/<task>, for the evaluation and for users
alike."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.features import encode_rows
from patent_spark.core.metadata import FeatureEncoding
from patent_spark.core.progress import say
from patent_spark.core.store import Store
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.network_inputs import feature_width, inputs_of
from patent_spark.metrics.calibration import Calibration

if TYPE_CHECKING:
    import keras

_LENGTH_STEP = 20  # batches are cut to a multiple of this many tokens, so that few shapes are compiled


class Scorer:
    """One task's model, as the training stage left it in `model_dir`, and its calibration.

    linear: the model that the network is combined with, if the calibration says so.
    Raises DataError when the folder does not hold a whole model.
    """

    def __init__(
        self,
        model_dir: str | Path,
        calibration: Calibration = Calibration(),
        linear: LinearModel | None = None,
    ) -> None:
        folder = Path(model_dir)
        try:
            self.task: dict[str, Any] = json.loads((folder / "task.json").read_text())
            self.network = _load(folder / "model.keras")  # what it says is not calibrated
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} is not a trained model: {' '.join(str(error).split())}; run "
                "`patent-spark train` again"
            ) from error
        self.labels: list[str] = self.task["labels"]
        self.max_tokens: int = self.task["max_tokens"]
        encoding = self.task.get("features")
        self.features = FeatureEncoding.model_validate(encoding) if encoding else None
        self.calibration, self._linear = calibration, linear
        self._forward = _compiled(self.network)

    def token_matrix(self, column: pa.Array | pa.ChunkedArray) -> NDArray[np.int32]:
        """int32 [n, max_tokens] of the `tokens` column of EXAMPLES."""
        return token_matrix(column, self.max_tokens)

    def probabilities(
        self,
        tokens: NDArray[np.int32],
        batch: int = 512,
        features: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """float32 [n, labels], calibrated, each row with the sum 1; tokens: int32 [n, max_tokens], 0 to
        the right.

        features: float32 [n, width], as EXAMPLES has them. None: nothing is known beside the texts.
        """
        if features is None or not features.shape[1]:
            features = self._nothing_known(tokens)
        result = np.empty((len(tokens), len(self.labels)), np.float32)
        lengths = np.count_nonzero(tokens, axis=1)
        order = np.argsort(
            lengths, kind="stable"
        )  # texts of like length together: little padding is computed
        for start in range(0, len(tokens), batch):
            rows = order[start : start + batch]
            longest = max(1, int(lengths[rows[-1]]))
            width = min(self.max_tokens, -(-longest // _LENGTH_STEP) * _LENGTH_STEP)
            result[rows] = self._forward(tokens[rows, :width], features[rows]).numpy()
        linear = self._linear.probabilities(tokens, features) if self._linear else None
        return self.calibration(result, linear)

    def _nothing_known(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        if self.features is None:
            return np.zeros((len(tokens), 0), np.float32)
        return encode_rows(self.features, [{}] * len(tokens), np.count_nonzero(tokens, axis=1))


def current_scorer(store: Store, task: str) -> Scorer:
    """The current model of a task, calibrated as its evaluation learned; as it is, with a word about it,
    before it was evaluated."""
    folder = store.directory("MODEL") / task
    train, evaluate = store.manifest("train"), store.manifest("evaluate")
    if train is not None and evaluate is not None and evaluate.inputs.get("train") == train.version:
        path = store.directory("CALIBRATION") / f"{task}.json"
        if path.exists():
            calibration = Calibration.read(path)
            return Scorer(folder, calibration, _linear(store, task) if calibration.combination else None)
    say(
        f"  {task}: this model was not evaluated yet, so its probabilities are not calibrated; "
        "run `patent-spark evaluate`"
    )
    return Scorer(folder)


def _linear(store: Store, task: str) -> LinearModel:
    return LinearModel.read(store.directory("LINEAR") / f"{task}.npz")


def token_matrix(column: pa.Array | pa.ChunkedArray, max_tokens: int) -> NDArray[np.int32]:
    """int32 [n, max_tokens] of a binary column that holds max_tokens little-endian int32 a row.

    Raises DataError when a row is of another size.
    """
    if isinstance(column, pa.ChunkedArray):
        return np.concatenate(
            [
                np.zeros((0, max_tokens), np.int32),
                *(token_matrix(chunk, max_tokens) for chunk in column.chunks),
            ]
        )
    sizes = pc.unique(pc.binary_length(column)).to_pylist()
    if sizes and sizes != [4 * max_tokens]:
        raise DataError(
            f"tokens: rows of {sorted(map(str, sizes))} bytes, must be {4 * max_tokens}; run "
            "`patent-spark shard` again"
        )
    offsets, content = np.frombuffer(column.buffers()[1], "<i4"), column.buffers()[2]
    flat = (
        np.frombuffer(content, "<i4", len(column) * max_tokens, int(offsets[column.offset]))
        if len(column)
        else np.zeros(0, np.int32)
    )
    return flat.reshape(len(column), max_tokens)


def _load(path: Path) -> keras.Model:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras.models.load_model(path, compile=False)


def _compiled(model: keras.Model) -> Any:
    import tensorflow as tf

    width = feature_width(model)

    def forward(tokens: Any, features: Any) -> Any:
        return model(inputs_of(tokens, features), training=False)

    signature = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, width), tf.float32)]
    return tf.function(forward, input_signature=signature)
