"""The stage register on a small warehouse, with a real registry of MLflow in SQLite."""

import datetime
import json
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
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.model_package import Package
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.groups import read_cohorts
from patent_spark.pipeline import planned, run_stage
from patent_spark.stages.evaluate.predict import read_blocks
from patent_spark.stages.register.candidate_vs_champion import candidate_answers, champion_answers, new_to
from patent_spark.tracking.registry import Registry
from patent_spark.tracking.runs import tracking_uri, write_mlmodel
from tests.support.cluster import free_port
from tests.support.corruption import rewrite_manifest
from tests.support.evaluation_warehouse import MAX_TOKENS, TWINS
from tests.support.factories import publish
from tests.support.registration_warehouse import (
    FAMILIES,
    TASKS,
    before_the_gate,
    configured,
    copy_of,
    publish_audit,
    registered,
    retrain,
    spoil,
)


@pytest.fixture(scope="module")
def crowned(tmp_path_factory):
    """Both models are registered."""
    store = before_the_gate(tmp_path_factory.mktemp("gate") / "w")
    run_stage("register", configured(store.root))
    return store


@pytest.fixture(scope="module")
def worse(crowned, tmp_path_factory):
    """A technology model that has forgotten everything is before the gate."""
    store = copy_of(crowned, tmp_path_factory.mktemp("worse") / "w")
    retrain(store, "technology", spoil)
    return store


@pytest.fixture
def copy(crowned, tmp_path):
    return copy_of(crowned, tmp_path / "w")


def command(capsys, store, *sets):
    settings = [
        part
        for setting in (f"warehouse.root={store.root}", "evaluate.resamples=300", *sets)
        for part in ("--set", setting)
    ]
    code = cli.main(["register", *settings])
    return code, capsys.readouterr().err


def decision(store, task):
    return json.loads((store.directory("MODEL_CARD") / task / "decision.json").read_text())


def champion_in(store, task, folder):
    registry = Registry(configured(store.root), task)
    return Package(registry.fetch(registry.champion(), folder))


def test_the_first_that_passes_the_audit_becomes_the_champion(crowned):
    client = MlflowClient(tracking_uri(configured(crowned.root)))
    metrics = json.loads((crowned.directory("METRICS") / "technology.json").read_text())
    for task in TASKS:
        assert registered(crowned, task) == ("1", ["1"])
        assert decision(crowned, task)["verdict"] == "first"
    version = client.get_model_version_by_alias("patent_spark_technology", "champion")
    low, high = metrics["accuracy_interval"]
    wanted = {
        "model": "technology", "release_id": "tiny", "data_to_date": "2018-05-29", "audit": "passed", "gate": "first",
        "technology.protocol": "stratified", "technology.figure": "accuracy", "technology.value": f"{metrics['accuracy']:.4f}",
        "technology.interval": f"{low:.4f} to {high:.4f}", "stage.evaluate": crowned.manifest("evaluate").version,
    }  # fmt: skip
    assert wanted.items() <= version.tags.items()
    assert (
        version.run_id
        == json.loads((crowned.directory("MODEL") / "technology" / "task.json").read_text())["run_id"]
    )
    card = (crowned.directory("MODEL_CARD") / "technology" / "card.md").read_text()
    assert card.startswith("# Technology class of US patents\n\nSimulated release tiny, data to 2018-05-29.")
    assert (
        0 < len(version.description) <= 5000
        and version.description.split("\n## ")[:2] == card.split("\n## ")[:2]
    )


