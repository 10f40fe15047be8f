"""The stage on a small warehouse with real Keras models; what it wrote is judged anew with pandas and scikit-learn."""

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
    log_loss,
    roc_auc_score,
)

from patent_spark.config import load_config
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata, ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.inference.scorer import Scorer, current_scorer
from patent_spark.metrics.calibration import Calibration, tempered
from patent_spark.metrics.constant_baselines import BASELINES
from patent_spark.pipeline import run_stage
from patent_spark.stages.evaluate.measure import tracked_figures
from patent_spark.stages.evaluate.predict import read_sample
from tests.support.evaluation_warehouse import MAX_TOKENS, TWINS, publish_world
from tests.support.factories import publish
from tests.support.html_page import Page


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return publish_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def judged(world):
    run_stage("evaluate", configured(world.root))
    return world


@pytest.fixture
def copy(world, tmp_path):
    """The world before evaluation, to break."""
    shutil.copytree(world.root, tmp_path / "w", ignore=shutil.ignore_patterns("evaluate", "logs"))
    return Store(tmp_path / "w")


def metrics(store, task):
    return json.loads((store.directory("METRICS") / f"{task}.json").read_text())


def test_every_test_patent_is_predicted_once(judged):
    found = judged.read_arrow("PREDICTIONS").to_pandas()
    assert Counter(zip(found.task, found.split, strict=True)) == {
        ("technology", "test"): 90,
        ("citation_level", "test_2011"): 40,
        ("citation_level", "test_2012"): 40,
    }
    assert found.patent_id.is_unique
    # The keys of the world: 5,000,000 and on, first technology (400 train, 50 development, then test).
    assert set(found.patent_id[found.task == "technology"]) == {str(5_000_450 + i) for i in range(90)}
    assert (np.stack(found.probabilities[found.task == "citation_level"]).sum(axis=1) - 1 < 1e-5).all()
    assert [max(each) for each in found.probabilities] == found.probability.tolist()
    labels = metrics(judged, "technology")["labels"]
    technology = found[found.task == "technology"]
    assert [
        labels[int(np.argmax(each))] for each in technology.probabilities
    ] == technology.predicted.tolist()


def test_predictions_are_those_of_the_model_on_the_patents_own_tokens(judged):
    folder = judged.directory("EXAMPLES") / "citation_level" / "test_2012"
    examples = pq.ParquetFile(folder / "group-00000.parquet").read().to_pandas()
    examples = examples[examples.patent_key >= 0]
    scorer = current_scorer(judged, "citation_level")
    assert scorer.calibration == Calibration(why="there are no development patents")
    expected = scorer.probabilities(np.stack([np.frombuffer(row, "<i4") for row in examples.tokens]), batch=7)
    found = (
        judged.read_arrow("PREDICTIONS").to_pandas().set_index(["task", "patent_id"]).loc["citation_level"]
    )
    mine = found.loc[examples.patent_key.astype(str)]
    assert np.stack(mine.probabilities) == pytest.approx(expected, abs=1e-5)
    assert mine.truth.tolist() == [LEVELS[label] for label in examples.label]


def test_the_served_probabilities_are_calibrated(judged, capsys):
    """The temperature has the least cross entropy on the development patents, and is where whoever serves the model finds it."""
    scorer = current_scorer(judged, "technology")
    calibration = json.loads((judged.directory("CALIBRATION") / "technology.json").read_text())
    temperature = scorer.calibration.temperature
    told = {
        "slopes": [],
        "intercepts": [],
        "learned_on": "development",
        "patents": 50,
        "why": "classes share a temperature",
    }
    assert calibration == {"temperature": temperature} | told
    block = read_sample(judged.directory("EXAMPLES") / "technology" / "development", MAX_TOKENS, 50, 50, 1)
    raw = Scorer(judged.directory("MODEL") / "technology").probabilities(block.tokens)
    losses = [
        log_loss(block.truth, tempered(raw, temperature * factor), labels=range(8))
        for factor in (0.9, 1, 1.1)
    ]
    assert min(losses) == losses[1]
    assert scorer.probabilities(block.tokens) == pytest.approx(tempered(raw, temperature))
    told = metrics(judged, "technology")["calibration"]
    assert told["temperature"] == temperature > 1.5
    found = judged.read_arrow("PREDICTIONS").to_pandas()
    found = found[found.task == "technology"].sort_values("probability", kind="stable")
    bins = told["after"]["bins"]
    assert [each["patents"] for each in bins] == [9] * 10
    assert bins[0]["probability"] == pytest.approx(found.probability[:9].mean())
    assert bins[-1]["share"] == pytest.approx((found.truth == found.predicted)[-9:].mean())
    assert told["after"]["ece"] == pytest.approx(
        np.mean([abs(each["probability"] - each["share"]) for each in bins])
    )
    assert metrics(judged, "citation_level")["calibration"]["learned_on"] is None
    assert capsys.readouterr().err == ""


