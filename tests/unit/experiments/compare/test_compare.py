"""patent-spark compare on real MLflow runs in SQLite: terminal, page, JSON, and runs that do not compare."""

import dataclasses
import json

import numpy as np
import pytest

from patent_spark import cli
from patent_spark.config import ConfigError
from patent_spark.experiments.compare.collect import collect, different_levels
from patent_spark.experiments.compare.report_schema import RunComparison
from patent_spark.experiments.compare.warnings import comparison_warnings
from patent_spark.metrics.prediction_records import RUN_FOLDER, write_sample
from patent_spark.metrics.report_schema import Metric
from patent_spark.stages.register.candidate_vs_champion import candidate_predictions
from patent_spark.tracking.history import find_run
from patent_spark.tracking.runs import create_run
from tests.support.errors import raises
from tests.support.html_page import Page
from tests.support.predictions import certain, patents_of
from tests.support.registration_warehouse import configured, evaluated_and_audited


def logged(store, task, predictions, *sets, epochs=2, finished=True, release_id="tiny"):
    """A run with curves, and with report and predictions if it was evaluated."""
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
def logged_runs(tmp_path_factory):
    """The warehouse, run ids by name, and how many patents more the run `better` predicts correctly."""
    store = evaluated_and_audited(tmp_path_factory.mktemp("compare") / "w")
    predictions = candidate_predictions(store, "technology")
    truth = predictions.patents.truth
    wrong = np.flatnonzero(predictions.predicted != truth)
    predicted = predictions.predicted.copy()
    predicted[wrong[:20]] = truth[wrong[:20]]
    better = dataclasses.replace(predictions, predicted=predicted)
    other_settings = ("train.epochs=3", "model.units=7", "tracking.run_name=wide")
    runs = {
        "one": logged(store, "technology", predictions, "train.epochs=1"),
        "better": logged(store, "technology", better, *other_settings, epochs=3),
        "fewer": logged(store, "technology", predictions.take(np.arange(50)), release_id="tiny-2"),
        "swept": logged(store, "technology", None, finished=False),
        "joint": logged(store, "joint", predictions),
        "level": logged(store, "citation_level", None),
    }
    return store, runs, min(20, len(wrong))


def compare_runs(capsys, logged_runs, *names):
    """Exit code, stdout, stderr and folder of `patent-spark compare`; names: keys of `runs`, or as given."""
    store, runs, _ = logged_runs
    ids = [runs.get(name, name) for name in names]
    sets = [f"warehouse.root={store.root}", "evaluate.resamples=300"]
    code = cli.main(["compare", *ids, *(part for each in sets for part in ("--set", each))])
    out, err = capsys.readouterr()
    return code, out, err, store.root / "compare" / "-".join(run_id[:8] for run_id in ids)


def comparison_in(folder):
    return RunComparison.model_validate_json((folder / "compare.json").read_text())


def warnings_of(folder):
    """Messages by code; all of them stand on the page."""
    warnings = {each.code: each.message for each in comparison_warnings(comparison_in(folder))}
    page = Page((folder / "compare.html").read_text())
    assert all(message in page.text for message in warnings.values())
    return warnings


