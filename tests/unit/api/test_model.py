"""A model in Python: the same answers as the package behind it."""

import datetime

import numpy as np
import pandas as pd
import pytest

import patent_spark
from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from tests.support.errors import raises
from tests.support.index_warehouse import publish_texts, random_texts
from tests.support.ingested_tables import run
from tests.support.small_index import DAY
from tests.support.small_package import FEATURES, small_package

TEXTS = [("A neural network", "a method of data"), ("Wheel", None), ("", "xyzzy"), ("Laser", "a laser pump")]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("api") / "package")


@pytest.fixture(scope="module")
def model(package):
    return patent_spark.load_model(package.folder)


def test_it_predicts_one_text_as_the_command_does(model, package):
    assert model.tasks == ("technology", "citation_level")
    assert model.labels("technology") == ("A61", "G06", "H01", "H04")
    prediction = model.predict(*TEXTS[0], top=2, explain=True)
    packed = package.task("technology")
    (expected,) = packed.probabilities(packed.encode(["A neural network a method of data"]))
    assert prediction.technology.predicted == packed.labels[expected.argmax()]
    assert prediction.technology.probability == pytest.approx(expected.max(), abs=1e-4)
    assert len(prediction.technology.classes) == 2 and prediction.technology.words
    with raises(DataError, row=1):
        model.predict("", "")
    assert str(package.folder) in repr(model)


def test_what_is_known_beside_the_text_counts(tmp_path):
    package = small_package(tmp_path / "p", features=FEATURES)
    model, packed = patent_spark.load_model(package.folder), package.task("citation_level")
    known = {"num_claims": 20, "cpc_class": "H04"}
    first, second = packed.probabilities(packed.encode(["a neural network"] * 2, [known, {}]))[:, 0]
    frame = pd.DataFrame(
        {"title": ["a neural network"] * 2, "num_claims": [20, None], "cpc_class": ["H04", None]}
    )
    assert model.score(frame)["top1_probability"].tolist() == pytest.approx([first, second])
    assert model.score(frame[["title"]])["top1_probability"].tolist() == pytest.approx([second, second])
    answer = model.predict("a neural network", cpc_class="H04", features={"num_claims": 20})
    assert answer.citation_level.levels[0].probability == pytest.approx(first, abs=1e-4)


@pytest.mark.parametrize("features", [{"num_claims": "many"}, {"claims": 3}])
def test_features_that_cannot_be_read_are_an_error(tmp_path, features):
    model = patent_spark.load_model(small_package(tmp_path / "p", features=FEATURES).folder)
    with raises(DataError, column=next(iter(features))):
        model.predict("a neural network", features=features)


def test_scores_are_a_row_a_text_under_their_own_index(model, package, monkeypatch):
    frame = pd.DataFrame(TEXTS, columns=["title", "abstract"], index=[7, 8, 9, 10])
    scores = model.score(frame)
    assert scores.index.tolist() == [7, 8, 9, 10]
    assert scores.loc[9].isna().all()  # no known word
    packed = package.task("citation_level")
    probabilities = packed.probabilities(packed.encode([f"{title} {text or ''}" for title, text in TEXTS]))
    known = [0, 1, 3]
    assert scores["citation_level"].iloc[known].tolist() == [
        packed.labels[place] for place in probabilities.argmax(axis=1)[known]
    ]
    top1 = probabilities[known, packed.labels.index("top1")]
    assert np.allclose(scores["top1_probability"].iloc[known].astype(float), top1, atol=1e-6)
    monkeypatch.setattr("patent_spark.api.model._CHUNK", 3)
    pd.testing.assert_frame_equal(model.score(frame), scores)
    rows = [{"title": title, "abstract": text} for title, text in TEXTS]
    assert model.score(rows)["technology"].iloc[0] == scores["technology"].iloc[0]
    assert model.score(frame.iloc[:0]).columns.tolist() == scores.columns.tolist()
    with raises(DataError, columns="titel"):
        model.score([{"titel": "a"}])


def test_similar_needs_a_warehouse_with_an_index(model, package, engine, tmp_path):
    with pytest.raises(DataError):
        model.similar("w1")
    store = publish_texts(tmp_path / "w", random_texts(60))
    run(store, "index", engine, "index.threads=1", "index.vectors=[words]")
    searching = patent_spark.load_model(package.folder, store.root)
    near = searching.similar("w1 w2", top=3)
    assert len(near) == 3 and near["similarity"].is_monotonic_decreasing
    assert searching.similar("", "w1 w2", top=3).equals(near)
    before = DAY + datetime.timedelta(weeks=20)
    older = searching.similar(patent_id="7000003", top=60, granted_before=before, classes=["G06"])
    assert set(older["cpc_class"]) == {"G06"} and (older["grant_date"] < str(before)).all()
    assert "7000003" not in set(older["patent_id"])


def test_a_model_that_is_not_there(tmp_path, model):
    with raises(ConfigError, model=str(tmp_path / "none")):
        patent_spark.load_model(tmp_path / "none")
    with raises(DataError, task="joint"):
        model.labels("joint")
