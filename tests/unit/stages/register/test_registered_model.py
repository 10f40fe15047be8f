"""What is registered works by itself."""

import datetime

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow import MlflowClient

from patent_spark.core.model_files import TextSource
from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.scorer import Scorer
from patent_spark.stages.evaluate.examples import read_blocks
from patent_spark.tracking.runs import tracking_uri
from tests.support.evaluation_warehouse import MAX_TOKENS
from tests.support.registration_warehouse import champion_in, configured


def tokens_of(store):
    """TOKENS by patent_id."""
    return store.read_arrow("TOKENS", ["patent_id", "tokens"]).to_pandas().set_index("patent_id")["tokens"]


def predictions_of(store):
    """PREDICTIONS of the technology model."""
    return store.read_arrow("PREDICTIONS").to_pandas().query("task == 'technology'")


def test_the_registered_version_needs_nothing_beside_it(champions, tmp_path):
    package = champion_in(champions, "technology", tmp_path)
    # 90 test patents are too few to be the reference: it is the 400 and 50 that the model learned from
    assert PredictionFacts.read(package.folder).texts["technology"].texts == 450
    assert {path.name for path in package.folder.iterdir()} == {
        "technology",
        "learned_from.parquet",
        "package.json",
        "samples.json",
        "prediction_facts.json",
        "card.html",
        "card.md",
        "card.json",
        "MLmodel",
        "code",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "input_example.json",
        "serving_input_example.json",
    }
    assert (len(package.samples), package.samples[0].patent_id) == (31, "")
    assert package.sample_difference() <= 1e-6
    packed = package.task("technology")
    assert packed.about.text == TextSource(fields=("title", "abstract"), claims="first")
    assert (
        packed.calibration.temperature
        == champions.read_json("CALIBRATION", "technology.json")["temperature"]
        > 1.5
    )
    texts = tokens_of(champions)
    predictions = predictions_of(champions)
    with_unknown = [
        [*texts[each][:2], "antidisestablishment", *texts[each][2:]] for each in predictions.patent_id
    ]
    encoded = packed.encode_words(pa.array(with_unknown, pa.list_(pa.string())))
    assert packed.probabilities(encoded) == pytest.approx(np.stack(predictions.probabilities), abs=1e-5)
    assert package.learned_from.tolist() == list(range(5_000_000, 5_000_450))  # training and development


def test_a_model_loaded_with_mlflow_returns_calibrated_probabilities(champions):
    """From the training's run for tokens, from the registry for texts. The run itself stays as it was."""
    mlflow.set_tracking_uri(tracking_uri(configured(champions.root)))
    predictions = predictions_of(champions).set_index("patent_id")
    run_id = champions.read_json("MODEL", "technology/task.json")["run_id"]
    block = next(read_blocks(champions.directory("EXAMPLES") / "technology" / "test", MAX_TOKENS))
    model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    expected = np.stack(predictions.probabilities[block.keys.astype(str)])
    assert model.predict(block.tokens) == pytest.approx(expected, abs=1e-5)
    assert model.metadata.metadata["calibration"]["temperature"] > 1.5
    assert Scorer(champions.directory("MODEL") / "technology").probabilities(block.tokens) != pytest.approx(
        expected, abs=0.1
    )
    run = MlflowClient().get_run(run_id).info
    trained = datetime.datetime.fromisoformat(champions.manifest("train").created)
    assert (run.status, run.end_time < 1000 * trained.timestamp()) == ("FINISHED", True)

    champion = mlflow.pyfunc.load_model("models:/patent_spark_technology@champion")
    texts = tokens_of(champions)[predictions.index]
    answers = champion.predict(
        pd.DataFrame(
            {
                "title": [words[0].upper() for words in texts],
                "abstract": [" ".join(words[1:]) + ", Unheard-of!" for words in texts],
            }
        )
    )
    assert answers.columns.tolist() == [
        "technology",
        "technology_probability",
        *(f"technology_{label}" for label in model.metadata.metadata["labels"]),
    ]
    assert answers.iloc[:, 2:].to_numpy() == pytest.approx(np.stack(predictions.probabilities), abs=1e-5)
