"""The stage on a small warehouse with real Keras models: predictions, calibration, what it logs and what it
refuses."""

import json
import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata, ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.scorer import Scorer, current_scorer
from patent_spark.metrics.calibration import Calibration, tempered
from patent_spark.pipeline import run_stage
from patent_spark.stages.evaluate.examples import sample_examples
from tests.support.errors import raises
from tests.support.evaluation_warehouse import MAX_TOKENS, configured, republish_ingest
from tests.support.factories import publish
from tests.support.html_page import Page


def test_every_test_patent_is_predicted_once(evaluated):
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    assert Counter(zip(actual.task, actual.split, strict=True)) == {
        ("technology", "test"): 90,
        ("citation_level", "test_2011"): 40,
        ("citation_level", "test_2012"): 40,
    }
    assert actual.patent_id.is_unique
    # The keys of the warehouse: 5,000,000 and on, first technology (400 train, 50 development, then test).
    assert set(actual.patent_id[actual.task == "technology"]) == {str(5_000_450 + i) for i in range(90)}
    assert (np.stack(actual.probabilities[actual.task == "citation_level"]).sum(axis=1) - 1 < 1e-5).all()
    assert [max(each) for each in actual.probabilities] == actual.probability.tolist()
    labels = evaluated.read_json("METRICS", "technology.json")["labels"]
    technology = actual[actual.task == "technology"]
    assert [
        labels[int(np.argmax(each))] for each in technology.probabilities
    ] == technology.predicted.tolist()


def test_predictions_are_those_of_the_model_on_the_patents_own_tokens(evaluated):
    folder = evaluated.directory("EXAMPLES") / "citation_level" / "test_2012"
    examples = pq.ParquetFile(folder / "group-00000.parquet").read().to_pandas()
    examples = examples[examples.patent_key >= 0]
    scorer = current_scorer(evaluated, "citation_level")
    assert scorer.calibration == Calibration(why="there are no development patents")
    expected = scorer.probabilities(np.stack([np.frombuffer(row, "<i4") for row in examples.tokens]), batch=7)
    actual = (
        evaluated.read_arrow("PREDICTIONS").to_pandas().set_index(["task", "patent_id"]).loc["citation_level"]
    )
    mine = actual.loc[examples.patent_key.astype(str)]
    assert np.stack(mine.probabilities) == pytest.approx(expected, abs=1e-5)
    assert mine.truth.tolist() == [LEVELS[label] for label in examples.label]


def test_the_served_probabilities_are_calibrated(evaluated, capsys):
    """The temperature has the least cross entropy on the development patents, and is where whoever serves
    the model finds it."""
    scorer = current_scorer(evaluated, "technology")
    calibration = json.loads((evaluated.directory("CALIBRATION") / "technology.json").read_text())
    temperature = scorer.calibration.temperature
    metrics = {
        "slopes": [],
        "intercepts": [],
        "learned_on": "development",
        "patents": 50,
        "why": "classes share a temperature",
        "combination": None,
    }
    assert calibration == {"temperature": temperature} | metrics
    block = sample_examples(
        evaluated.directory("EXAMPLES") / "technology" / "development", MAX_TOKENS, 50, 50, 1
    )
    raw = Scorer(evaluated.directory("MODEL") / "technology").probabilities(block.tokens)
    losses = [
        log_loss(block.truth, tempered(raw, temperature * factor), labels=range(8))
        for factor in (0.9, 1, 1.1)
    ]
    assert min(losses) == losses[1]
    assert scorer.probabilities(block.tokens) == pytest.approx(tempered(raw, temperature))
    metrics = evaluated.read_json("METRICS", "technology.json")["calibration"]
    assert metrics["temperature"] == temperature > 1.5
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    actual = actual[actual.task == "technology"].sort_values("probability", kind="stable")
    bins = metrics["after"]["bins"]
    assert [each["patents"] for each in bins] == [9] * 10
    assert bins[0]["probability"] == pytest.approx(actual.probability[:9].mean())
    assert bins[-1]["share"] == pytest.approx((actual.truth == actual.predicted)[-9:].mean())
    assert metrics["after"]["ece"] == pytest.approx(
        np.mean([abs(each["probability"] - each["share"]) for each in bins])
    )
    assert evaluated.read_json("METRICS", "citation_level.json")["calibration"]["learned_on"] is None
    assert capsys.readouterr().err == ""


