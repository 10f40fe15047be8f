"""Packages: reading, identity, samples, and those that an older version wrote."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.config import Model
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.token_ids import split_words, token_ids
from patent_spark.inference.keras_network import load_network
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.model_package import Package
from patent_spark.inference.packaging import ConversionError, complete_package
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.calibration import Calibration
from patent_spark.stages.train.model.network import build_model
from tests.support.errors import raises
from tests.support.small_package import MAX_TOKENS, WORDS, small_package, texts

TEXTS = ["A Neural-network &amp;amp; DEVICE", "", "nothing known here", "battery " * 30, "seed"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("packages") / "two")


@pytest.fixture(scope="module")
def with_keras(tmp_path_factory):
    """A package whose network Keras made, as `register` writes it."""
    folder = tmp_path_factory.mktemp("keras") / "package"
    small_package(folder, tasks=("technology",))
    settings = Model(units=5, layers=2, bidirectional=True, pool="max_mean", mean_vector=True)
    vectors = np.random.default_rng(1).normal(size=(len(WORDS), 8)).astype(np.float32)
    build_model(settings, vectors, 4, 1).save(folder / "technology" / "model.keras")
    return complete_package(folder, ("technology",), texts())


def test_texts_are_encoded_by_the_rule_of_the_shards(package):
    packed = package.task("technology")
    encoded = packed.encode(TEXTS)
    words = pa.array([split_words(text) for text in TEXTS], pa.list_(pa.string()))
    tokens, known = token_ids(words, pa.array(WORDS), MAX_TOKENS)
    assert (encoded.tokens == tokens).all() and encoded.tokens.dtype == np.int32
    assert encoded.known.tolist() == known.tolist() == [4, 0, 0, 30, 1]
    assert encoded.words.tolist() == [4, 0, 3, 30, 1]
    from_words = packed.encode_words(words)
    for name in ("tokens", "known", "words"):
        assert (getattr(from_words, name) == getattr(encoded, name)).all()
    assert encoded.take(np.array([3, 0])).known.tolist() == [30, 4]
    assert len(encoded.take(encoded.known > 1)) == 2


def test_an_answer_does_not_depend_on_the_others(package):
    packed = package.task("technology")
    many = packed.encode([*TEXTS, *TEXTS[::-1]] * 3)
    together = packed.outputs(many, batch=4)
    assert together.probabilities.dtype == together.vectors.dtype == np.float32
    assert together.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    for row in range(len(many)):
        alone = packed.outputs(many.take(slice(row, row + 1)))
        assert alone.probabilities[0] == pytest.approx(together.probabilities[row], abs=1e-6)
        assert alone.vectors[0] == pytest.approx(together.vectors[row], abs=1e-5)
    nothing = packed.outputs(many.take(slice(0, 0)))
    assert nothing.probabilities.shape == (0, 4) and nothing.vectors.shape == (0, 32)


def test_a_package_gives_the_answers_of_the_scorer(with_keras):
    """Also for a text without a word, whose answer depends on the padding in Keras."""
    packed, folder = with_keras.task("technology"), with_keras.folder / "technology"
    scorer = Scorer(folder, Calibration.read(folder / "calibration.json"))
    encoded = packed.encode([*TEXTS, *(packed.text_of(text.fields) for text in texts())])
    expected = np.concatenate([scorer.probabilities(row[None]) for row in encoded.tokens])
    assert np.abs(packed.probabilities(encoded) - expected).max() <= 1e-5
    assert packed.calibration.temperature == 1.5


def test_a_combined_model_answers_as_its_parts_together(tmp_path):
    package = small_package(tmp_path / "p", tasks=("technology",), combined=True)
    packed, folder = package.task("technology"), package.folder / "technology"
    encoded = packed.encode([*TEXTS, ""])
    combined = packed.probabilities(encoded)
    linear = LinearModel.read(folder / "linear.npz").probabilities(encoded.tokens)
    write_json(folder / "calibration.json", {})  # the network alone, not calibrated
    network = Package(package.folder).task("technology").probabilities(encoded)
    expected = network ** (0.6 / 1.5) * linear ** (0.8 / 1.5)
    assert combined == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-5)
    for row in range(len(encoded)):
        alone = packed.probabilities(encoded.take(slice(row, row + 1)))
        assert alone[0] == pytest.approx(combined[row], abs=1e-6)


def test_a_combined_package_without_its_linear_model_is_named(tmp_path):
    package = small_package(tmp_path / "p", tasks=("technology",), combined=True)
    (package.folder / "technology" / "linear.npz").unlink()
    packed = Package(package.folder).task("technology")
    with raises(DataError, file=str(package.folder / "technology" / "linear.npz")):
        packed.probabilities(packed.encode(TEXTS))


def test_a_network_of_mixed_precision_is_packed_in_float32(tmp_path):
    small_package(tmp_path / "p", tasks=("technology",))
    settings = Model(units=5, layers=1, pool="max_mean", mean_vector=True)
    vectors = np.random.default_rng(1).normal(size=(len(WORDS), 8)).astype(np.float32)
    network = build_model(settings, vectors, 4, 1, "mixed_bfloat16")
    network.save(tmp_path / "p" / "technology" / "model.keras")
    package = complete_package(tmp_path / "p", ("technology",), texts())
    assert Package(package.folder).sample_difference() <= 1e-6


def test_samples_are_kept_with_the_answers(with_keras):
    assert with_keras.samples[0].fields == {"title": "", "abstract": ""}
    assert [sample.patent_id for sample in with_keras.samples[1:]] == [str(9_000_000 + i) for i in range(8)]
    assert Package(with_keras.folder).sample_difference() <= 1e-6


def test_a_model_that_answers_otherwise_is_noticed(with_keras, tmp_path):
    folder = shutil.copytree(with_keras.folder, tmp_path / "p")
    other = small_package(tmp_path / "other", tasks=("technology",), seed=5)
    shutil.copy(other.folder / "technology" / "model.onnx", folder / "technology" / "model.onnx")
    assert Package(folder).sample_difference() > 0.01


def test_a_network_that_onnx_gets_wrong_is_not_packed(with_keras, tmp_path):
    """Weights that are not finite stand for whatever makes the two differ."""
    folder = shutil.copytree(with_keras.folder, tmp_path / "p")
    network = load_network(folder / "technology" / "model.keras")
    kernel, bias = network.get_layer("logits").get_weights()
    network.get_layer("logits").set_weights([kernel, bias * np.nan])
    network.save(folder / "technology" / "model.keras")
    with raises(ConversionError, task="technology", texts=9):
        complete_package(folder, ("technology",), texts())


def test_identity_follows_model_and_calibration(package, tmp_path):
    folder = shutil.copytree(package.folder, tmp_path / "same")
    assert Package(folder).identity == package.identity
    write_json(folder / "technology" / "calibration.json", {"temperature": 1.6})
    assert Package(folder).identity != package.identity
    assert small_package(tmp_path / "b", seed=2).identity != package.identity


def test_a_package_of_an_older_version_is_read_with_keras(with_keras, tmp_path):
    folder = shutil.copytree(with_keras.folder, tmp_path / "old")
    for name in ("package.json", "samples.json", "technology/model.onnx"):
        (folder / name).unlink()
    old = Package(folder)
    assert (old.tasks, old.samples, old.sample_difference()) == (("technology",), (), 0.0)
    encoded = old.task("technology").encode(TEXTS)
    answers = with_keras.task("technology").probabilities(encoded)
    assert old.task("technology").probabilities(encoded) == pytest.approx(answers, abs=1e-6)
    assert old.identity != with_keras.identity


def test_folders_that_are_no_package_are_named(package, tmp_path):
    with raises(DataError, file=str(tmp_path)):
        Package(tmp_path)
    with raises(DataError, task="joint"):
        package.task("joint")
    folder = shutil.copytree(package.folder, tmp_path / "p")
    (folder / "technology" / "model.onnx").write_bytes(b"cut off")
    with raises(DataError, file=str(folder / "technology" / "model.onnx")):
        Package(folder).task("technology").probabilities(package.task("technology").encode(["a"]))
    (folder / "technology" / "calibration.json").unlink()
    with raises(DataError, file=str(folder / "technology" / "calibration.json")):
        Package(folder).task("technology").calibration  # noqa: B018
    (folder / "samples.json").write_text("[{}]")
    with raises(DataError, file=str(folder / "samples.json")):
        Package(folder).sample_difference()
    (folder / "technology" / "task.json").write_text("{}")
    with raises(DataError, file=str(folder / "technology" / "task.json")):
        Package(folder).task("technology")
    (folder / "package.json").write_text(json.dumps({"format": 99, "tasks": ["technology"]}))
    with raises(DataError, format=99):
        Package(folder)


USE = """
import sys
from patent_spark.config import Config
from patent_spark.inference.model_source import open_models

(opened,) = open_models(Config(), sys.argv[1], ["technology"], threads=1).values()
encoded = opened.packed.encode(["neural network", ""])
opened.packed.probabilities(encoded), opened.packed.document_vectors(encoded)
print(sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_using_a_package_imports_no_heavy_library(package):
    done = subprocess.run(
        [sys.executable, "-c", USE, package.folder], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    heavy = {"tensorflow", "keras", "horovod", "petastorm", "pyspark", "gensim", "mlflow", "scipy", "pandas"}
    assert heavy & set(json.loads(done.stdout.replace("'", '"'))) == set()