def test_the_registered_version_needs_nothing_beside_it(crowned, tmp_path):
    package = champion_in(crowned, "technology", tmp_path)
    assert {path.name for path in package.folder.iterdir()} == {
        "technology",
        "learned_from.parquet",
        "card.html",
        "card.md",
        "MLmodel",
    }
    packed = package.task("technology")
    assert packed.about["text"] == {"fields": ["title", "abstract"], "claims": "first"}
    assert (
        packed.scorer.calibration.temperature
        == json.loads((crowned.directory("CALIBRATION") / "technology.json").read_text())["temperature"]
        > 1.5
    )
    texts = crowned.read_arrow("TOKENS", ["patent_id", "tokens"]).to_pandas().set_index("patent_id")["tokens"]
    said = crowned.read_arrow("PREDICTIONS").to_pandas().query("task == 'technology'")
    with_unknown = [[*texts[each][:2], "antidisestablishment", *texts[each][2:]] for each in said.patent_id]
    assert packed.probabilities(pa.array(with_unknown, pa.list_(pa.string()))) == pytest.approx(
        np.stack(said.probabilities), abs=1e-5
    )
    assert package.learned_from.tolist() == list(range(5_000_000, 5_000_450))  # training and development


def test_whoever_loads_a_model_with_mlflow_gets_calibrated_probabilities(crowned):
    """From the run of a training, for tokens; from the registry, for texts. The run itself stays as the training left it."""
    mlflow.set_tracking_uri(tracking_uri(configured(crowned.root)))
    said = crowned.read_arrow("PREDICTIONS").to_pandas().query("task == 'technology'").set_index("patent_id")
    run_id = json.loads((crowned.directory("MODEL") / "technology" / "task.json").read_text())["run_id"]
    block = next(read_blocks(crowned.directory("EXAMPLES") / "technology" / "test", MAX_TOKENS))
    model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    expected = np.stack(said.probabilities[block.keys.cast(pa.string()).to_pylist()])
    assert model.predict(block.tokens) == pytest.approx(expected, abs=1e-5)
    assert model.metadata.metadata["calibration"]["temperature"] > 1.5
    assert Scorer(crowned.directory("MODEL") / "technology").probabilities(block.tokens) != pytest.approx(
        expected, abs=0.1
    )
    run = MlflowClient().get_run(run_id).info
    trained = datetime.datetime.fromisoformat(crowned.manifest("train").created)
    assert (run.status, run.end_time < 1000 * trained.timestamp()) == ("FINISHED", True)

    champion = mlflow.pyfunc.load_model("models:/patent_spark_technology@champion")
    texts = (
        crowned.read_arrow("TOKENS", ["patent_id", "tokens"])
        .to_pandas()
        .set_index("patent_id")
        .tokens[said.index]
    )
    found = champion.predict(
        pd.DataFrame({"text": [" ".join(words).upper() + ", Unheard-of!" for words in texts]})
    )
    assert found.columns.tolist() == model.metadata.metadata["labels"]
    assert found.to_numpy() == pytest.approx(np.stack(said.probabilities), abs=1e-5)


def test_the_card_of_a_calibrated_model_says_how_and_why(crowned):
    told = json.loads((crowned.directory("METRICS") / "technology.json").read_text())["calibration"]
    before, after = (f"{100 * told[time]['ece']:.1f} %" for time in ("before", "after"))
    assert (
        f"- Technology class: temperature {told['temperature']:.2f}, learned on 50 development patents; "
        f"expected calibration error {before} before, {after} after. Why so: classes share a temperature."
    ) in (crowned.directory("MODEL_CARD") / "technology" / "card.md").read_text()


def test_a_joint_model_is_asked_both_questions_at_once(crowned, tmp_path):
    for task in TASKS:
        shutil.copytree(champion_in(crowned, task, tmp_path).folder / task, tmp_path / "joint" / task)
    write_mlmodel(tmp_path / "joint", "patent_spark.inference.pyfunc", "text")
    told = mlflow.pyfunc.load_model(str(tmp_path / "joint")).predict(
        pd.DataFrame({"text": ["A network", None]}, index=[7, 3])
    )
    assert told.columns.tolist() == [*LEVELS, *(f"{letter}01" for letter in "ABCDEFGH")]
    assert told.index.tolist() == [7, 3]
    assert told.sum(axis=1).tolist() == pytest.approx([2, 2])


