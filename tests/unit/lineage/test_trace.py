"""From a model in a real MLflow back to the release, by every name that a model has."""

import json

import pytest

from patent_spark.cli import main
from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.lineage import LINEAGE_FILE, lineage_of
from patent_spark.core.store import Store
from patent_spark.lineage.records import Lineages
from patent_spark.lineage.trace import trace
from patent_spark.tracking.registry import IDENTITY, Registry
from patent_spark.tracking.runs import create_run
from tests.support.errors import raises
from tests.support.lineage_server import LineageServer
from tests.support.lineage_warehouse import FILE, publish_chain, publish_stage
from tests.support.mlflow_database import empty_database, use_database


class Models:
    """Trainings of a warehouse, and what was registered of them."""

    def __init__(self, root, database):
        self.root = root
        use_database(root, database)
        self.config = load_config(sets=[f"warehouse.root={root}"])[0]
        self.versions = publish_chain(root)

    def train(self, task, *, recorded=True, folder="training"):
        """A run; with its lineage, unless an older version of patent_spark trained."""
        read = {name: self.versions[name] for name in ("text", "shard")}
        tags = {f"stage.{name}": version for name, version in read.items()}
        run = create_run(self.config, task, {"release_id": "r-7", "code": "1.0"} | tags)
        if recorded:
            path = self.root / LINEAGE_FILE
            write_json(path, lineage_of(Store(self.root), read).to_json())
            run.log_file(path, folder)
        run.end()
        return run.run_id

    def register(self, task, run_id, *, champion=True):
        """A version of the model of a task."""
        registry, package = Registry(self.config, task), self.root / f"package-{run_id}"
        package.mkdir()
        (package / "task.json").write_text("{}")
        version = registry.add(run_id, package, {IDENTITY: run_id, "stage.audit": "audit-3"}, "")
        if champion:
            registry.promote(version)
        return version


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return empty_database(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def models(tmp_path, database):
    return Models(tmp_path, database)


def one(config, name):
    (model,) = trace(config, name).models
    return model


def test_the_champion_is_traced_back_to_the_files(models):
    run_id = models.train("technology")
    version = models.register("technology", run_id)
    model = one(models.config, "champion")
    assert (model.model, model.champion, model.recorded) == (version.address, True, True)
    assert (model.run.run_id, model.run.status, model.run.code) == (run_id, "FINISHED", "1.0")
    assert model.run.release_id == model.origin.release.release_id == "r-7"
    assert model.judged_by == {"audit": "audit-3"}
    assert {stage.stage: stage.version for stage in model.origin.stages} == models.versions
    assert model.origin.release.files == {"g_patent.tsv.zip": FILE}


def test_every_name_of_a_model_leads_to_it(models):
    first, second = models.train("technology"), models.train("technology")
    old, new = models.register("technology", first), models.register("technology", second)
    for name in ("technology", "champion", "technology=2", new.address, f"models:/{new.name}@champion"):
        assert (one(models.config, name).model, one(models.config, name).champion) == (new.address, True)
    for name in (old.address, f"run:{first}", first[:12], "technology=1"):
        assert (one(models.config, name).model, one(models.config, name).champion) == (old.address, False)


def test_a_run_that_is_not_registered_is_traced_too(models):
    run_id = models.train("citation_level")
    model = one(models.config, run_id)
    assert (model.model, model.champion, model.judged_by) == (f"run:{run_id}", False, {})
    assert {stage.stage for stage in model.origin.stages} == models.versions.keys()


def test_the_lineage_survives_the_warehouse(models):
    models.register("technology", models.train("technology"))
    for _ in range(3):  # two versions are kept
        publish_stage(Store(models.root), "ingest", {})
    assert not (models.root / "ingest" / models.versions["ingest"]).exists()
    model = one(models.config, "technology")
    assert model.origin.release.files == {"g_patent.tsv.zip": FILE}
    assert {stage.stage: stage.version for stage in model.origin.stages} == models.versions


def test_a_joint_model_has_its_lineage_in_the_folder_of_a_task(models):
    models.register("joint", models.train("joint", folder="technology_training"))
    assert one(models.config, "joint").recorded


def test_of_an_older_model_the_manifests_are_shown_as_long_as_they_are_there(models):
    models.register("technology", models.train("technology", recorded=False))
    model = one(models.config, "technology")
    assert not model.recorded
    assert {stage.stage: stage.version for stage in model.origin.stages} == models.versions
    for _ in range(3):
        for stage in ("text", "shard"):
            publish_stage(Store(models.root), stage, {})
    model = one(models.config, "technology")
    assert (model.origin.stages, model.origin.release, model.run.release_id) == ((), None, "r-7")


def test_names_that_lead_nowhere(models):
    with raises(DataError, model="technology"):
        trace(models.config, "technology")
    with raises(DataError, model="champion"):
        trace(models.config, "champion")
    with raises(ConfigError, run="nobody"):
        trace(models.config, "nobody")


def test_the_command_prints_the_chain_as_text_and_as_json(models, capsys):
    run_id = models.train("technology")
    version = models.register("technology", run_id)
    command = ["lineage", "--set", f"warehouse.root={models.root}"]
    assert main([*command]) == 0
    text = capsys.readouterr().out
    shown = [version.address, run_id, "g_patent.tsv.zip", FILE.sha256, FILE.crc32, "r-7", "2020-06-30"]
    assert [each for each in [*shown, *models.versions.values()] if each not in text] == []
    assert main([*command, "technology", "--json"]) == 0
    document = Lineages.model_validate(json.loads(capsys.readouterr().out))
    assert document == trace(models.config, "technology")


def test_of_an_older_model_the_text_says_what_is_missing(models, capsys):
    models.register("technology", models.train("technology", recorded=False))
    assert main(["lineage", "technology", "--set", f"warehouse.root={models.root}"]) == 0
    assert LINEAGE_FILE in capsys.readouterr().out


def test_the_chain_goes_to_openlineage_where_the_environment_asks_for_it(models, monkeypatch, capsys):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    models.register("technology", models.train("technology"))
    with LineageServer() as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        assert main(["lineage", "technology", "--set", f"warehouse.root={models.root}"]) == 0
    assert {event["job"]["name"] for event in server.events} == {
        f"patent_spark.{stage}" for stage in models.versions
    }
