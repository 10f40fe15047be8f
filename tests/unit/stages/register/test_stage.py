"""The stage register on a small warehouse, with a real registry of MLflow in SQLite."""

import datetime
import html
import json
import re
import shutil
from contextlib import ExitStack

import keras
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from patent_spark import cli
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, GateError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.model_files import TextSource
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.model_package import Package
from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.groups import read_patent_groups
from patent_spark.pipeline import planned, run_stage
from patent_spark.stages.evaluate.examples import read_blocks
from patent_spark.stages.register.candidate_vs_champion import (
    candidate_predictions,
    champion_predictions,
    new_to,
)
from patent_spark.stages.register.card_schema import CalibrationSummary, ModelCard
from patent_spark.stages.register.report_schema import (
    AuditChecksFailed,
    AuditChecksNotMade,
    AuditWeakened,
    CheckReference,
    DecisionReport,
    NotComparable,
    WeakerSetting,
    WorseThanChampion,
)
from patent_spark.tracking.registry import Registry
from patent_spark.tracking.runs import tracking_uri
from tests.support.cluster import free_port
from tests.support.corruption import rewrite_manifest
from tests.support.errors import raises
from tests.support.evaluation_warehouse import MAX_TOKENS, TWINS
from tests.support.factories import publish
from tests.support.registration_warehouse import (
    FAMILIES,
    REMEDY,
    TASKS,
    configured,
    copy_of,
    evaluated_and_audited,
    publish_audit,
    registered,
    retrain,
    zero_last_layer,
)


@pytest.fixture(scope="module")
def champions(tmp_path_factory):
    """Both models are registered."""
    store = evaluated_and_audited(tmp_path_factory.mktemp("register") / "w")
    run_stage("register", configured(store.root))
    return store


@pytest.fixture(scope="module")
def worse(champions, tmp_path_factory):
    """The technology model is replaced by one whose last layer knows only the label shares."""
    store = copy_of(champions, tmp_path_factory.mktemp("worse") / "w")
    retrain(store, "technology", zero_last_layer)
    return store


@pytest.fixture
def copy(champions, tmp_path):
    return copy_of(champions, tmp_path / "w")


def command(capsys, store, *sets):
    settings = [
        part
        for setting in (f"warehouse.root={store.root}", "evaluate.resamples=300", *sets)
        for part in ("--set", setting)
    ]
    code = cli.main(["register", *settings])
    return code, capsys.readouterr().err


def json_of(store, output, path):
    return json.loads((store.directory(output) / path).read_text())


def predictions_of(store):
    """PREDICTIONS of the technology model."""
    return store.read_arrow("PREDICTIONS").to_pandas().query("task == 'technology'")


def tokens_of(store):
    """TOKENS by patent_id."""
    return store.read_arrow("TOKENS", ["patent_id", "tokens"]).to_pandas().set_index("patent_id")["tokens"]


def decision(store, task):
    path = store.directory("MODEL_CARD") / task / "decision.json"
    return DecisionReport.model_validate_json(path.read_text())


def card_of(store, model):
    """Content and Markdown of a card."""
    folder = store.directory("MODEL_CARD") / model
    return ModelCard.model_validate_json((folder / "card.json").read_text()), (folder / "card.md").read_text()


def words_of(text):
    """A text with single spaces."""
    return " ".join(text.split())


def champion_in(store, task, folder):
    registry = Registry(configured(store.root), task)
    return Package(registry.fetch(registry.champion(), folder))


def test_the_first_that_passes_the_audit_becomes_the_champion(champions):
    client = MlflowClient(tracking_uri(configured(champions.root)))
    metrics = json_of(champions, "METRICS", "technology.json")
    for task in TASKS:
        assert registered(champions, task) == ("1", ["1"])
        assert decision(champions, task).verdict == "first"
    version = client.get_model_version_by_alias("patent_spark_technology", "champion")
    low, high = metrics["accuracy_interval"]
    wanted = {
        "model": "technology",
        "release_id": "tiny",
        "data_to_date": "2018-05-29",
        "audit": "passed",
        "verdict": "first",
        "technology.protocol": "stratified",
        "technology.metric": "accuracy",
        "technology.value": f"{metrics['accuracy']:.4f}",
        "technology.interval": f"{low:.4f} to {high:.4f}",
        "stage.evaluate": champions.manifest("evaluate").version,
    }
    assert wanted.items() <= version.tags.items()
    assert version.run_id == json_of(champions, "MODEL", "technology/task.json")["run_id"]
    content, card = card_of(champions, "technology")
    assert (content.release_id, content.data_to_date, content.simulated) == ("tiny", "2018-05-29", True)
    assert card.startswith("# Technology class of US patents\n\nSimulated release tiny, data to 2018-05-29.")
    assert 0 < len(version.description) <= 5000
    assert version.description.split("\n## ")[:2] == card.split("\n## ")[:2]


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
        == json_of(champions, "CALIBRATION", "technology.json")["temperature"]
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
    run_id = json_of(champions, "MODEL", "technology/task.json")["run_id"]
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


