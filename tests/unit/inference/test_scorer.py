"""The scorer on a saved network."""

import json

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.config import Model
from patent_spark.core.errors import DataError
from patent_spark.inference.scorer import Scorer, token_matrix
from patent_spark.stages.train.model.network import build_model

VECTORS = np.random.default_rng(3).normal(0, 1, (30, 6)).astype(np.float32)
TOKENS = np.array(
    [[7, 3, 9, 1, 2, 30, 4, 8], [5, 6, 0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0, 0, 0]],
    np.int32,
)


@pytest.fixture(scope="module")
def network():
    return build_model(Model(units=5, layers=2, pool="last"), VECTORS, labels=3, seed=1)


@pytest.fixture
def folder(network, tmp_path):
    network.save(tmp_path / "model.keras")
    (tmp_path / "task.json").write_text(json.dumps({"labels": ["a", "b", "c"], "max_tokens": 8}))
    return tmp_path


def test_the_scorer_gives_each_row_its_own_probabilities(network, folder):
    scorer = Scorer(folder)
    assert (list(scorer.labels), scorer.max_tokens) == (["a", "b", "c"], 8)
    many = np.concatenate([TOKENS] * 5 + [np.zeros((1, 8), np.int32)])
    many = many[np.random.default_rng(1).permutation(21)]
    probabilities = scorer.probabilities(many, batch=4)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(probabilities, network(many).numpy(), atol=1e-6)
    assert scorer.probabilities(many[:0]).shape == (0, 3)


def test_token_matrix_reads_the_binary_column():
    column = pa.array([row.tobytes() for row in TOKENS], pa.binary())
    assert (token_matrix(column, 8) == TOKENS).all()
    assert (token_matrix(column.slice(1, 2), 8) == TOKENS[1:3]).all()
    chunks = pa.chunked_array([column.slice(2), column.slice(0, 2)])
    assert (token_matrix(chunks, 8) == TOKENS[[2, 3, 0, 1]]).all()
    assert token_matrix(column.slice(0, 0), 8).shape == (0, 8)
    with pytest.raises(DataError) as caught:
        token_matrix(column, 9)
    assert [fact for fact in ("32", "36", "patent-spark shard") if fact not in str(caught.value)] == []


def test_a_folder_without_a_model_is_named(tmp_path, folder):
    with pytest.raises(DataError) as caught:
        Scorer(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    (folder / "model.keras").write_bytes(b"cut off")
    with pytest.raises(DataError) as caught:
        Scorer(folder)
    assert str(folder) in str(caught.value)
