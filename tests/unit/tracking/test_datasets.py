"""Splits of EXAMPLES as dataset inputs of real MLflow runs in SQLite."""

import json

import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config
from patent_spark.core.store import Store
from patent_spark.tracking.datasets import example_sets
from patent_spark.tracking.runs import create_run, tracking_uri
from tests.support.training_warehouse import publish_examples


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return publish_examples(tmp_path_factory.mktemp("datasets"), train=100, development=20)


def inputs_of(config, run_id):
    return MlflowClient(tracking_uri(config)).get_run(run_id).inputs.dataset_inputs


def test_a_run_names_release_rows_place_and_use_of_each_split(store):
    config, _ = load_config(sets=[f"warehouse.root={store.root}"])
    run = create_run(config, "technology", {})
    sets = example_sets(store, "technology", ("train", "development", "test"))
    run.log_datasets(sets)
    run.log_datasets(sets)  # as a second evaluation does
    logged = {each.tags[0].value: each.dataset for each in inputs_of(config, run.run_id)}
    assert {use: dataset.name for use, dataset in logged.items()} == {
        "training": "tiny train",
        "development": "tiny development",
    }
    assert len(inputs_of(config, run.run_id)) == 2
    training = logged["training"]
    assert json.loads(training.profile) == {"num_rows": 100, "release_id": "tiny", "split": "train"}
    assert json.loads(training.source)["uri"] == str(store.directory("EXAMPLES") / "technology" / "train")
    columns = [column["name"] for column in json.loads(training.schema)["mlflow_colspec"]]
    assert columns == ["patent_key", "position", "label", "length", "tokens"]


def test_the_digest_is_that_of_the_examples(store, tmp_path):
    def digests(other):
        return [each.dataset.digest for each in example_sets(other, "technology", ("train", "development"))]

    same = publish_examples(tmp_path / "same", train=100, development=20)
    changed = publish_examples(tmp_path / "changed", train=100, development=20, seed=2)
    assert digests(same) == digests(store)
    assert not set(digests(changed)) & set(digests(store))


def test_every_other_split_is_a_test_set(store):
    (dataset,) = example_sets(store, "technology", ["train"])
    assert dataset.tags[0].key == "mlflow.data.context"
    assert example_sets(Store(store.root / "none"), "technology", ["train"]) == []
