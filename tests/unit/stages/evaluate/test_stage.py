"""The stage on a small warehouse with real Keras models; its outputs are checked with pandas and
scikit-learn."""

import base64
import json
import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    label_ranking_average_precision_score,
    log_loss,
    roc_auc_score,
)

from patent_spark.config import load_config
from patent_spark.core.code_version import code_digest
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import IngestMetadata, ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.scorer import Scorer, current_scorer
from patent_spark.metrics.baselines import BASELINES, NAMES
from patent_spark.metrics.calibration import Calibration, tempered
from patent_spark.metrics.report_schema import Metric, read_metrics
from patent_spark.pipeline import run_stage
from patent_spark.stages.evaluate.examples import sample_examples
from patent_spark.stages.evaluate.mlflow_logging import logged_metrics
from tests.support.errors import raises
from tests.support.evaluation_warehouse import MAX_TOKENS, TWINS, publish_warehouse
from tests.support.factories import publish
from tests.support.html_page import Page


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return publish_warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="module")
def evaluated(warehouse):
    run_stage("evaluate", configured(warehouse.root))
    return warehouse


@pytest.fixture
def copy(warehouse, tmp_path):
    """The warehouse before evaluation, to break."""
    shutil.copytree(warehouse.root, tmp_path / "w", ignore=shutil.ignore_patterns("evaluate", "logs"))
    return Store(tmp_path / "w")


def metrics_file(store, task):
    return json.loads((store.directory("METRICS") / f"{task}.json").read_text())


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
    labels = metrics_file(evaluated, "technology")["labels"]
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
    metrics = metrics_file(evaluated, "technology")["calibration"]
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
    assert metrics_file(evaluated, "citation_level")["calibration"]["learned_on"] is None
    assert capsys.readouterr().err == ""


def test_a_combined_model_is_reported_by_its_parts_and_served_as_a_whole(copy):
    run_stage("evaluate", configured(copy.root, "tasks=technology", "evaluate.combine=linear"))
    combination = Calibration.read(copy.directory("CALIBRATION") / "technology.json").combination
    linear = LinearModel.read(copy.directory("LINEAR") / "technology.npz")
    assert (combination.linear_digest, combination.patents) == (linear.digest, 50)
    predicted = copy.read_arrow("PREDICTIONS").to_pandas().sort_values("patent_id")
    baselines = copy.read_arrow("BASELINE_PREDICTIONS").to_pandas()
    metrics = metrics_file(copy, "technology")
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


def test_families_and_sections(evaluated):
    """TWINS share their abstracts in pairs; every third patent is of class H04, the others of A01."""
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    assert actual.family.nunique() == len(actual) - 10
    shared = actual[actual.family.duplicated(keep=False)]
    assert set(shared.patent_id.astype(int)) == set(TWINS)
    metrics = metrics_file(evaluated, "technology")
    assert metrics["families"] == 80
    section = np.where(actual.patent_id.astype(int) % 3, "A", "H")
    for name, part in metrics["by_section"].items():
        mine = actual[(actual.task == "technology") & (section == name)]
        assert (part["examples"], part["accuracy"]) == (
            len(mine),
            pytest.approx((mine.truth == mine.predicted).mean()),
        )
        low, high = part["intervals"]["accuracy"]
        assert low < part["accuracy"] < high
    assert set(metrics["by_section"]) == {"A", "H"}
    assert "by_class" not in metrics  # its labels are the classes
    by_class = metrics_file(evaluated, "citation_level")["by_class"]
    assert {name: part["examples"] for name, part in by_class.items()} == {
        name: ((actual.task == "citation_level") & (section == name[0])).sum() for name in ("A01", "H04")
    }


def test_the_difference_to_the_best_baseline(evaluated):
    for task in ("technology", "citation_level"):
        metrics = metrics_file(evaluated, task)
        for part in (metrics, *metrics["splits"].values(), *metrics["by_section"].values()):
            others = {name: each["accuracy"] for name, each in part["baselines"].items()}
            best = part["best_baseline"]["accuracy"]
            assert others[best["baseline"]] == max(others.values())
            assert best["difference"] == pytest.approx(part["accuracy"] - max(others.values()))
            low, high = best["interval"]
            assert low <= best["difference"] <= high
            assert best["verdict"] == ("better" if low > 0 else "worse" if high < 0 else "no better than")
            assert part["baselines"][best["baseline"]]["model_better_by"]["accuracy"] == {
                name: best[name] for name in best if name != "baseline"
            }