def test_a_card_says_what_a_user_must_know(crowned):
    card = (crowned.directory("MODEL_CARD") / "citation_level" / "card.md").read_text()
    metrics = json.loads((crowned.directory("METRICS") / "citation_level.json").read_text())
    for words in [
        f"PR-AUC of top1 {metrics['top1']['pr_auc']:.3f} on 80 test patents",
        "The audit passed. It is the first of its name.",
        "The release is simulated", "It is no measure of value", "Of the 1 % of patents with the highest probability of top1",
        "temporal, trained on grants up to 2010 whose labels had closed by the first test day, tested on grants of 2011, 2012",
        "not calibrated, for lack of development patents", "All 2 checks that look for a leak passed; 0 did not apply.",
        "top1, top10, btm90, zerocite", 'load_model("models:/patent_spark_citation_level@champion")',
        "without which the Keras model's probabilities are not calibrated",
        *metrics["warnings"],
    ]:  # fmt: skip
        assert words in card, words
    page = (crowned.directory("MODEL_CARD") / "citation_level" / "card.html").read_text()
    assert "<h1>Citation level of US patents</h1>" in page
    assert "src=" not in page and "http" not in page


def test_a_model_is_registered_once(crowned, capsys):
    code, said = command(capsys, crowned)
    assert code == cli.DONE
    assert (
        "technology: models:/patent_spark_technology/1 is this model already, and stays the champion" in said
    )
    assert registered(crowned, "technology") == ("1", ["1"])
    assert decision(crowned, "technology")["verdict"] == "stands"
    assert (crowned.directory("MODEL_CARD") / "technology" / "card.html").exists()


def test_a_failed_audit_is_exit_4_and_changes_nothing(copy, capsys):
    publish_audit(copy, failed=[("citation_level", FAMILIES)])
    code, said = command(capsys, copy)
    assert code == cli.REFUSED == 4
    assert said.splitlines()[-1] == (
        "patent-spark: citation_level is not registered: 1 of 2 checks of the audit failed: families on both sides (citation_level)"
    )
    assert registered(copy, "citation_level") == ("1", ["1"])
    assert [decision(copy, task)["verdict"] for task in TASKS] == ["stands", "refused"]
    publish_audit(copy, failed=[(None, "rows: PATENTS to COUNTS")])
    with pytest.raises(
        GateError,
        match=r"^technology is not registered: 1 of 2 .*; citation_level is not registered: 1 of 2 ",
    ):
        run_stage("register", configured(copy.root))


def test_a_check_that_could_not_be_made_is_exit_4(copy, capsys):
    publish_audit(copy, not_made=[("technology", FAMILIES)])
    code, said = command(capsys, copy)
    assert code == 4
    assert said.splitlines()[-1] == (
        "patent-spark: technology is not registered: 1 of 2 checks of the audit could not be made: "
        "families on both sides (the files are gone; put them back)"
    )
    assert [decision(copy, task)["verdict"] for task in TASKS] == ["refused", "stands"]


def test_an_audit_that_was_asked_for_less_is_exit_4(copy, capsys):
    manifest = copy.directory("AUDIT").parent / "manifest.json"
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text()) | {"settings": {"audit.recount_sample_size": 0}})
    )
    code, said = command(capsys, copy)
    assert code == 4
    assert said.splitlines()[-1].endswith(
        "the audit was asked for less than by default: audit.recount_sample_size = 0 (default 30)"
    )


def test_a_worse_model_is_exit_4_and_leaves_the_champion(worse, capsys):
    code, said = command(capsys, worse)
    assert code == 4
    (told,) = decision(worse, "technology")["contests"]
    metrics = json.loads((worse.directory("METRICS") / "technology.json").read_text())
    assert (told["model"], told["patents"], told["left_out"]) == (pytest.approx(metrics["accuracy"]), 90, 0)
    assert told["interval"][1] < 0
    assert said.splitlines()[-1].startswith(
        f"patent-spark: technology is not registered: accuracy of technology is {told['model']:.1%}".replace(
            "%", " %"
        )
    )
    assert registered(worse, "technology") == ("1", ["1"])
    assert decision(worse, "technology")["champion"] == "models:/patent_spark_technology/1"
    assert decision(worse, "citation_level")["verdict"] == "stands"
    assert (
        "It is the first of its name."
        in (worse.directory("MODEL_CARD") / "technology" / "card.md").read_text()
    )


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
    card = (store.directory("MODEL_CARD") / "technology" / "card.md").read_text()
    assert "It is not worse than models:/patent_spark_technology/1, the champion before it." in card
    assert "lies below minus 1." in card