def test_the_card_of_a_calibrated_model_has_its_calibration(champions):
    metrics = json_of(champions, "METRICS", "technology.json")["calibration"]
    content, card = card_of(champions, "technology")
    assert content.tasks[0].calibration == CalibrationSummary(
        fitted=True,
        patents=50,
        temperature=metrics["temperature"],
        ece_before=metrics["before"]["ece"],
        ece_after=metrics["after"]["ece"],
        reason=metrics["why"],
    )
    (line,) = [line for line in card.splitlines() if "temperature" in line and line.startswith("- ")]
    errors = [f"{100 * metrics[time]['ece']:.1f} %" for time in ("before", "after")]
    for words in ("Technology class", f"{metrics['temperature']:.2f}", "50", *errors, metrics["why"]):
        assert words in line, words


def test_a_card_has_what_a_user_must_know(champions):
    content, card = card_of(champions, "citation_level")
    (task,) = content.tasks
    metrics = json_of(champions, "METRICS", "citation_level.json")
    assert (content.decision.verdict, content.previous_champion) == ("first", None)
    assert [check.status for check in content.checks] == ["passed", "passed"]
    assert task.test_patents == 80
    assert (task.headline.metric, task.headline.value) == ("top1.pr_auc", metrics["top1"]["pr_auc"])
    assert task.labels == tuple(LEVELS)
    assert not task.calibration.fitted
    split = task.split
    assert (split.protocol, split.train_until, split.embargo) == ("temporal", 2010, True)
    assert split.test_years[:2] == (2011, 2012)
    assert task.warnings == tuple(warning["message"] for warning in metrics["warnings"]) != ()
    for words in (
        f"{metrics['top1']['pr_auc']:.3f} on 80 test patents",
        f"{100 * metrics['top1']['precision_at_1_percent']:.1f} %",
        f"{metrics['top1']['roc_auc']:.3f}",
        "simulated",
        "2010",
        "2011, 2012",
        ", ".join(LEVELS),
        'load_model("models:/patent_spark_citation_level@champion")',
        "calibration.json",
        *(warning["message"] for warning in metrics["warnings"]),
    ):
        assert words in card, words


def test_the_page_of_a_card_is_its_markdown_and_needs_nothing_beside_it(champions):
    _, card = card_of(champions, "citation_level")
    page = (champions.directory("MODEL_CARD") / "citation_level" / "card.html").read_text()
    assert "<h1>Citation level of US patents</h1>" in page
    assert "src=" not in page and "http" not in page
    shown = words_of(html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))
    sentences = [line.removeprefix("- ") for line in card.splitlines() if line and line[0] not in "#|`*M"]
    assert len(sentences) > 25
    assert [sentence for sentence in map(words_of, sentences) if sentence not in shown] == []


def test_a_model_is_registered_once(champions, capsys):
    code, stderr = command(capsys, champions)
    assert code == cli.DONE
    address = "models:/patent_spark_technology/1"
    assert any("technology:" in line and address in line for line in stderr.splitlines())
    assert registered(champions, "technology") == ("1", ["1"])
    assert decision(champions, "technology").verdict == "already_champion"
    assert (champions.directory("MODEL_CARD") / "technology" / "card.html").exists()