def test_a_model_that_was_not_evaluated_is_served_as_it_is(copy, capsys):
    assert current_scorer(copy, "technology").calibration == Calibration()
    assert "technology: this model was not evaluated yet" in capsys.readouterr().err


def test_families_and_sections(judged):
    """TWINS share their abstracts in pairs; every third patent is of class H04, the others of A01."""
    found = judged.read_arrow("PREDICTIONS").to_pandas()
    assert found.family.nunique() == len(found) - 10
    shared = found[found.family.duplicated(keep=False)]
    assert set(shared.patent_id.astype(int)) == set(TWINS)
    told = metrics(judged, "technology")
    assert told["families"] == 80
    section = np.where(found.patent_id.astype(int) % 3, "A", "H")
    for name, part in told["by_section"].items():
        mine = found[(found.task == "technology") & (section == name)]
        assert (part["examples"], part["accuracy"]) == (
            len(mine),
            pytest.approx((mine.truth == mine.predicted).mean()),
        )
        low, high = part["intervals"]["accuracy"]
        assert low < part["accuracy"] < high
    assert set(told["by_section"]) == {"A", "H"}
    assert "by_class" not in told  # its labels are the classes
    by_class = metrics(judged, "citation_level")["by_class"]
    assert {name: part["examples"] for name, part in by_class.items()} == {
        name: ((found.task == "citation_level") & (section == name[0])).sum() for name in ("A01", "H04")
    }


def test_the_difference_to_the_best_baseline(judged):
    for task in ("technology", "citation_level"):
        told = metrics(judged, task)
        for part in (told, *told["splits"].values(), *told["by_section"].values()):
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
def test_metrics_follow_from_the_predictions(judged, task):
    found = judged.read_arrow("PREDICTIONS").to_pandas()
    found = found[found.task == task]
    told = metrics(judged, task)
    for part, said in [
        (found, told),
        *((found[found.split == split], said) for split, said in told["splits"].items()),
    ]:
        assert said["examples"] == len(part)
        assert said["accuracy"] == pytest.approx(accuracy_score(part.truth, part.predicted))
        assert said["macro_f1"] == pytest.approx(
            f1_score(part.truth, part.predicted, average="macro", zero_division=0)
        )
        assert said["weighted_f1"] == pytest.approx(
            f1_score(part.truth, part.predicted, average="weighted", zero_division=0)
        )
        assert (
            said["confusion"]["matrix"]
            == confusion_matrix(part.truth, part.predicted, labels=told["labels"]).tolist()
        )
    score = np.stack(found.probabilities)
    truth = np.eye(len(told["labels"]))[[told["labels"].index(label) for label in found.truth]]
    assert told["brier"] == pytest.approx(((score - truth) ** 2).sum(axis=1).mean(), rel=1e-5)
    if task == "citation_level":
        numbers = [[LEVELS.index(label) for label in column] for column in (found.truth, found.predicted)]
        assert told["kappa"] == pytest.approx(
            cohen_kappa_score(*numbers, labels=range(4), weights="quadratic")
        )
        assert told["top1"]["brier"] == pytest.approx(brier_score_loss(found.truth == "top1", score[:, 0]))
        assert told["by_year"] == {"2011": told["splits"]["test_2011"], "2012": told["splits"]["test_2012"]}
        assert told["top1"]["pr_auc"] == pytest.approx(
            average_precision_score(found.truth == "top1", score[:, 0])
        )
        assert told["top1"]["roc_auc"] == pytest.approx(roc_auc_score(found.truth == "top1", score[:, 0]))
    else:
        rank = [
            (row > row[told["labels"].index(truth)]).sum()
            for row, truth in zip(score, found.truth, strict=True)
        ]
        assert told["top5_accuracy"] == pytest.approx(np.mean(np.array(rank) < 5))