def test_two_runs_with_the_same_test_patents(logged_runs, capsys):
    _, runs, more = logged_runs
    code, out, err, folder = compare_runs(capsys, logged_runs, "one", "better")
    assert (code, err) == (cli.DONE, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith(f"baseline run {runs['one'][:8]} technology tiny, 20")
    gained = more / 90
    accuracy = next(line for line in lines if line.startswith("accuracy"))
    assert f"+{100 * gained:.1f} (+" in accuracy
    assert any("accuracy" in line and "better" in line for line in lines)
    assert "model.units 128 -> 7; train.epochs 1 -> 3" in out
    assert lines[-1] == f"page {folder / 'compare.html'}"
    assert "/#/compare-runs?" in lines[-2] and all(runs[name] in lines[-2] for name in ("one", "better"))

    comparison = comparison_in(folder)
    assert [run.run_id for run in comparison.runs] == [runs["one"], runs["better"]]
    settings = {name: pair.values for name, pair in comparison.settings.items()}
    assert settings == {"model.units": ("128", "7"), "train.epochs": ("1", "3")}
    task = comparison.tasks["technology"]
    paired = task.paired["all"]
    assert (paired.patents, task.not_paired) == (90, None)
    difference = paired.differences[Metric.ACCURACY]
    assert (difference.difference, difference.verdict) == (pytest.approx(gained), "better")
    low, high = difference.interval
    assert 0 < low < gained < high
    epochs, values = zip(*task.candidate.curves["dev_accuracy"], strict=True)
    assert (epochs, values) == ((1, 2, 3), pytest.approx((0.0, 0.1, 0.2)))
    assert warnings_of(folder) == {}


def test_the_page_of_two_runs(logged_runs, capsys):
    store, runs, _ = logged_runs
    _, _, _, folder = compare_runs(capsys, logged_runs, "one", "better")
    page = Page((folder / "compare.html").read_text())
    assert not page.fetched
    for words in ("the candidate run is better", "the same 90 test patents", runs["one"], runs["better"]):
        assert words in page.text, words
    metrics = json.loads((store.directory("METRICS") / "technology.json").read_text())
    labels = page.table("label", "patents")
    supports = [[label, str(each["support"])] for label, each in metrics["per_class"].items()]
    assert [row[:2] for row in labels[1:]] == supports
    assert page.table("setting")[1:] == [["model.units", "128", "7"], ["train.epochs", "1", "3"]]
    assert ["release", "tiny", "tiny"] in page.tables[-1]
    assert (folder / "figures" / "technology_curves.png").exists()


def test_different_test_patents_have_no_paired_difference(logged_runs, capsys):
    code, out, _, folder = compare_runs(capsys, logged_runs, "one", "fewer")
    assert code == cli.DONE
    task = comparison_in(folder).tasks["technology"]
    assert (task.paired, task.not_paired.code) == (None, "different_test_patents")
    warnings = warnings_of(folder)
    assert set(warnings) == {"different_releases", "not_paired"}
    assert all(words in warnings["not_paired"] for words in ("Technology class", "90", "50"))
    assert all(words in warnings["different_releases"] for words in ("tiny", "tiny-2"))
    assert all(message in out for message in warnings.values())
    assert "run is better" not in out


def test_a_run_that_was_not_evaluated_or_is_running_is_shown_as_far_as_it_got(logged_runs, capsys):
    code, out, _, folder = compare_runs(capsys, logged_runs, "one", "swept")
    assert code == cli.DONE
    short = logged_runs[1]["swept"][:8]
    task = comparison_in(folder).tasks["technology"]
    assert (task.paired, task.not_paired.code) == (None, "not_evaluated")
    warnings = warnings_of(folder)
    assert set(warnings) == {"run_not_finished", "not_paired"}
    assert all(short in message and message in out for message in warnings.values())
    assert "RUNNING" in warnings["run_not_finished"]
    assert (folder / "figures" / "technology_curves.png").exists()


def test_a_joint_run_beside_one_of_its_tasks(logged_runs, capsys):
    code, _, _, folder = compare_runs(capsys, logged_runs, "one", "joint")
    assert code == cli.DONE
    comparison = comparison_in(folder)
    assert set(comparison.tasks) == {"technology"}
    task = comparison.tasks["technology"]
    assert task.candidate.curves["dev_accuracy"] == ((1, 0.0), (2, pytest.approx(0.1)))
    assert task.paired["all"].differences[Metric.ACCURACY].difference == 0


def test_runs_are_found_by_the_beginning_of_an_id(logged_runs, capsys):
    store, runs, _ = logged_runs
    config = configured(store.root)
    one, level = (find_run(config, runs[name][:10]) for name in ("one", "level"))
    with raises(ConfigError, baseline=runs["one"][:8], candidate=runs["level"][:8]):
        collect(config, one, level)
    with raises(ConfigError, run=runs["one"]):
        collect(config, one, one)
    code, _, err, _ = compare_runs(capsys, logged_runs, runs["one"][:10], runs["level"][:10])
    assert code == cli.MISUSED and "citation_level" in err
    code, _, err, _ = compare_runs(capsys, logged_runs, "one", "zzz")
    assert code == cli.MISUSED and "zzz" in err and runs["level"][:8] in err
    code, _, err, _ = compare_runs(capsys, logged_runs, "one", "technology tiny")
    assert code == cli.MISUSED and "technology tiny" in err and "3" in err


def test_runs_of_two_levels_of_the_cpc_are_not_paired():
    def sample(*labels):
        return certain(patents_of([0, 1], labels), [0, 1]), 2

    classes, subclasses = sample("A01", "H04"), sample("A01B", "H04L")
    reason = different_levels([classes, subclasses])
    assert reason.code == "different_labels"
    assert "classes" in reason.message and "subclasses" in reason.message
    assert different_levels([classes, sample("A01", "B60")]) is None