def test_a_failed_audit_is_exit_4_and_changes_nothing(copy, capsys):
    publish_audit(copy, failed=[("citation_level", FAMILIES)])
    code, stderr = command(capsys, copy)
    assert code == cli.REFUSED == 4
    last = stderr.splitlines()[-1]
    assert "citation_level" in last and FAMILIES in last and "technology" not in last
    assert registered(copy, "citation_level") == ("1", ["1"])
    assert [decision(copy, task).verdict for task in TASKS] == ["already_champion", "rejected"]
    families = CheckReference(name=FAMILIES, task="citation_level", details=REMEDY)
    assert decision(copy, "citation_level").reasons == (AuditChecksFailed(checks=(families,), applicable=2),)
    publish_audit(copy, failed=[(None, "join integrity: PATENTS to COUNTS")])
    with pytest.raises(GateError) as error:
        run_stage("register", configured(copy.root))
    reasons = [decision(copy, task).reasons for task in TASKS]
    of_all = CheckReference(name="join integrity: PATENTS to COUNTS", task=None, details=REMEDY)
    assert reasons == [(AuditChecksFailed(checks=(of_all,), applicable=2),)] * 2
    assert all(task in str(error.value) for task in TASKS)


def test_a_check_that_could_not_run_is_exit_4(copy, capsys):
    publish_audit(copy, not_made=[("technology", FAMILIES)])
    code, stderr = command(capsys, copy)
    assert code == 4
    last = stderr.splitlines()[-1]
    assert "technology" in last and FAMILIES in last and REMEDY in last
    assert [decision(copy, task).verdict for task in TASKS] == ["rejected", "already_champion"]
    families = CheckReference(name=FAMILIES, task="technology", details=REMEDY)
    assert decision(copy, "technology").reasons == (AuditChecksNotMade(checks=(families,), applicable=2),)


def test_an_audit_with_weaker_settings_is_exit_4(copy, capsys):
    manifest = copy.directory("AUDIT").parent / "manifest.json"
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text()) | {"settings": {"audit.recount_sample_size": 0}})
    )
    code, stderr = command(capsys, copy)
    assert code == 4
    weaker = WeakerSetting(name="audit.recount_sample_size", value=0, default=30)
    assert [decision(copy, task).reasons for task in TASKS] == [(AuditWeakened(settings=(weaker,)),)] * 2
    assert "audit.recount_sample_size = 0" in stderr.splitlines()[-1]


def test_a_worse_model_is_exit_4_and_leaves_the_champion(worse, capsys):
    code, stderr = command(capsys, worse)
    assert code == 4
    report = decision(worse, "technology")
    (comparison,) = report.comparisons
    metrics = json_of(worse, "METRICS", "technology.json")
    assert comparison.candidate == pytest.approx(metrics["accuracy"])
    assert (comparison.patents, comparison.excluded) == (90, 0)
    assert comparison.interval[1] < 0
    assert report.reasons == (WorseThanChampion(comparison=comparison, margin=0.0),)
    accuracy = f"{100 * comparison.candidate:.1f} %"
    assert "technology" in stderr.splitlines()[-1] and accuracy in stderr.splitlines()[-1]
    assert registered(worse, "technology") == ("1", ["1"])
    assert report.champion == "models:/patent_spark_technology/1"
    assert decision(worse, "citation_level").verdict == "already_champion"
    # the champion's card, not the candidate's
    assert card_of(worse, "technology")[0].decision.verdict == "first"


def test_a_stage_that_is_killed_leaves_the_old_champion_and_the_next_one_no_second_version(
    worse, tmp_path, monkeypatch
):
    store = copy_of(worse, tmp_path / "w")
    config = configured(store.root, "register.margin=1.0")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "promote", killed)
        with pytest.raises(KeyboardInterrupt):
            run_stage("register", config)
    assert registered(store, "technology") == ("1", ["2", "1"])
    run_stage("register", config)
    assert registered(store, "technology") == ("2", ["2", "1"])
    content, card = card_of(store, "technology")
    assert (content.decision.verdict, content.margin) == ("not_worse", 1.0)
    assert content.previous_champion == "models:/patent_spark_technology/1"
    assert content.previous_champion in card and "minus 1." in card
    assert len(content.decision.comparisons) == 1