def test_baselines_stand_on_the_same_patents(judged):
    train = pq.read_table(judged.directory("EXAMPLES") / "technology" / "train").to_pandas()
    train = train[train.patent_key >= 0]
    told = metrics(judged, "technology")
    labels = told["labels"]
    found = judged.read_arrow("PREDICTIONS").to_pandas()
    truth = found.truth[found.task == "technology"]
    majority = labels[train.label.mode()[0]]
    assert told["baselines"]["majority"]["accuracy"] == pytest.approx((truth == majority).mean())
    shares = train.label.map(lambda label: labels[label]).value_counts(normalize=True)
    assert told["baselines"]["class_prior"]["accuracy"] == pytest.approx(truth.map(shares).fillna(0).mean())
    linear = told["baselines"]["tfidf_linear"]
    assert linear["training_examples"] == 400
    assert linear["accuracy"] > 0.75  # 85 % of the texts speak of their own class
    assert all(values["examples"] == 90 for values in told["baselines"].values())
    assert told["attainable"] == {"accuracy": 0.92, "bag_of_words_accuracy": 0.8}


def percent(value):
    return f"{100 * value:.1f} %"


def ends(interval):
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def signed(value):
    return f"{100 * value:+.1f}".replace("-", "−")


def test_the_report_says_what_it_must(judged):
    page = Page((judged.directory("REPORT") / "report.html").read_text())
    technology, level = metrics(judged, "technology"), metrics(judged, "citation_level")
    for told in (technology, level):
        assert f"{100 * told['accuracy']:.1f} %" in page.text
        assert told["warnings"], "so few test patents call for a warning"
        for warning in told["warnings"]:
            assert warning in page.text
    assert "Simulated release tiny, data to 2018-05-29" in " ".join(page.text.split())
    # The headline is the difference to the best baseline.
    best = technology["best_baseline"]["accuracy"]
    low, high = best["interval"]
    said = f"{signed(best['difference'])} points of accuracy ({signed(low)} to {signed(high)}): {best['verdict']}"
    assert said in " ".join(page.text.split())
    # Baselines and attainable beside the model, each with its interval.
    contest = page.table("", "this model")
    assert contest[0] == [
        "",
        "this model",
        "TF-IDF + linear",
        "TF-IDF nearest",
        "class prior",
        "majority class",
        "best attainable",
    ]
    columns = [technology, *(technology["baselines"][name] for name in reversed(BASELINES))]
    assert contest[1] == [
        "accuracy",
        *(f"{percent(each['accuracy'])} {ends(each['accuracy_interval'])}" for each in columns),
        "92.0 %",
    ]
    leads = contest[contest.index(["by how much this model is better"]) + 1]
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


def test_the_report_needs_nothing_beside_it(judged):
    page = Page((judged.directory("REPORT") / "report.html").read_text())
    files = sorted((judged.directory("REPORT") / "figures").glob("*.png"))
    assert {file.stem for file in files} == {
        "technology_confusion_by_row", "technology_confusion_by_column", "technology_training", "technology_reliability",
        "citation_level_confusion_by_row", "citation_level_confusion_by_column", "citation_level_training", "citation_level_reliability",
        "citation_level_by_year", "citation_level_top1_by_year",
    }  # fmt: skip
    assert {base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in page.pictures} == {
        file.read_bytes() for file in files
    }
    for task in ("technology", "citation_level"):
        assert json.loads((judged.directory("REPORT") / f"{task}.json").read_text()) == metrics(judged, task)
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
    assert metrics(copy, "citation_level")["baselines"]["tfidf_linear"]["training_examples"] == 100
    assert metrics(copy, "citation_level")["attainable"] is None
    assert copy.manifest("evaluate").tables["PREDICTIONS"]["rows"] == 80
    text = (copy.directory("REPORT") / "report.html").read_text()
    assert "Release <b>tiny</b>" in text
    assert "best attainable" not in text
    assert "the newest grant date was taken" in text
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