@pytest.mark.parametrize("task", ["technology", "citation_level"])
def test_metrics_follow_from_the_predictions(evaluated, task):
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    actual = actual[actual.task == task]
    metrics = metrics_file(evaluated, task)
    for part, values in [
        (actual, metrics),
        *((actual[actual.split == split], values) for split, values in metrics["splits"].items()),
    ]:
        assert values["examples"] == len(part)
        assert values["accuracy"] == pytest.approx(accuracy_score(part.truth, part.predicted))
        assert values["macro_f1"] == pytest.approx(
            f1_score(part.truth, part.predicted, average="macro", zero_division=0)
        )
        assert values["weighted_f1"] == pytest.approx(
            f1_score(part.truth, part.predicted, average="weighted", zero_division=0)
        )
        assert (
            values["confusion"]["matrix"]
            == confusion_matrix(part.truth, part.predicted, labels=metrics["labels"]).tolist()
        )
    score = np.stack(actual.probabilities)
    truth = np.eye(len(metrics["labels"]))[[metrics["labels"].index(label) for label in actual.truth]]
    assert metrics["brier"] == pytest.approx(((score - truth) ** 2).sum(axis=1).mean(), rel=1e-5)
    if task == "citation_level":
        numbers = [[LEVELS.index(label) for label in column] for column in (actual.truth, actual.predicted)]
        assert metrics["kappa"] == pytest.approx(
            cohen_kappa_score(*numbers, labels=range(4), weights="quadratic")
        )
        assert metrics["top1"]["brier"] == pytest.approx(
            brier_score_loss(actual.truth == "top1", score[:, 0])
        )
        assert metrics["by_year"] == {
            "2011": metrics["splits"]["test_2011"],
            "2012": metrics["splits"]["test_2012"],
        }
        assert metrics["top1"]["pr_auc"] == pytest.approx(
            average_precision_score(actual.truth == "top1", score[:, 0])
        )
        assert metrics["top1"]["roc_auc"] == pytest.approx(roc_auc_score(actual.truth == "top1", score[:, 0]))
    else:
        rank = [
            (row > row[metrics["labels"].index(truth)]).sum()
            for row, truth in zip(score, actual.truth, strict=True)
        ]
        assert metrics["top5_accuracy"] == pytest.approx(np.mean(np.array(rank) < 5))
        assert metrics["top3_accuracy"] == pytest.approx(np.mean(np.array(rank) < 3))


def test_all_codes_of_the_patents_are_looked_for(evaluated):
    """Each patent has its label, one in three the next one too; Y10 is additional and does not count."""
    metrics, rows = metrics_file(evaluated, "technology"), evaluated.read_arrow("PREDICTIONS").to_pandas()
    assert "all_codes" not in metrics_file(evaluated, "citation_level")
    assert rows[rows.task == "citation_level"].code_count.isna().all()
    rows, labels = rows[rows.task == "technology"], metrics["labels"]
    truth = np.zeros((len(rows), len(labels)), bool)
    for row, (key, label) in enumerate(zip(rows.patent_key, rows.truth, strict=True)):
        place = labels.index(label)
        truth[row, [place, (place + 1) % len(labels)][: 1 + (key % 3 == 0)]] = True
        assert set(rows.codes.iloc[row]) == {labels[i] for i in np.flatnonzero(truth[row])}
    scores = np.stack(rows.probabilities)
    expected = {
        "labels": truth.sum(axis=1).mean(),
        "ranking_precision": label_ranking_average_precision_score(truth, scores),
    }
    for cut in (1, 3, 5):
        first = np.argsort(-scores, axis=1)[:, :cut]
        found = np.take_along_axis(truth, first, axis=1).sum(axis=1)
        expected[f"precision_at_{cut}"] = found.mean() / cut
        expected[f"recall_at_{cut}"] = (found / truth.sum(axis=1)).mean()
    actual = dict(metrics["all_codes"])
    low, high = actual.pop("intervals")["ranking_precision"]
    assert actual == pytest.approx(expected, abs=1e-5)
    assert low < actual["ranking_precision"] < high
    assert 0 < actual["precision_at_1"] - metrics["accuracy"] < 0.1  # any code counts, not only the first
    frequent = pq.read_table(evaluated.directory("EXAMPLES") / "technology" / "train").to_pandas()
    frequent = frequent.label[frequent.patent_key >= 0].value_counts().sort_index()
    order = (
        frequent.reindex(range(len(labels)), fill_value=0).sort_values(ascending=False, kind="stable").index
    )
    for name in ("majority", "class_prior"):
        recall = (truth[:, order[:3]].sum(axis=1) / truth.sum(axis=1)).mean()
        assert metrics["baselines"][name]["all_codes"]["recall_at_3"] == pytest.approx(recall, abs=1e-5)
    assert metrics["baselines"]["tfidf_linear"]["all_codes"]["precision_at_1"] > 0.75