def changed_package(package, about=None, words=None, labels=None):
    """Change a package: its task.json, and the order of its words or labels (indices of the old ones)."""
    folder = package.folder / "technology"
    model = keras.models.load_model(folder / "model.keras", compile=False)
    described = json.loads((folder / "task.json").read_text())
    if words is not None:
        known = (folder / "vocabulary.txt").read_text().splitlines()
        (folder / "vocabulary.txt").write_text("".join(f"{known[place]}\n" for place in words))
        (vectors,) = model.get_layer("embedding").get_weights()
        model.get_layer("embedding").set_weights([vectors[[0, *(place + 1 for place in words)]]])
    if labels is not None:
        weights, bias = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([weights[:, labels], bias[labels]])
        described["labels"] = [described["labels"][place] for place in labels]
    model.save(folder / "model.keras")
    (folder / "model.onnx").unlink(missing_ok=True)  # made of the Keras model when it is needed
    (folder / "task.json").write_text(json.dumps(described | (about(described) if about else {})))
    return Package(package.folder)


def both_predictions(store, package, config=None):
    """Predictions for the test patents of a package's technology model, and of the current one."""
    config = config or configured(store.root)
    with store.draft("register") as draft, ExitStack() as resources:
        context = StageContext(config, store, draft, resources)
        candidate = candidate_predictions(store, "technology")
        (draft.directory / "scratch").mkdir()
        return champion_predictions(
            context, package.task("technology"), candidate, draft.directory / "scratch"
        ), candidate


def test_a_champion_with_other_words_and_labels_predicts_in_its_own(copy, tmp_path):
    """Its words and labels have another order. One label is unknown today, so its patents are errors."""
    plain = champion_in(copy, "technology", tmp_path)
    count = len(plain.task("technology").vocabulary)
    last = "H01"
    packed = changed_package(
        plain,
        words=np.random.default_rng(1).permutation(count).tolist(),
        labels=list(range(7, -1, -1)),
        about=lambda about: {"labels": [{last: "Z99"}.get(label, label) for label in about["labels"]]},
    )
    champion, candidate = both_predictions(copy, packed)
    assert champion.patents.labels == (*candidate.patents.labels, "Z99")
    renamed = [
        {last: "Z99"}.get(label, label) for label in np.array(candidate.patents.labels)[candidate.predicted]
    ]
    assert np.array(champion.patents.labels)[champion.predicted].tolist() == renamed
    assert champion.confidence == pytest.approx(candidate.confidence, abs=1e-5)
    assert last in renamed or "Z99" in renamed


def test_a_champion_that_reads_other_fields_is_given_them(copy, tmp_path):
    """It reads titles alone; here they are the tokens but for the first two, and one patent has none."""
    texts = copy.read_arrow("TOKENS", ["patent_key", "tokens"]).to_pylist()
    titles = {row["patent_key"]: row["tokens"][2:] for row in texts}
    titles[5_000_451] = []
    rows = [
        {"patent_key": key, "title": " ".join(words).upper() + "!", "withdrawn": False}
        for key, words in titles.items()
    ]
    publish(copy, "ingest", {"PATENTS": rows}, copy.metadata(IngestMetadata))
    package = changed_package(
        champion_in(copy, "technology", tmp_path),
        about=lambda about: {"text": {"fields": ["title"], "claims": "first"}},
    )
    champion, candidate = both_predictions(copy, package)
    packed = package.task("technology")
    words = [titles[key] for key in candidate.patents.keys.tolist()]
    wanted = packed.probabilities(packed.encode_words(pa.array(words, pa.list_(pa.string()))))
    assert champion.confidence == pytest.approx(wanted.max(axis=1), abs=1e-5)
    assert (champion.predicted == wanted.argmax(axis=1)).all()
    with raises(DataError, setting="text.fields", stage="ingest"):
        both_predictions(
            copy,
            changed_package(
                package, about=lambda about: {"text": {"fields": ["title", "claims"], "claims": "first"}}
            ),
        )


def test_patents_of_the_champions_training_data_are_excluded(copy, tmp_path):
    """It was trained on the test patents 450 to 460 and 475, of which 460 and 475 have twins: 461 and 474."""
    package = champion_in(copy, "technology", tmp_path)
    learned = [*range(5_000_450, 5_000_461), 5_000_475]
    pq.write_table(
        pa.table({"patent_key": pa.array(learned, pa.int64())}), package.folder / "learned_from.parquet"
    )
    candidate = candidate_predictions(copy, "technology")
    groups = read_patent_groups(copy)
    assert 5_000_461 in TWINS and 5_000_474 in TWINS
    left = set(candidate.patents.keys[~new_to(package, candidate.patents, groups)].tolist())
    assert left == {*learned, 5_000_461, 5_000_474}


