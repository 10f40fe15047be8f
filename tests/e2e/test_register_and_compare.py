"""Registration and comparison of models after real runs of the real command line."""

import hashlib
import json
import shutil

import pytest

from patent_spark.config import load_config
from patent_spark.core.metadata import TrainMetadata
from patent_spark.core.store import Store
from patent_spark.lineage.records import Lineages
from patent_spark.pipeline import STAGES
from patent_spark.stages.audit.report_schema import read_audit
from patent_spark.stages.register.report_schema import DecisionReport
from patent_spark.tracking.registry import Registry
from tests.support.small_run import patent_spark


def registered(whole_run, task):
    registry = Registry(load_config(sets=[f"warehouse.root={whole_run.root}"])[0], task)
    champion = registry.champion()
    return champion and champion.number, len(registry.versions())


@pytest.fixture(scope="module")
def first(whole_run):
    return patent_spark("register", root=whole_run.root)


def test_one_model_is_registered_and_the_other_rejected(whole_run, first):
    """The demo's percentiles and labels know the test years, which concerns the citation level alone."""
    assert first.returncode == 4
    last = first.stderr.splitlines()[-1]
    assert "citation_level" in last and "technology" not in last
    cards = whole_run.store.directory("MODEL_CARD")
    decision = DecisionReport.model_validate_json((cards / "citation_level" / "decision.json").read_text())
    (reason,) = decision.reasons
    assert (decision.verdict, reason.code) == ("rejected", "audit_checks_failed")
    assert {check.task for check in reason.checks} == {"citation_level"}
    assert len(reason.checks) == 2
    assert all(check.name in last for check in reason.checks)
    assert registered(whole_run, "technology") == ("1", 1)
    assert registered(whole_run, "citation_level") == (None, 0)
    metrics = json.loads((whole_run.store.directory("METRICS") / "technology.json").read_text())
    card = (cards / "technology" / "card.md").read_text()
    assert f"accuracy {100 * metrics['accuracy']:.1f} %" in card
    assert (cards / "technology" / "card.html").exists()
    assert [path.name for path in (cards / "citation_level").iterdir()] == ["decision.json"]


def test_the_report_has_the_verdict_of_the_audit(whole_run):
    page = (whole_run.store.directory("REPORT") / "report.html").read_text()
    assert "Audit: 2 of 53 checks failed" in page
    audit = read_audit(whole_run.store)
    failed = [check.name for check in audit.checks if check.status == "failed"]
    assert len(failed) == 2 and all(f"Citation level, {name}" in page for name in failed)


def test_everything_names_its_release(whole_run, first):
    store = whole_run.store
    release = store.manifest("ingest").release_id
    assert release.startswith("sim-3000-")
    ran = [manifest for stage in STAGES if (manifest := store.manifest(stage))]
    assert {manifest.release_id for manifest in ran} == {release}
    documents = {
        ("METRICS", "technology.json"): "release_id",
        ("AUDIT", "audit.json"): "release_id",
        ("MODEL", "technology/task.json"): "release_id",
        ("MODEL_CARD", "technology/decision.json"): "release_id",
    }
    for (output, file), name in documents.items():
        assert store.read_json(output, file)[name] == release, file
    assert store.read_json("QUALITY", "quality.json")["release"]["id"] == release
    for output in ("QUALITY", "REPORT", "AUDIT"):
        assert release in (store.directory(output) / "report.html").read_text(), output
    assert release in (store.directory("MODEL_CARD") / "technology" / "card.html").read_text()
    runs = whole_run.mlflow_runs()
    assert runs and {run["tags"]["release_id"] for run in runs} == {release}
    config = load_config(sets=[f"warehouse.root={whole_run.root}"])[0]
    assert Registry(config, "technology").champion().tags["release_id"] == release


def test_the_registered_model_is_traced_back_to_the_files(whole_run, first):
    traced = patent_spark("lineage", "technology", "--json", root=whole_run.root)
    assert traced.returncode == 0, traced.stderr
    (model,) = Lineages.model_validate_json(traced.stdout).models
    store = whole_run.store
    assert (model.champion, model.recorded) == (True, True)
    made = ("simulate", "ingest", "label", "split", "text", "shard")
    current = {stage: store.manifest(stage) for stage in made}
    assert {stage.stage: (stage.version, stage.tables) for stage in model.origin.stages} == {
        name: (manifest.version, manifest.tables) for name, manifest in current.items()
    }
    judged = {stage: store.manifest(stage).version for stage in ("train", "evaluate", "audit")}
    assert model.judged_by == judged
    folder = store.directory("RELEASE")
    files = {name: file.sha256 for name, file in model.origin.release.files.items()}
    assert len(files) >= 4
    assert files == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}


@pytest.mark.slow
def test_a_worse_model_is_refused_and_compared(whole_run, first, tmp_path):
    """A copy of the warehouse, with the same runs and registry, trains a model that hardly learns."""
    shutil.copytree(whole_run.root, tmp_path / "w", ignore=shutil.ignore_patterns("mlflow", "logs"))
    store = Store(tmp_path / "w")
    sets = [
        "tasks=technology",
        f"tracking.uri=sqlite:///{whole_run.root}/mlflow/mlflow.db",
        "train.learning_rate=1e-6",
        "train.epochs=1",
        "evaluate.combine=none",  # the linear model would make up for it
    ]
    before = whole_run.store.metadata(TrainMetadata).tasks["technology"].run_id
    done = patent_spark("run", root=store.root, sets=sets)
    assert done.returncode == 0, done.stderr
    refused = patent_spark("register", root=store.root, sets=sets)
    assert refused.returncode == 4
    last = refused.stderr.splitlines()[-1]
    assert "technology" in last and "accuracy" in last
    path = store.directory("MODEL_CARD") / "technology" / "decision.json"
    decision = DecisionReport.model_validate_json(path.read_text())
    assert [reason.code for reason in decision.reasons] == ["worse_than_champion"]
    assert registered(whole_run, "technology") == ("1", 1)
    after = store.metadata(TrainMetadata).tasks["technology"].run_id
    compared = patent_spark("compare", before[:12], after[:12], root=store.root, sets=sets)
    assert compared.returncode == 0, compared.stderr
    assert "is worse" in compared.stdout
    assert "train.epochs 2 -> 1" in compared.stdout
    page = store.root / "compare" / f"{before[:8]}-{after[:8]}" / "compare.html"
    assert compared.stdout.splitlines()[-1] == f"page       {page}"
    assert "is worse" in page.read_text()