def reading(package, about=None, words=None, labels=None):
    """Change a package: its task.json, the order of its words, the order of its labels (places of the old ones)."""
    folder = package.folder / "technology"
    model = keras.models.load_model(folder / "model.keras", compile=False)
    described = json.loads((folder / "task.json").read_text())
    if words is not None:
        known = (folder / "vocabulary.txt").read_text().splitlines()
        (folder / "vocabulary.txt").write_text("".join(f"{known[place]}\n" for place in words))
        (vectors,) = model.layers[0].get_weights()
        model.layers[0].set_weights([vectors[[0, *(place + 1 for place in words)]]])
    if labels is not None:
        weights, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([weights[:, labels], bias[labels]])
        described["labels"] = [described["labels"][place] for place in labels]
    model.save(folder / "model.keras")
    (folder / "task.json").write_text(json.dumps(described | (about(described) if about else {})))
    return package


def asked(store, package, config=None):
    """What a package's technology model says about the test patents, and what the current one does."""
    config = config or configured(store.root)
    with store.draft("register") as draft, ExitStack() as resources:
        context = StageContext(config, store, draft, resources)
        candidate = candidate_answers(store, "technology")
        (draft.directory / "scratch").mkdir()
        return champion_answers(
            context, package.task("technology"), candidate, draft.directory / "scratch"
        ), candidate


def test_a_champion_with_other_words_and_labels_is_asked_in_its_own(copy, tmp_path):
    """Its words and labels stand in another order; one label has a name that nobody knows today, so its patents are errors."""
    plain = champion_in(copy, "technology", tmp_path)
    count = len(plain.task("technology").vocabulary)
    last = "H01"
    packed = reading(
        plain,
        words=np.random.default_rng(1).permutation(count).tolist(),
        labels=list(range(7, -1, -1)),
        about=lambda about: {"labels": [{last: "Z99"}.get(label, label) for label in about["labels"]]},
    )
    champion, candidate = asked(copy, packed)
    assert champion.labels == [*candidate.labels, "Z99"]
    renamed = [
        {last: "Z99"}.get(label, label) for label in np.array(candidate.labels)[candidate.says.predicted]
    ]
    assert np.array(champion.labels)[champion.says.predicted].tolist() == renamed
    assert champion.says.confidence == pytest.approx(candidate.says.confidence, abs=1e-5)
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
    publish(copy, "ingest", {"PATENTS": rows}, copy.metadata("ingest"))
    package = reading(
        champion_in(copy, "technology", tmp_path),
        about=lambda about: {"text": {"fields": ["title"], "claims": "first"}},
    )
    champion, candidate = asked(copy, package)
    wanted = package.task("technology").probabilities(
        pa.array([titles[key] for key in candidate.keys.tolist()], pa.list_(pa.string()))
    )
    assert champion.says.confidence == pytest.approx(wanted.max(axis=1), abs=1e-5)
    assert (champion.says.predicted == wanted.argmax(axis=1)).all()
    with pytest.raises(Exception, match="the champion reads claims, which this release was ingested without"):
        asked(
            copy,
            reading(
                package, about=lambda about: {"text": {"fields": ["title", "claims"], "claims": "first"}}
            ),
        )