def test_baselines_stand_on_the_same_patents(evaluated):
    train = pq.read_table(evaluated.directory("EXAMPLES") / "technology" / "train").to_pandas()
    train = train[train.patent_key >= 0]
    metrics = metrics_file(evaluated, "technology")
    labels = metrics["labels"]
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    truth = actual.truth[actual.task == "technology"]
    majority = labels[train.label.mode()[0]]
    assert metrics["baselines"]["majority"]["accuracy"] == pytest.approx((truth == majority).mean())
    shares = train.label.map(lambda label: labels[label]).value_counts(normalize=True)
    assert metrics["baselines"]["class_prior"]["accuracy"] == pytest.approx(
        truth.map(shares).fillna(0).mean()
    )
    linear = metrics["baselines"]["tfidf_linear"]
    assert linear["training_examples"] == 400
    assert linear["accuracy"] > 0.75  # 85 % of the texts speak of their own class
    assert all(values["examples"] == 90 for values in metrics["baselines"].values())
    assert {name: each["accuracy"] for name, each in metrics["references"].items()} == {
        "bayes_optimal": 0.92,
        "bayes_optimal_bag_of_words": 0.8,
    }


def percent(value):
    return f"{100 * value:.1f} %"


def ends(interval):
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def signed(value):
    return f"{100 * value:+.1f}".replace("-", "−")


