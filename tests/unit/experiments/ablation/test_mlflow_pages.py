"""The runs of an ablation side by side in MLflow."""

import types

import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config
from patent_spark.experiments.ablation.mlflow_pages import link_comparisons, run_ids_by_title
from patent_spark.tracking.runs import create_run, tracking_uri


def variant(**run_ids):
    tasks = {task: types.SimpleNamespace(run_id=run_id) for task, run_id in run_ids.items()}
    return types.SimpleNamespace(tasks=tasks)


def test_each_model_has_a_comparison_and_a_joint_one_only_one():
    two = [variant(technology="a", citation_level="b"), variant(technology="c", citation_level="d")]
    assert run_ids_by_title(two) == {
        "technology side by side": ["a", "c"],
        "citation level side by side": ["b", "d"],
    }
    joint = [variant(technology="a", citation_level="a"), variant(technology="c", citation_level="c")]
    assert run_ids_by_title(joint) == {"technology and citation level side by side": ["a", "c"]}
    assert run_ids_by_title([variant(technology="a"), variant(technology="")]) == {}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return load_config(sets=[f"warehouse.root={tmp_path_factory.mktemp('ablation')}"])[0]


def test_the_parent_links_to_it_and_the_terminal_says_how_to_open_it(config):
    parent = create_run(config, "ablation", {})
    ids = [create_run(config, "technology", {}).run_id for _ in range(2)]
    lines = link_comparisons(config, parent, [variant(technology=run_id) for run_id in ids])
    note = MlflowClient(tracking_uri(config)).get_run(parent.run_id).data.tags["mlflow.note.content"]
    assert note.startswith("[technology side by side](#/compare-runs?runs=")
    (address,) = [line.split()[-1] for line in lines if "compare-runs" in line]
    assert all(run_id in address and run_id in note for run_id in ids)


def test_a_run_that_is_gone_is_said(config, capsys):
    parent = create_run(config, "ablation", {})
    assert link_comparisons(config, parent, [variant(technology="0" * 32)]) == []
    assert "0" * 32 in capsys.readouterr().err
