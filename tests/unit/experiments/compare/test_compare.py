"""patent-spark compare on real runs of MLflow in SQLite: what the terminal, the page and the JSON say, and wrong runs."""

import dataclasses
import json

import numpy as np
import pytest

from patent_spark import cli
from patent_spark.metrics.prediction_records import RUN_FOLDER, write_sample
from patent_spark.stages.register.candidate_vs_champion import candidate_predictions
from patent_spark.tracking.runs import create_run
from tests.support.html_page import Page
from tests.support.registration_warehouse import configured, evaluated_and_audited


def logged(store, task, predictions, *sets, epochs=2, finished=True, release_id="tiny"):
    """A run with curves, and with the report and predictions of an evaluation if there are any."""
    config = configured(store.root, *sets)
    run = create_run(config, task, {"release_id": release_id, "code": "0.1"})
    prefix = "technology_" if task == "joint" else ""
    run.log_epochs(
        [
            {"epoch": epoch + 1, "train_loss": 2 / (epoch + 1), f"dev_{prefix}accuracy": 0.1 * epoch}
            for epoch in range(epochs)
        ]
    )
    if predictions is not None:
        run.log_report(store.directory("REPORT"))
        path = store.root / "technology.parquet"
        write_sample(path, predictions, 10**6)
        run.log_file(path, RUN_FOLDER)
    if finished:
        run.end()
    return run.run_id


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The warehouse, and runs: two of the same test patents, of which the second one is right on twenty patents more."""
    store = evaluated_and_audited(tmp_path_factory.mktemp("compare") / "w")
    predictions = candidate_predictions(store, "technology")
    truth = predictions.patents.truth
    wrong = np.flatnonzero(predictions.predicted != truth)
    predicted = predictions.predicted.copy()
    predicted[wrong[:20]] = truth[wrong[:20]]
    better = dataclasses.replace(predictions, predicted=predicted)
    runs = {
        "one": logged(store, "technology", predictions, "train.epochs=1"),
        "better": logged(
            store, "technology", better, "train.epochs=3", "model.units=7", "tracking.run_name=wide", epochs=3
        ),
        "fewer": logged(store, "technology", predictions.take(np.arange(50)), release_id="tiny-2"),
        "swept": logged(store, "technology", None, finished=False),
        "joint": logged(store, "joint", predictions),
        "level": logged(store, "citation_level", None),
    }
    return store, runs, min(20, len(wrong))


def compared(capsys, world, *names):
    store, runs, _ = world
    said = [runs.get(name, name) for name in names]
    code = cli.main(
        ["compare", *said, "--set", f"warehouse.root={store.root}", "--set", "evaluate.resamples=300"]
    )
    out, err = capsys.readouterr()
    folder = store.root / "compare" / "-".join(run_id[:8] for run_id in said)
    return code, out, err, folder


def test_two_runs_of_the_same_test_patents(world, capsys):
    store, runs, more = world
    code, out, err, folder = compared(capsys, world, "one", "better")
    assert (code, err) == (cli.DONE, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith(f"run 1 {runs['one'][:8]} technology tiny, 20")
    gained = more / 90
    accuracy = next(line for line in lines if line.startswith("accuracy"))
    assert f"+{100 * gained:.1f} (+" in accuracy
    assert "points of accuracy: run 2 is better" in lines
    assert "settings that differ: model.units 128 -> 7; train.epochs 1 -> 3" in lines
    assert lines[-1] == f"page {folder / 'compare.html'}"

    found = json.loads((folder / "compare.json").read_text())
    assert [run["run_id"] for run in found["runs"]] == [runs["one"], runs["better"]]
    assert found["settings"] == {"model.units": ["128", "7"], "train.epochs": ["1", "3"]}
    told = found["tasks"]["technology"]["paired"]["all"]
    assert told["patents"] == 90
    assert told["differences"]["accuracy"]["difference"] == pytest.approx(gained)
    low, high = told["differences"]["accuracy"]["interval"]
    assert 0 < low < gained < high
    assert found["tasks"]["technology"]["curves"][1]["dev_accuracy"] == [
        [1, 0.0],
        [2, pytest.approx(0.1)],
        [3, pytest.approx(0.2)],
    ]

    page = Page((folder / "compare.html").read_text())
    assert not page.fetched
    for words in (
        "run 2 is better",
        "Both runs judged the same 90 test patents",
        "By epoch: development solid",
        runs["one"],
        runs["better"],
    ):
        assert words in page.text, words
    metrics = json.loads((store.directory("METRICS") / "technology.json").read_text())
    labels = page.table("label", "patents")
    assert [row[:2] for row in labels[1:]] == [
        [label, str(each["support"])] for label, each in metrics["per_class"].items()
    ]
    assert page.table("setting")[1:] == [["model.units", "128", "7"], ["train.epochs", "1", "3"]]
    assert ["release", "tiny", "tiny"] in page.tables[-1]


def test_other_test_patents_have_no_difference(world, capsys):
    code, out, _, folder = compared(capsys, world, "one", "fewer")
    assert code == cli.DONE
    reason = next(line for line in out.splitlines() if "no difference is told" in line)
    assert all(fact in reason for fact in ("Technology class", "90", "50"))
    assert "The releases differ: tiny and tiny-2." in out
    assert json.loads((folder / "compare.json").read_text())["tasks"]["technology"]["paired"] is None
    assert "run 2 is better" not in out
    assert "no difference is told" in (folder / "compare.html").read_text()


def test_a_run_that_was_not_evaluated_or_goes_on_is_shown_as_far_as_it_came(world, capsys):
    code, out, _, folder = compared(capsys, world, "one", "swept")
    assert code == cli.DONE
    short = world[1]["swept"][:8]
    assert f"no difference is told, as {short} was not evaluated." in out
    assert f"{short} is RUNNING, so its figures are not the last." in out
    assert (folder / "figures" / "technology_curves.png").exists()


def test_a_joint_run_beside_one_of_its_tasks(world, capsys):
    code, _, _, folder = compared(capsys, world, "one", "joint")
    assert code == cli.DONE
    found = json.loads((folder / "compare.json").read_text())
    assert set(found["tasks"]) == {"technology"}
    assert found["tasks"]["technology"]["curves"][1]["dev_accuracy"] == [[1, 0.0], [2, pytest.approx(0.1)]]
    assert found["tasks"]["technology"]["paired"]["all"]["differences"]["accuracy"]["difference"] == 0


def test_runs_are_found_by_the_beginning_of_an_id_and_wrong_ones_are_said(world, capsys):
    _, runs, _ = world
    code, _, err, _ = compared(capsys, world, runs["one"][:10], runs["level"][:10])
    assert code == cli.MISUSED
    assert (
        f"{runs['one'][:8]} is of technology and {runs['level'][:8]} is of citation_level: there is nothing to compare"
        in err
    )
    code, _, err, _ = compared(capsys, world, "one", "zzz")
    assert code == cli.MISUSED
    assert err.startswith(
        f"patent-spark: no run in MLflow has an id or a name like zzz; the newest are: {runs['level'][:8]} (citation_level tiny, 20"
    )
    code, _, err, _ = compared(capsys, world, "one", "technology tiny")
    assert code == cli.MISUSED
    assert "technology tiny could be any of 3 runs; give the beginning of an id: " in err
    code, _, err, _ = compared(capsys, world, "one", "one")
    assert (code, err) == (cli.MISUSED, f"patent-spark: both are the run {runs['one']}; name two\n")
