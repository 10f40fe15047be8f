"""The linear model in NumPy beside scikit-learn's TF-IDF, and its file."""

import dataclasses

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfTransformer

from patent_spark.core.errors import DataError
from patent_spark.inference import linear_model
from patent_spark.inference.linear_model import LinearModel
from tests.support.errors import raises
from tests.support.small_package import random_linear


@pytest.fixture
def tokens():
    made = np.random.default_rng(0).integers(1, 15, (50, 30)).astype(np.int32)
    made[np.arange(30) >= np.arange(50)[:, None] % 31] = 0  # the first and others have no word
    return made


def test_the_probabilities_are_those_of_scikit_learns_features(tokens):
    linear = random_linear(15, 3)
    counts = np.stack([np.bincount(row, minlength=15) for row in tokens])
    theirs = TfidfTransformer(sublinear_tf=True).fit(counts[:, 1:14])
    theirs.idf_ = linear.idf[1:14]
    features = theirs.transform(counts[:, 1:14]).toarray()
    expected = softmax(features @ linear.weights[1:14].astype(float) + linear.intercepts, axis=1)
    assert linear.probabilities(tokens) == pytest.approx(expected, abs=1e-5)
    assert linear.probabilities(tokens[:1])[0] == pytest.approx(softmax(linear.intercepts), abs=1e-6)


def test_an_answer_does_not_depend_on_the_others(tokens, monkeypatch):
    linear = random_linear(15, 3)
    together = linear.probabilities(tokens)
    monkeypatch.setattr(linear_model, "_TEXTS", 7)
    assert (linear.probabilities(tokens) == together).all()
    assert (np.concatenate([linear.probabilities(row[None]) for row in tokens]) == together).all()
    assert linear.probabilities(tokens[:0]).shape == (0, 3)


def test_features_add_to_the_scores(tokens, tmp_path):
    text = random_linear(15, 3)
    weights = np.array([[1, 0, -1], [0.5, 0, 0]], np.float32)
    linear = dataclasses.replace(text, feature_weights=weights)
    features = np.random.default_rng(2).normal(0, 1, (50, 2)).astype(np.float32)
    expected = softmax(np.log(text.probabilities(tokens)) + features @ weights, axis=1)
    together = linear.probabilities(tokens, features)
    assert together == pytest.approx(expected, abs=1e-5)
    alone = [linear.probabilities(*(part[row : row + 1] for part in (tokens, features))) for row in range(50)]
    assert (np.concatenate(alone) == together).all()
    linear.write(tmp_path / "linear.npz")
    read = LinearModel.read(tmp_path / "linear.npz")
    assert (read.probabilities(tokens, features) == together).all()
    assert read.digest == linear.digest != text.digest


def test_a_file_is_read_as_it_was_written_and_damage_is_named(tokens, tmp_path):
    linear = random_linear(15, 3)
    linear.write(tmp_path / "linear.npz")
    read = LinearModel.read(tmp_path / "linear.npz")
    assert (read.probabilities(tokens) == linear.probabilities(tokens)).all()
    assert read.digest == linear.digest != random_linear(15, 3, seed=2).digest
    content = (tmp_path / "linear.npz").read_bytes()
    for name, bad in {"cut": content[:-60], "empty": b"", "text": b"linear"}.items():
        (tmp_path / name).write_bytes(bad)
        with raises(DataError, file=str(tmp_path / name)):
            LinearModel.read(tmp_path / name)
    with raises(DataError, file=str(tmp_path / "missing")):
        LinearModel.read(tmp_path / "missing")