def test_a_combined_model_is_reported_by_its_parts_and_served_as_a_whole(copy):
    run_stage("evaluate", configured(copy.root, "tasks=technology", "evaluate.combine=linear"))
    combination = Calibration.read(copy.directory("CALIBRATION") / "technology.json").combination
    linear = LinearModel.read(copy.directory("LINEAR") / "technology.npz")
    assert (combination.linear_digest, combination.patents) == (linear.digest, 50)
    predicted = copy.read_arrow("PREDICTIONS").to_pandas().sort_values("patent_id")
    baselines = copy.read_arrow("BASELINE_PREDICTIONS").to_pandas()
    metrics = copy.read_json("METRICS", "technology.json")
    for name in ("network", "tfidf_linear"):
        part = baselines[baselines.predictor == name]
        assert metrics["baselines"][name]["accuracy"] == pytest.approx((part.predicted == part.truth).mean())
    assert metrics["best_baseline"]["accuracy"]["baseline"] != "network"  # a part is no baseline
    assert metrics["calibration"]["combination"]["network"] == combination.network
    examples = pq.read_table(copy.directory("EXAMPLES") / "technology" / "test").to_pandas()
    examples = examples[examples.patent_key >= 0].sort_values("patent_key")
    tokens = np.stack([np.frombuffer(each, "<i4") for each in examples.tokens])
    served = current_scorer(copy, "technology").probabilities(tokens)
    assert served == pytest.approx(np.stack(predicted.probabilities.to_numpy()), abs=1e-6)
    network = Scorer(copy.directory("MODEL") / "technology").probabilities(tokens)
    parts = (np.maximum(part, 1e-6) for part in (network, linear.probabilities(tokens)))
    by_hand = next(parts) ** combination.network * next(parts) ** combination.linear
    by_hand /= by_hand.sum(axis=1, keepdims=True)
    temperature = metrics["calibration"]["temperature"]
    assert served == pytest.approx(tempered(by_hand.astype(np.float32), temperature), abs=1e-4)
    report = (copy.directory("REPORT") / "report.html").read_text()
    assert "network alone" in report and "Network and linear model to the powers" in report


def test_a_model_that_was_not_evaluated_is_served_as_it_is(copy, capsys):
    assert current_scorer(copy, "technology").calibration == Calibration()
    assert "technology: this model was not evaluated yet" in capsys.readouterr().err


def test_one_task_of_a_real_release_with_sampled_texts(copy):
    republish_ingest(
        copy,
        copy.metadata(IngestMetadata).model_copy(
            update={"generator_rates": None, "data_to_date_from": "newest grant date"}
        ),
    )
    run_stage("evaluate", configured(copy.root, "tasks=citation_level", "evaluate.baseline_examples=100"))
    assert [path.name for path in copy.directory("METRICS").iterdir()] == ["citation_level.json"]
    assert (
        copy.read_json("METRICS", "citation_level.json")["baselines"]["tfidf_linear"]["training_examples"]
        == 100
    )
    assert copy.read_json("METRICS", "citation_level.json")["references"] == {}
    assert copy.manifest("evaluate").tables["PREDICTIONS"]["rows"] == 80
    page = Page((copy.directory("REPORT") / "report.html").read_text())
    assert "Simulated release" not in page.text
    assert page.table("", "this model")[0][-1] == "majority class"
    assert "newest grant date" in page.text
    assert run_stage(
        "evaluate", configured(copy.root, "tasks=citation_level", "evaluate.baseline_examples=100")
    ).skipped


def republish_shards(store, metadata=None):
    """The same shards as a new version."""
    old = store.directory("EXAMPLES")
    return publish(
        store,
        "shard",
        {},
        metadata or store.metadata(ShardMetadata),
        fill=lambda draft: shutil.copytree(old, draft.path("EXAMPLES"), dirs_exist_ok=True),
    )


