"""Models that read features beside the text: in a package, in a Keras network, as MLflow loads them."""

import dataclasses
import json

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest

from patent_spark.config import Model
from patent_spark.core.files import write_json
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.calibrated_network import calibrated_network
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.model_package import Package
from patent_spark.inference.packaging import complete_package
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.explain import word_effects
from patent_spark.inference.prediction.scoring import score
from patent_spark.inference.sample_texts import Text
from patent_spark.inference.scorer import Scorer
from patent_spark.stages.train.model.network import build_model
from tests.support.small_package import FEATURES, WORDS, small_package

TASK = "citation_level"
TEXTS = ["a neural network", "", "battery cell pump"]
KNOWN = [{"num_claims": 20, "cpc_class": "H04"}, {}, {"cpc_class": "A61"}]
LOG21 = (np.log(21) - 2.5) / 0.5


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features") / "p"
    return small_package(folder, combined=True, features=FEATURES, pyfunc=True)


def test_what_is_known_becomes_the_input(package):
    """Three words, none, three: log(4) - 2 and log(1) - 2."""
    encoded = package.task(TASK).encode(TEXTS, KNOWN)
    expected = [
        [LOG21, 0, 0, 1, 0, 0, np.log(4) - 2, 0],
        [0, 1, 0, 0, 0, 1, -2, 0],
        [0, 1, 0, 0, 1, 0, np.log(4) - 2, 0],
    ]
    assert encoded.features == pytest.approx(np.array(expected), abs=1e-5)
    nothing = package.task(TASK).encode(TEXTS).features
    assert nothing[:, :6].tolist() == [[0, 1, 0, 0, 0, 1]] * 3
    assert (nothing[:, 6:] == encoded.features[:, 6:]).all()
    assert package.task("technology").encode(TEXTS, KNOWN).features is None


def test_answers_follow_from_features_text_by_text(package):
    packed = package.task(TASK)
    encoded = packed.encode(TEXTS * 3, KNOWN + [{}] * 3 + KNOWN)
    together = packed.probabilities(encoded, batch=2)
    assert together[:3] == pytest.approx(together[6:], abs=1e-6)
    assert together[4] == pytest.approx(together[1], abs=1e-6)  # nothing is known in both
    assert np.abs(together[3] - together[0]).max() > 0.01 and np.abs(together[5] - together[2]).max() > 0.01
    for row in range(len(encoded)):
        alone = packed.probabilities(encoded.take(slice(row, row + 1)))
        assert alone[0] == pytest.approx(together[row], abs=1e-6)


def test_keras_onnx_and_the_network_that_mlflow_gets_say_the_same(tmp_path):
    """`register` compares them as well; complete_package raises ConversionError where they differ."""
    folder = tmp_path / "p"
    small_package(folder, tasks=(TASK,), combined=True, features=FEATURES)
    vectors = np.random.default_rng(1).normal(size=(len(WORDS), 8)).astype(np.float32)
    settings = Model(units=5, layers=1, bidirectional=True, pool="max_mean", dropout=0.3)
    network = build_model(settings, vectors, len(LEVELS), 1, features=FEATURES.width)
    network.save(folder / TASK / "model.keras")
    texts = [
        Text(str(row), {"title": text, "abstract": ""}, known)
        for row, (text, known) in enumerate(zip(TEXTS, KNOWN, strict=True))
    ]
    package = complete_package(folder, (TASK,), texts)
    packed = package.task(TASK)
    encoded = packed.encode(TEXTS, KNOWN)
    answers = packed.probabilities(encoded)
    linear = LinearModel.read(folder / TASK / "linear.npz")
    scorer = Scorer(folder / TASK, packed.calibration, linear)
    longer = encoded.take(np.array([0, 2]))  # Keras's answer to a text without a word depends on the padding
    expected = answers[[0, 2]]
    assert scorer.probabilities(longer.tokens, features=longer.features) == pytest.approx(expected, abs=1e-5)
    bare = packed.probabilities(packed.encode(TEXTS))[[0, 2]]
    assert scorer.probabilities(longer.tokens) == pytest.approx(bare, abs=1e-5)
    calibrated_network(scorer.network, packed.calibration, linear).save(tmp_path / "calibrated.keras")
    loaded = keras.models.load_model(tmp_path / "calibrated.keras", compile=False)
    assert loaded([longer.tokens, longer.features]).numpy() == pytest.approx(expected, abs=1e-4)
    assert [sample.known for sample in package.samples] == KNOWN
    assert package.sample_difference() == 0
    samples = json.loads((folder / "samples.json").read_text())
    samples[0]["known"] = {}
    write_json(folder / "samples.json", samples)
    assert Package(folder).sample_difference() > 0.001


def test_a_document_and_its_explanation_use_what_is_known(package):
    packed = package.task(TASK)
    documents = [
        Document("a neural network", "", cpc_class="H04", features={"num_claims": 20}),
        Document("a neural network", ""),
    ]
    expected = packed.probabilities(packed.encode([TEXTS[0]] * 2, [KNOWN[0], {}]))
    scored = score(packed, documents, None)
    assert np.stack([each.probabilities for each in scored]) == pytest.approx(expected, abs=1e-6)
    effects = word_effects(packed, TEXTS[0], 0, documents[0].known)
    encoded = packed.encode([TEXTS[0]], [KNOWN[0]])
    without = dataclasses.replace(encoded, tokens=np.roll(encoded.tokens, -1, axis=1) * (encoded.tokens > 0))
    without.tokens[0, 2:] = 0  # "neural network", read with the length of the whole text
    first = {each.word: each.effect for each in effects}["a"]
    difference = expected[0, 0] - packed.probabilities(without)[0, 0]
    assert first == pytest.approx(difference, abs=2e-4)


def test_mlflow_takes_values_of_any_form_or_none(package):
    packed = package.task(TASK)
    expected = packed.probabilities(packed.encode([TEXTS[0]] * 2, [{"num_claims": 20}, {}]))[:, 0]
    model = mlflow.pyfunc.load_model(str(package.folder))
    optional = {each.name for each in model.metadata.get_input_schema() if not each.required}
    assert optional == {"num_claims", "cpc_class"}
    texts = pd.DataFrame({"title": [TEXTS[0]] * 2, "abstract": ["", ""]})
    for values in ([20, None], [20.0, float("nan")], ["20", "many"], ["20", ""]):
        answers = model.predict(texts.assign(num_claims=values))[f"{TASK}_top1"]
        assert answers.to_numpy() == pytest.approx(expected, abs=1e-6)
    assert model.predict(texts)[f"{TASK}_top1"].to_numpy() == pytest.approx(expected[[1, 1]], abs=1e-6)
