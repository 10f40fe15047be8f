"""Addresses of MLflow's UI, and links in the description of a run."""

import json
from urllib.parse import parse_qs

import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config, with_settings
from patent_spark.tracking.runs import TrackingError, create_run, tracking_uri
from patent_spark.tracking.ui import (
    artifact_link,
    comparison_link,
    comparison_page,
    runs_page,
    ui_lines,
    with_links,
)
from tests.support.cluster import free_port


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return load_config(sets=[f"warehouse.root={tmp_path_factory.mktemp('ui')}"])[0]


@pytest.fixture(scope="module")
def run(config):
    return create_run(config, "technology", {"release_id": "r7"})


def described(config, run):
    return MlflowClient(tracking_uri(config)).get_run(run.run_id).data.tags["mlflow.note.content"]


def test_the_runs_page_is_that_of_the_experiment_in_the_part_model_training(config, run):
    assert runs_page(config) == "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"


def test_without_the_experiment_or_an_answer_it_is_the_page_of_all(config, run, tmp_path):
    other = with_settings(config, {"tracking.experiment": "none"})
    assert runs_page(other).endswith("/#/experiments?workflowType=machine_learning")
    uri = f"http://someone:secret@127.0.0.1:{free_port()}/"
    away, _ = load_config(sets=[f"warehouse.root={tmp_path}", f"tracking.uri={uri}"])
    page = runs_page(away)
    assert page.endswith(uri.rpartition("@")[2] + "#/experiments?workflowType=machine_learning")
    assert "secret" not in page
    assert ui_lines(away, page) == [f"MLflow     {page}"]


def test_a_database_needs_the_command_that_opens_it(config):
    command, first, second = ui_lines(config, "http://a", "http://b")
    assert command.endswith(f"/mlflow ui --backend-store-uri {tracking_uri(config)}")
    assert (first.split()[-1], second.split()[-1]) == ("http://a", "http://b")


def test_a_comparison_names_runs_and_their_experiments(config, run):
    other = create_run(config, "technology", {"release_id": "r8"})
    link = comparison_link(config, [run.run_id, other.run_id])
    path, _, query = link.partition("?")
    values = {name: value[0] for name, value in parse_qs(query).items()}
    assert path == "#/compare-runs"
    assert json.loads(values["runs"]) == [run.run_id, other.run_id]
    assert json.loads(values["experiments"]) == ["1"]
    assert not set(link) & set('()[] "')  # they would end a link in Markdown
    assert comparison_page(config, [run.run_id, other.run_id]) == f"http://127.0.0.1:5000/{link}"
    with pytest.raises(TrackingError):
        comparison_link(config, ["0" * 32])


def test_a_report_is_linked_from_the_description(config, run, tmp_path):
    settings = described(config, run)
    (tmp_path / "report.html").write_text("<p>")
    run.log_report(tmp_path)
    run.log_report(tmp_path, "audit")
    run.log_report(tmp_path)
    links, _, rest = described(config, run).partition("\n\n")
    folder = f"#/experiments/1/runs/{run.run_id}/artifacts"
    assert links == (
        f"[evaluation report]({folder}/report/report.html?workflowType=machine_learning) · "
        f"[audit]({folder}/audit/report.html?workflowType=machine_learning)"
    )
    assert rest == settings
    (tmp_path / "report.html").unlink()
    run.log_report(tmp_path, "figures")
    assert "figures" not in described(config, run)


def test_links_stand_before_the_text_and_replace_those_of_the_same_title():
    once = with_links("What a person wrote.\n\nMore.", {"a": "#/1"})
    assert once == "[a](#/1)\n\nWhat a person wrote.\n\nMore."
    assert with_links(once, {"b": "#/2", "a": "#/3"}) == (
        "[a](#/3) · [b](#/2)\n\nWhat a person wrote.\n\nMore."
    )
    assert with_links("", {"a": "#/1"}) == "[a](#/1)"
    assert artifact_link("1", "r", "a b/c.html").startswith("#/experiments/1/runs/r/artifacts/a%20b/c.html?")