def test_a_model_trained_on_other_shards_is_refused(copy):
    manifest = copy.root / "train" / copy.manifest("train").version / "manifest.json"
    trained = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(trained | {"inputs": {"shard": copy.manifest("shard").version}}))
    republish_shards(copy)
    with pytest.raises(DataError):
        run_stage("evaluate", configured(copy.root))
    assert copy.manifest("evaluate") is None


def test_what_is_missing_is_named(copy):
    metadata = copy.metadata(ShardMetadata)
    shutil.rmtree(copy.directory("MODEL") / "technology")
    with raises(DataError, task="technology", missing="model", setting="tasks"):
        run_stage("evaluate", configured(copy.root))
    level = metadata.tasks["citation_level"]

    def with_splits(**rows):
        splits = {name: level.splits["train"].model_copy(update={"rows": n}) for name, n in rows.items()}
        return metadata.model_copy(
            update={"tasks": {"citation_level": level.model_copy(update={"splits": splits})}}
        )

    republish_shards(copy, with_splits(train=400))
    with raises(DataError, task="citation_level", setting="split.test"):
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"))
    republish_shards(copy, with_splits(train=400, test_2011=41))
    shards = {"table": "EXAMPLES", "task": "citation_level", "split": "test_2011"}
    with raises(DataError, **shards, rows=40, expected=41):
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"))
    longer = level.model_copy(update={"max_tokens": MAX_TOKENS + 1})
    republish_shards(copy, metadata.model_copy(update={"tasks": {"citation_level": longer}}))
    with raises(DataError, task="citation_level", stage="train"):
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"))


def test_report_and_figures_reach_the_training_run(copy, capsys):
    from mlflow import MlflowClient

    from patent_spark.tracking.runs import create_run, tracking_uri

    config = configured(copy.root)
    run = create_run(config, "technology", {"release_id": "tiny"})
    run.end()
    for task, run_id in (("technology", run.run_id), ("citation_level", "0" * 32)):
        path = copy.directory("MODEL") / task / "task.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"run_id": run_id}))
    run_stage("evaluate", config)
    client = MlflowClient(tracking_uri(config))
    logged = client.get_run(run.run_id).data.metrics
    assert logged["test/accuracy"] == pytest.approx(copy.read_json("METRICS", "technology.json")["accuracy"])
    assert logged["test/bayes_optimal_accuracy"] == 0.92
    assert {each.path for each in client.list_artifacts(run.run_id, "report")} == {
        "report/report.html", "report/figures", "report/technology.json", "report/citation_level.json",
    }  # fmt: skip
    assert (
        logged["test/ece_after_calibration"]
        == copy.read_json("METRICS", "technology.json")["calibration"]["after"]["ece"]
    )
    # A run that is gone does not fail the evaluation; it is reported.
    assert "evaluate citation_level: could not log the report to MLflow" in capsys.readouterr().err


def test_a_sample_is_seeded_and_without_repeats(evaluated):
    folder = evaluated.directory("EXAMPLES") / "technology" / "train"
    whole, some, again, other = (
        sample_examples(folder, MAX_TOKENS, 400, limit, seed)
        for limit, seed in ((400, 1), (70, 1), (70, 1), (70, 2))
    )
    row_of = {key: i for i, key in enumerate(whole.keys.tolist())}
    assert set(row_of) == set(range(5_000_000, 5_000_400))
    keys = some.keys.tolist()
    assert len(set(keys)) == len(keys) == 70
    assert keys == again.keys.tolist() != other.keys.tolist()
    rows = [row_of[key] for key in keys]
    assert (some.truth == whole.truth[rows]).all()
    assert (some.tokens == whole.tokens[rows]).all()
    none = sample_examples(folder.parent / "nothing", MAX_TOKENS, 0, 70, 1)
    assert (len(none.keys), none.truth.shape, none.tokens.shape) == (0, (0,), (0, MAX_TOKENS))