def test_the_report_says_what_it_must(evaluated):
    page = Page((evaluated.directory("REPORT") / "report.html").read_text())
    technology, level = metrics_file(evaluated, "technology"), metrics_file(evaluated, "citation_level")
    for metrics in (technology, level):
        assert f"{100 * metrics['accuracy']:.1f} %" in page.text
        assert metrics["warnings"], "so few test patents call for a warning"
        for warning in metrics["warnings"]:
            assert warning["message"] in page.text
    assert "Simulated release tiny, data to 2018-05-29" in " ".join(page.text.split())
    # The headline is the difference to the best baseline.
    best = technology["best_baseline"]["accuracy"]
    low, high = best["interval"]
    difference, span = signed(best["difference"]), f"{signed(low)} to {signed(high)}"
    values = f"{difference} points of accuracy ({span}): {best['verdict']}"
    assert values in " ".join(page.text.split())
    # Baselines and references beside the model, each with its interval.
    comparison = page.table("", "this model")
    assert comparison[0] == [
        "",
        "this model",
        *(NAMES[name] for name in reversed(BASELINES)),
        *(reference["title"] for reference in technology["references"].values()),
    ]
    columns = [technology, *(technology["baselines"][name] for name in reversed(BASELINES))]
    assert comparison[1] == [
        "accuracy",
        *(f"{percent(each['accuracy'])} {ends(each['accuracy_interval'])}" for each in columns),
        "92.0 %",
        "80.0 %",
    ]
    leads = comparison[comparison.index(["by how much this model is better"]) + 1]
    assert leads[2].startswith(
        signed(technology["baselines"]["tfidf_linear"]["model_better_by"]["accuracy"]["difference"])
    )
    # A column for each test year.
    years = page.table("", "2011")
    assert years[0] == ["", "2011", "2012", "all years"]
    rows = {row[0]: row[1:] for row in reversed(years)}
    parts = [*(level["by_year"][year] for year in ("2011", "2012")), level]
    assert rows["accuracy"] == [
        f"{percent(part['accuracy'])} {ends(part['accuracy_interval'])}" for part in parts
    ]
    # Each section, and each label as in Appendix B.
    sections = page.table("CPC section")
    assert [row[0] for row in sections[1:]] == ["A Human necessities", "H Electricity"]
    assert [row[1] for row in sections[1:]] == [
        str(part["examples"]) for part in technology["by_section"].values()
    ]
    classes = page.table("label", "test patents")
    assert len(classes) == 1 + 8
    first = technology["per_class"]["A01"]
    assert classes[1][:2] == ["A01", str(first["support"])]
    assert [cell.split()[0] for cell in classes[1][2:5]] == [
        f"{first[name]:.3f}" for name in ("precision", "recall", "f1")
    ]
    # Appendix A: the probes that the vocabulary has, then others.
    words = page.table("word", "count")
    assert [row[0] for row in words[1:3]] == ["brain", "network"]
    assert len(words) == 1 + 9
    # Rows of the release, and the paper.
    assert ["PATENTS", "1,200", "4", "unknown date 3, no id 1"] in page.table("table")
    assert "59 / 57 / 55 / 53 / 51 %" in page.text


def test_the_report_needs_nothing_beside_it(evaluated):
    page = Page((evaluated.directory("REPORT") / "report.html").read_text())
    files = sorted((evaluated.directory("REPORT") / "figures").glob("*.png"))
    assert {file.stem for file in files} == {
        "technology_confusion_by_row", "technology_confusion_by_column", "technology_training",
        "technology_reliability",
        "citation_level_confusion_by_row", "citation_level_confusion_by_column",
        "citation_level_training", "citation_level_reliability",
        "citation_level_by_year", "citation_level_top1_by_year",
    }  # fmt: skip
    assert {base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in page.pictures} == {
        file.read_bytes() for file in files
    }
    for task in ("technology", "citation_level"):
        assert json.loads((evaluated.directory("REPORT") / f"{task}.json").read_text()) == metrics_file(
            evaluated, task
        )
    assert all(
        link.startswith(("data:", "#")) and (link[0] != "#" or link[1:] in page.ids) for link in page.links
    )


def republish_ingest(store, metadata):
    """Other facts."""
    return publish(store, "ingest", {}, metadata)


def test_one_task_of_a_real_release_with_sampled_texts(copy):
    republish_ingest(
        copy,
        copy.metadata(IngestMetadata).model_copy(
            update={"generator_rates": None, "data_to_date_from": "newest grant date"}
        ),
    )
    run_stage("evaluate", configured(copy.root, "tasks=citation_level", "evaluate.baseline_examples=100"))
    assert [path.name for path in copy.directory("METRICS").iterdir()] == ["citation_level.json"]
    assert metrics_file(copy, "citation_level")["baselines"]["tfidf_linear"]["training_examples"] == 100
    assert metrics_file(copy, "citation_level")["references"] == {}
    assert copy.manifest("evaluate").tables["PREDICTIONS"]["rows"] == 80
    page = Page((copy.directory("REPORT") / "report.html").read_text())
    assert "Simulated release" not in page.text
    assert page.table("", "this model")[0][-1] == "majority class"
    assert "newest grant date" in page.text
    assert run_stage(
        "evaluate", configured(copy.root, "tasks=citation_level", "evaluate.baseline_examples=100")
    ).skipped


def relabel(store, **settings):
    """Other settings in the manifest of the labels."""
    path = store.root / "label" / store.manifest("label").version / "manifest.json"
    path.write_text(
        json.dumps(
            json.loads(path.read_text())
            | {"settings": {f"label.{name}": value for name, value in settings.items()}}
        )
    )


