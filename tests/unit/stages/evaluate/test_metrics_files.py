"""The metrics that the stage writes, recomputed with pandas and scikit-learn."""

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
    roc_auc_score,
)

from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.baselines import BASELINES
from patent_spark.metrics.report_schema import Metric, read_metrics
from tests.support.evaluation_warehouse import TWINS


def test_families_and_sections(evaluated):
    """TWINS share their abstracts in pairs; every third patent is of class H04, the others of A01."""
    actual = evaluated.read_arrow("PREDICTIONS").to_pandas()
    assert actual.family.nunique() == len(actual) - 10
    shared = actual[actual.family.duplicated(keep=False)]
    assert set(shared.patent_id.astype(int)) == set(TWINS)
    metrics = evaluated.read_json("METRICS", "technology.json")
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
    by_class = evaluated.read_json("METRICS", "citation_level.json")["by_class"]
    assert {name: part["examples"] for name, part in by_class.items()} == {
        name: ((actual.task == "citation_level") & (section == name[0])).sum() for name in ("A01", "H04")
    }


def test_the_difference_to_the_best_baseline(evaluated):
    for task in ("technology", "citation_level"):
        metrics = evaluated.read_json("METRICS", f"{task}.json")
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
    metrics = evaluated.read_json("METRICS", f"{task}.json")
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
    metrics, rows = (
        evaluated.read_json("METRICS", "technology.json"),
        evaluated.read_arrow("PREDICTIONS").to_pandas(),
    )
    assert "all_codes" not in evaluated.read_json("METRICS", "citation_level.json")
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
    metrics = evaluated.read_json("METRICS", "technology.json")
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


def test_metrics_are_the_same_after_a_round_trip(evaluated):
    for task in ("technology", "citation_level"):
        assert read_metrics(evaluated, task).as_json() == evaluated.read_json("METRICS", f"{task}.json")
        assert (
            read_metrics(evaluated, task).value(Metric.ACCURACY)
            == evaluated.read_json("METRICS", f"{task}.json")["accuracy"]
        )


def test_baseline_predictions_are_those_behind_the_metrics(evaluated):
    rows = evaluated.read_arrow("BASELINE_PREDICTIONS").to_pandas()
    technology = rows[rows.task == "technology"]
    assert set(technology.predictor) == {"uncalibrated", *BASELINES} - {"majority", "class_prior"}
    metrics = evaluated.read_json("METRICS", "technology.json")
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