def test_patents_that_the_champion_learned_from_are_left_out(copy, tmp_path):
    """Of the test patents 450 to 539 it learned from 450 to 469: 460 to 469 have twins, all of them among these but for none."""
    package = champion_in(copy, "technology", tmp_path)
    learned = [*range(5_000_450, 5_000_461), 5_000_475]
    pq.write_table(
        pa.table({"patent_key": pa.array(learned, pa.int64())}), package.folder / "learned_from.parquet"
    )
    candidate = candidate_answers(copy, "technology")
    with copy.draft("register") as draft, ExitStack() as resources:
        cohorts = read_cohorts(StageContext(configured(copy.root), copy, draft, resources))
    assert 5_000_461 in TWINS and 5_000_474 in TWINS
    left = set(candidate.keys[~new_to(package, candidate, cohorts)].tolist())
    assert left == {*learned, 5_000_461, 5_000_474}


def test_without_a_patent_that_is_new_to_the_champion_nothing_is_decided(copy, capsys):
    package_of = Registry(configured(copy.root), "technology").champion()
    about = json.loads((copy.directory("MODEL") / "technology" / "task.json").read_text())
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
        code, said = command(capsys, copy, "tasks=technology")
    finally:
        pq.write_table(saved, f"{place}/learned_from.parquet")  # the copies of the world share these files
    assert code == 4
    assert "cannot be told from the champion's on 0 test patents (90 left out, from which it learned)" in said


def test_one_model_for_both_tasks_is_one_version(copy, tmp_path):
    examples = copy.directory("EXAMPLES")
    shutil.copytree(examples / "citation_level", examples / "joint")
    joint = configured(copy.root, "tasks=joint", "technology.max_tokens=200")
    with pytest.raises(
        DataError,
        match="the current models were trained with tasks=both, not joint; register them with the former",
    ):
        run_stage("register", joint)
    rewrite_manifest(copy, "train", settings={"tasks": "joint"})
    run_stage("register", joint)
    package = champion_in(copy, "joint", tmp_path)
    assert [package.task(task).about["task"] for task in TASKS] == list(TASKS)
    assert package.learned_from.tolist() == list(range(5_000_540, 5_000_940))
    card = (copy.directory("MODEL_CARD") / "joint" / "card.md").read_text()
    assert card.startswith("# Technology class and Citation level of US patents")
    assert "All 3 checks" in card


def test_a_server_that_is_away_is_exit_1(copy, capsys):
    uri, before = f"http://127.0.0.1:{free_port()}", copy.manifest("register")
    code, said = command(capsys, copy, f"tracking.uri={uri}")
    assert code == cli.FAILED
    assert f"patent-spark: MLflow at tracking.uri = {uri} did not answer as it should" in said
    assert copy.manifest("register") == before


def test_what_is_missing_is_said(copy, capsys):
    audit = copy.directory("AUDIT") / "audit.json"
    found = json.loads(audit.read_text())
    audit.write_text(
        json.dumps({"checks": [check for check in found["checks"] if check["task"] != "technology"]})
    )
    assert (
        "task technology was not audited; run `patent-spark audit` with tasks=both first"
        in command(capsys, copy)[1]
    )
    audit.write_text(json.dumps(found))
    about = json.loads((copy.directory("MODEL") / "technology" / "task.json").read_text())
    (copy.directory("MODEL") / "technology" / "task.json").write_text(
        json.dumps({k: v for k, v in about.items() if k != "text"})
    )
    code, said = command(capsys, copy, "tracking.experiment=another")
    assert code == cli.BAD_DATA
    assert "was trained by an older version of this program; run `patent-spark train` again" in said


def test_a_version_that_somebody_else_made_champion_is_named(copy, capsys):
    client = MlflowClient(tracking_uri(configured(copy.root)))
    client.create_model_version("patent_spark_technology", "/tmp/elsewhere", await_creation_for=0)
    client.set_registered_model_alias("patent_spark_technology", "champion", "2")
    code, said = command(capsys, copy)
    assert code == cli.FAILED
    assert (
        "models:/patent_spark_technology/2 was not registered by patent-spark; give the alias champion to a version that was"
        in said
    )


def test_register_is_no_part_of_a_whole_run(tmp_path):
    assert "register" not in [stage.name for stage in planned(configured(tmp_path))]