def test_the_attainable_of_another_label_rule_is_not_shown(copy):
    attainable = copy.metadata(IngestMetadata).generator_rates
    by_class = attainable["citation_level"] | {"pool_class": {"accuracy": 0.625}}
    republish_ingest(
        copy,
        copy.metadata(IngestMetadata).model_copy(
            update={"generator_rates": attainable | {"citation_level": by_class}}
        ),
    )
    for settings, accuracy in [
        ({"pool": "class", "horizon_months": 60}, 0.625),
        ({"pool": "class_year", "horizon_months": 36}, None),
    ]:
        relabel(copy, **settings)
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"), force=True)
        told = metrics(copy, "citation_level")
        parts = [told, *told["splits"].values(), *told["by_year"].values()]
        assert [(part["attainable"] or {}).get("accuracy") for part in parts] == [accuracy] * 5
        assert any("attainable" in name for name in tracked_figures(told)) == (accuracy is not None)
        text = (copy.directory("REPORT") / "report.html").read_text()
        assert ("best attainable" in text) == (accuracy is not None)
        assert ("does not tell what is attainable under this label rule" in text) == (accuracy is None)


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
    with pytest.raises(
        DataError, match=r"train was made from version .* of shard, .* run `patent-spark train` first"
    ):
        run_stage("evaluate", configured(copy.root))
    assert copy.manifest("evaluate") is None


def test_what_is_missing_is_named(copy):
    metadata = copy.metadata(ShardMetadata)
    shutil.rmtree(copy.directory("MODEL") / "technology")
    with pytest.raises(DataError, match=r"no model of task technology .* with tasks=both"):
        run_stage("evaluate", configured(copy.root))
    level = metadata.tasks["citation_level"]

    def with_splits(**rows):
        splits = {name: level.splits["train"].model_copy(update={"rows": n}) for name, n in rows.items()}
        return metadata.model_copy(
            update={"tasks": {"citation_level": level.model_copy(update={"splits": splits})}}
        )

    republish_shards(copy, with_splits(train=400))
    with pytest.raises(
        DataError,
        match=r"citation_level has no test patents \(splits: train\); give it some with split\.test",
    ):
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"))
    republish_shards(copy, with_splits(train=400, test_2011=41))
    with pytest.raises(
        DataError, match="EXAMPLES/citation_level/test_2011 has 40 patents, its manifest says 41"
    ):
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"))
    longer = level.model_copy(update={"max_tokens": MAX_TOKENS + 1})
    republish_shards(copy, metadata.model_copy(update={"tasks": {"citation_level": longer}}))
    with pytest.raises(DataError, match="labels or text length differ"):
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
    assert logged["test/accuracy"] == pytest.approx(metrics(copy, "technology")["accuracy"])
    assert logged["test/attainable_accuracy"] == 0.92
    assert {each.path for each in client.list_artifacts(run.run_id, "report")} == {
        "report/report.html", "report/figures", "report/technology.json", "report/citation_level.json",
    }  # fmt: skip
    assert logged["test/ece_after_calibration"] == metrics(copy, "technology")["calibration"]["after"]["ece"]
    # A run that is gone does not cost the evaluation, and it is said.
    assert "evaluate citation_level: the report stays out of MLflow" in capsys.readouterr().err


def test_a_sample_is_seeded_and_without_repeats(judged):
    folder = judged.directory("EXAMPLES") / "technology" / "train"
    whole, some, again, other = (
        read_sample(folder, MAX_TOKENS, 400, limit, seed)
        for limit, seed in ((400, 1), (70, 1), (70, 1), (70, 2))
    )
    row_of = {key: i for i, key in enumerate(whole.keys.to_pylist())}
    assert set(row_of) == set(range(5_000_000, 5_000_400))
    keys = some.keys.to_pylist()
    assert len(set(keys)) == len(keys) == 70
    assert keys == again.keys.to_pylist() != other.keys.to_pylist()
    rows = [row_of[key] for key in keys]
    assert (some.truth == whole.truth[rows]).all()
    assert (some.tokens == whole.tokens[rows]).all()
    none = read_sample(folder.parent / "nothing", MAX_TOKENS, 0, 70, 1)
    assert (len(none.keys), none.truth.shape, none.tokens.shape) == (0, (0,), (0, MAX_TOKENS))