def test_the_report_names_what_is_odd_about_the_data(copy):
    hole = "Patents granted 2012 to 2014 make hardly any citation"
    publish(copy, "quality", {}, {"warnings": [hole], "compared_with": None})
    run_stage("evaluate", configured(copy.root))
    page = Page((copy.directory("REPORT") / "report.html").read_text())
    assert f"Data: {hole}" in page.text
    assert "patent-spark quality" not in page.text


def test_a_report_without_a_look_at_the_data_says_so(evaluated):
    assert "patent-spark quality" in Page((evaluated.directory("REPORT") / "report.html").read_text()).text


def test_references_of_another_label_rule_are_not_shown(copy):
    rates = copy.metadata(IngestMetadata).generator_rates
    by_class = rates["citation_level"] | {"class_reference_set": {"accuracy": 0.625}}
    republish_ingest(
        copy,
        copy.metadata(IngestMetadata).model_copy(
            update={"generator_rates": rates | {"citation_level": by_class}}
        ),
    )
    for settings, accuracy in [
        ({"reference_set": "class", "horizon_months": 60}, 0.625),
        ({"reference_set": "class_year", "horizon_months": 36}, None),
    ]:
        relabel(copy, **settings)
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"), force=True)
        metrics = read_metrics(copy, "citation_level")
        parts = [metrics, *metrics.splits.values(), *metrics.by_year.values()]
        expected = {} if accuracy is None else {"bayes_optimal": accuracy}
        for part in parts:
            assert {name: each.accuracy for name, each in part.references.items()} == expected
        assert any("bayes_optimal" in name for name in logged_metrics(metrics)) == bool(expected)
        page = Page((copy.directory("REPORT") / "report.html").read_text())
        titles = [each.title for each in metrics.references.values()]
        assert page.table("", "this model")[0][2 + len(BASELINES) :] == titles
        assert ("no reference classifier" in page.text) == (not expected)


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
    assert logged["test/accuracy"] == pytest.approx(metrics_file(copy, "technology")["accuracy"])
    assert logged["test/bayes_optimal_accuracy"] == 0.92
    assert {each.path for each in client.list_artifacts(run.run_id, "report")} == {
        "report/report.html", "report/figures", "report/technology.json", "report/citation_level.json",
    }  # fmt: skip
    assert (
        logged["test/ece_after_calibration"]
        == metrics_file(copy, "technology")["calibration"]["after"]["ece"]
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


def outputs_of(store, *names):
    """Inode and content of each file."""
    files = [path for name in names for path in sorted(store.directory(name).rglob("*")) if path.is_file()]
    return {f"{path.parent.name}/{path.name}": (path.stat().st_ino, path.read_bytes()) for path in files}


PREDICTED = ("PREDICTIONS", "BASELINE_PREDICTIONS", "CALIBRATION", "BASELINES")


def changed_code(monkeypatch, *modules):
    """As if the code of these modules were another one, for the stage and for its steps."""
    from patent_spark import pipeline
    from patent_spark.stages.evaluate import steps

    def digest(module, **options):
        changed = any(module.endswith(name) for name in modules)
        return f"changed: {modules}" if changed else code_digest(module, **options)

    for place in (pipeline, steps):
        monkeypatch.setattr(place, "code_digest", digest)


def forbidden(*_, **__):
    raise AssertionError("this step has not changed")


def test_a_change_of_the_report_redoes_the_report_alone(copy, monkeypatch, capsys):
    run_stage("evaluate", configured(copy.root))
    first, before = copy.manifest("evaluate"), outputs_of(copy, *PREDICTED, "METRICS")
    changed_code(monkeypatch, "evaluate.stage")  # whose digest covers the template and the plots
    monkeypatch.setattr("patent_spark.stages.evaluate.predict.predict_task", forbidden)
    monkeypatch.setattr("patent_spark.stages.evaluate.measure.measure_task", forbidden)
    assert not run_stage("evaluate", configured(copy.root)).skipped
    second = copy.manifest("evaluate")
    assert second.version != first.version
    assert outputs_of(copy, *PREDICTED, "METRICS") == before
    assert (copy.directory("REPORT") / "report.html").exists()
    lines = [line for line in capsys.readouterr().err.splitlines() if "reused" in line]
    assert len(lines) == 2 and all(first.version in line for line in lines)
    assert [name for name in (*PREDICTED, "METRICS") if not any(name in line for line in lines)] == []


def test_other_resamples_redo_the_metrics_but_not_the_predictions(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root))
    before = outputs_of(copy, *PREDICTED)
    monkeypatch.setattr("patent_spark.stages.evaluate.predict.predict_task", forbidden)
    run_stage("evaluate", configured(copy.root, "evaluate.resamples=50"))
    assert outputs_of(copy, *PREDICTED) == before
    assert metrics_file(copy, "technology")["settings"]["resamples"] == 50


