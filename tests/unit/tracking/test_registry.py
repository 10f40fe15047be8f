"""The registry of MLflow in SQLite, and behind a server that keeps the files."""

import pytest

from patent_spark.config import load_config
from patent_spark.tracking.registry import IDENTITY, Registry
from patent_spark.tracking.runs import create_run
from patent_spark.tracking.server import connected, tracking_uri
from patent_spark.tracking.version_lookup import LookupUnavailable, aliased_version, numbered_version
from tests.support.cluster import free_port
from tests.support.tracking_server import TrackingServer


def goes_round(config, folder):
    """Two versions are added, one is made champion, and its files come back."""
    run = create_run(config, "technology", {})
    registry = Registry(config, "technology")
    assert registry.champion() is None and registry.versions() == []
    for number in ("1", "2"):
        package = folder / number
        (package / "technology").mkdir(parents=True)
        (package / "technology" / "task.json").write_text(number)
        version = registry.add(
            run.run_id, package, {IDENTITY: f"made-of-{number}", "release_id": "r7"}, "d" * 9000
        )
        assert (version.number, version.address) == (number, f"models:/{registry.name}/{number}")
        assert registry.champion() is None or registry.champion().number == "1"
        if number == "1":
            registry.promote(version)
    assert [version.number for version in registry.versions()] == ["2", "1"]
    champion = registry.champion()
    assert (champion.number, champion.run_id, champion.tags["release_id"]) == ("1", run.run_id, "r7")
    (folder / "back").mkdir()
    assert (registry.fetch(champion, folder / "back") / "technology" / "task.json").read_text() == "1"
    registry.promote(version)
    assert registry.champion().number == "2"
    assert Registry(config, "joint").champion() is None
    looked_up_without_mlflow(config, registry)


def looked_up_without_mlflow(config, registry):
    """The same versions as MLflow's own client tells."""
    uri = tracking_uri(config)
    newest, first = registry.versions()
    assert aliased_version(uri, registry.name, "champion") == newest
    assert numbered_version(uri, registry.name, "1") == first
    assert aliased_version(uri, registry.name, "another") is None
    assert aliased_version(uri, "another", "champion") is None
    assert numbered_version(uri, registry.name, "3") is None
    with connected(config) as client:
        client.delete_registered_model_alias(registry.name, "champion")
        client.delete_model_version(registry.name, "1")
    assert aliased_version(uri, registry.name, "champion") is None
    assert numbered_version(uri, registry.name, "1") is None


@pytest.mark.parametrize("content", [None, b"no database", b""])
def test_what_cannot_be_looked_up_is_left_to_mlflow(tmp_path, content, monkeypatch):
    path = tmp_path / "m.db"
    if content is None:
        assert numbered_version(f"sqlite:///{path}", "a", "1") is None
        assert not path.exists()
        return
    path.write_bytes(content)
    with pytest.raises(LookupUnavailable):
        numbered_version(f"sqlite:///{path}", "a", "1")
    with pytest.raises(LookupUnavailable):
        numbered_version(f"http://127.0.0.1:{free_port()}", "a", "1")
    with pytest.raises(LookupUnavailable):
        numbered_version("databricks", "a", "1")


def test_versions_in_a_database(tmp_path):
    goes_round(load_config(sets=[f"warehouse.root={tmp_path}/w", "tracking.experiment=a/b:c"])[0], tmp_path)
    assert (
        Registry(load_config(sets=["tracking.experiment=a/b:c"])[0], "technology").name == "a_b_c_technology"
    )


@pytest.mark.slow
def test_versions_on_a_server(tmp_path):
    with TrackingServer(tmp_path) as server:
        goes_round(
            load_config(sets=[f"warehouse.root={tmp_path}/w", f"tracking.uri={server.uri}"])[0], tmp_path
        )
