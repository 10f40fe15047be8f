"""The registry of MLflow in SQLite, and behind a server that keeps the files."""

import pytest

from patent_spark.config import load_config
from patent_spark.tracking.registry import IDENTITY, Registry
from patent_spark.tracking.runs import create_run
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
