"""The stage register on a small warehouse, with a real registry of MLflow in SQLite."""

import json
import shutil

import pytest
from mlflow import MlflowClient

from patent_spark import cli
from patent_spark.core.errors import DataError, GateError
from patent_spark.pipeline import planned, run_stage
from patent_spark.stages.register.report_schema import (
    AuditChecksFailed,
    AuditChecksNotMade,
    AuditWeakened,
    CheckReference,
    WeakerSetting,
    WorseThanChampion,
)
from patent_spark.tracking.registry import Registry
from patent_spark.tracking.runs import tracking_uri
from tests.support.cluster import free_port
from tests.support.corruption import rewrite_manifest
from tests.support.errors import raises
from tests.support.registration_warehouse import (
    FAMILIES,
    REMEDY,
    TASKS,
    card_of,
    champion_in,
    command,
    configured,
    copy_of,
    decision,
    publish_audit,
    registered,
)


def test_the_first_that_passes_the_audit_becomes_the_champion(champions):
    client = MlflowClient(tracking_uri(configured(champions.root)))
    metrics = champions.read_json("METRICS", "technology.json")
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
    assert version.run_id == champions.read_json("MODEL", "technology/task.json")["run_id"]
    content, card = card_of(champions, "technology")
    assert (content.release_id, content.data_to_date, content.simulated) == ("tiny", "2018-05-29", True)
    assert card.startswith("# Technology class of US patents\n\nSimulated release tiny, data to 2018-05-29.")
    assert 0 < len(version.description) <= 5000
    assert version.description.split("\n## ")[:2] == card.split("\n## ")[:2]


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
    metrics = worse.read_json("METRICS", "technology.json")
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
    about = copy.read_json("MODEL", "technology/task.json")
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