def test_without_a_patent_that_is_new_to_the_champion_the_candidate_is_rejected(copy, capsys):
    package_of = Registry(configured(copy.root), "technology").champion()
    about = json_of(copy, "MODEL", "technology/task.json")
    (copy.directory("MODEL") / "technology" / "task.json").write_text(json.dumps(about | {"key": "third"}))
    client = MlflowClient(tracking_uri(configured(copy.root)))
    place = (
        client.get_run(package_of.run_id).info.artifact_uri.removeprefix("file://")
        + f"/registered/{package_of.tags['identity']}"
    )
    saved = pq.read_table(f"{place}/learned_from.parquet")
    try:
        pq.write_table(
            pa.table({"patent_key": pa.array(range(5_000_450, 5_000_540), pa.int64())}),
            f"{place}/learned_from.parquet",
        )
        code, stderr = command(capsys, copy, "tasks=technology")
    finally:
        pq.write_table(saved, f"{place}/learned_from.parquet")  # the copies of the world share these files
    assert code == 4
    reason = NotComparable(task="technology", metric="accuracy", patents=0, excluded=90)
    assert decision(copy, "technology").reasons == (reason,)
    assert "90" in stderr.splitlines()[-1]


def test_one_model_for_both_tasks_is_one_version(copy, tmp_path):
    examples = copy.directory("EXAMPLES")
    shutil.copytree(examples / "citation_level", examples / "joint")
    joint = configured(copy.root, "tasks=joint", "technology.max_tokens=200")
    with raises(DataError, setting="tasks", trained="both", configured="joint"):
        run_stage("register", joint)
    rewrite_manifest(copy, "train", settings={"tasks": "joint"})
    run_stage("register", joint)
    package = champion_in(copy, "joint", tmp_path)
    assert [package.task(task).about.task for task in TASKS] == list(TASKS)
    assert package.learned_from.tolist() == list(range(5_000_540, 5_000_940))
    content, card = card_of(copy, "joint")
    assert card.startswith("# Technology class and Citation level of US patents")
    assert [task.task for task in content.tasks] == list(TASKS)
    statuses = [check.status for check in content.checks]
    assert (statuses.count("passed"), statuses.count("not_applicable")) == (3, 1)


def test_a_server_that_is_away_is_exit_1(copy, capsys):
    uri, before = f"http://127.0.0.1:{free_port()}", copy.manifest("register")
    code, stderr = command(capsys, copy, f"tracking.uri={uri}")
    assert code == cli.FAILED
    assert f"tracking.uri = {uri}" in stderr
    assert copy.manifest("register") == before


def test_missing_inputs_are_named(copy, capsys):
    audit = copy.directory("AUDIT") / "audit.json"
    report = json.loads(audit.read_text())
    audit.write_text(
        json.dumps({"checks": [check for check in report["checks"] if check["task"] != "technology"]})
    )
    with raises(DataError, task="technology", setting="tasks", stage="audit"):
        run_stage("register", configured(copy.root))
    code, stderr = command(capsys, copy)
    assert code == cli.BAD_DATA and "`patent-spark audit` with tasks=both" in stderr
    audit.write_text(json.dumps(report))
    about = json_of(copy, "MODEL", "technology/task.json")
    (copy.directory("MODEL") / "technology" / "task.json").write_text(
        json.dumps({k: v for k, v in about.items() if k != "text"})
    )
    code, stderr = command(capsys, copy, "tracking.experiment=another")
    assert code == cli.BAD_DATA
    assert "technology" in stderr and "`patent-spark train`" in stderr


def test_a_version_that_somebody_else_made_champion_is_named(copy, capsys):
    client = MlflowClient(tracking_uri(configured(copy.root)))
    client.create_model_version("patent_spark_technology", "/tmp/elsewhere", await_creation_for=0)
    client.set_registered_model_alias("patent_spark_technology", "champion", "2")
    code, stderr = command(capsys, copy)
    assert code == cli.FAILED
    assert "models:/patent_spark_technology/2" in stderr and "champion" in stderr


def test_register_is_no_part_of_a_whole_run(tmp_path):
    assert "register" not in [stage.name for stage in planned(configured(tmp_path))]