@pytest.mark.parametrize("setting", ["evaluate.neighbour_examples=30", "evaluate.seed=2"])
def test_other_settings_of_the_baselines_redo_the_predictions(copy, setting):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED)
    run_stage("evaluate", configured(copy.root, "tasks=technology", setting))
    after = outputs_of(copy, *PREDICTED)
    assert all(before[name][0] != after[name][0] for name in before)
    table = "BASELINE_PREDICTIONS/part-0.parquet"
    assert before[table][1] != after[table][1]


def test_a_change_of_the_code_of_a_step_redoes_it(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED)
    changed_code(monkeypatch, "evaluate.stage", "evaluate.measure")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    assert outputs_of(copy, *PREDICTED) == before
    changed_code(monkeypatch, "evaluate.stage", "evaluate.predict")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    after = outputs_of(copy, *PREDICTED)
    assert all(before[name][0] != after[name][0] for name in before)


def test_force_redoes_every_step(copy):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED, "METRICS")
    run_stage("evaluate", configured(copy.root, "tasks=technology"), force=True)
    after = outputs_of(copy, *PREDICTED, "METRICS")
    assert all(before[name][0] != after[name][0] for name in before)
    assert {name: content for name, (_, content) in before.items()} == {
        name: content for name, (_, content) in after.items()
    }


def test_reused_metrics_have_no_verdict_of_an_audit_that_has_not_seen_them(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    path = copy.directory("METRICS") / "technology.json"
    before = json.loads(path.read_text())
    write_json(path, before | {"audit": {"verdict": "passed", "failed": [], "not_made": []}})
    changed_code(monkeypatch, "evaluate.stage")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    assert metrics_file(copy, "technology") == before
    assert json.loads(path.read_text())["audit"]["verdict"] == "passed"  # in the version before


def test_metrics_are_the_same_after_a_round_trip(evaluated):
    for task in ("technology", "citation_level"):
        assert read_metrics(evaluated, task).as_json() == metrics_file(evaluated, task)
        assert (
            read_metrics(evaluated, task).value(Metric.ACCURACY) == metrics_file(evaluated, task)["accuracy"]
        )


def test_baseline_predictions_are_those_behind_the_metrics(evaluated):
    rows = evaluated.read_arrow("BASELINE_PREDICTIONS").to_pandas()
    technology = rows[rows.task == "technology"]
    assert set(technology.predictor) == {"uncalibrated", *BASELINES} - {"majority", "class_prior"}
    metrics = metrics_file(evaluated, "technology")
    model = evaluated.read_arrow("PREDICTIONS").to_pandas()
    for name, of_predictor in technology.groupby("predictor"):
        assert of_predictor.patent_id.tolist() == model.patent_id[model.task == "technology"].tolist()
        accuracy = (of_predictor.truth == of_predictor.predicted).mean()
        expected = metrics if name == "uncalibrated" else metrics["baselines"][name]
        assert accuracy == pytest.approx(expected["accuracy"])
        if name != "uncalibrated":
            assert of_predictor.in_top5.mean() == pytest.approx(expected["top5_accuracy"])
            assert of_predictor.squared_error.mean() == pytest.approx(expected["brier"])
    assert technology.top1_probability.isna().all()
    assert rows[rows.task == "citation_level"].top1_probability.notna().all()
