"""A new champion takes over without a restart; a spoilt one, or a registry that is away, changes nothing."""

import re
import signal
import threading

import pytest

from patent_spark.core.errors import DataError, WorkError
from patent_spark.service.champions import Champions
from patent_spark.service.reload import ChampionPoller
from patent_spark.service.serve import first_champions
from tests.support.cluster import wait_for
from tests.support.errors import raises
from tests.support.http_service import running_service
from tests.support.served_registry import (
    ServedRegistry,
    served_config,
    small_packages,
    with_half_a_network,
    with_other_answers,
    without_samples,
)
from tests.support.small_package import small_package
from tests.support.tracking_server import TrackingServer

TEXT = {"title": "A neural network device", "abstract": "The battery cell of an antenna signal."}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return small_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One database for all tests: to make one takes seconds."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture
def config(folder, tmp_path, request):
    """Settings with an experiment, and so models, of the test's own."""
    cache = f"inference.cache={tmp_path}/cache"
    return served_config(folder, cache, f"tracking.experiment={re.sub(r'[^a-z]', '_', request.node.name)}")


@pytest.fixture
def registry(config, tmp_path):
    return ServedRegistry(config, tmp_path)


class Followed:
    """A service that follows a registry; `look` looks once."""

    def __init__(self, config):
        self.champions = Champions(config)
        self.models = first_champions(self.champions)
        self.poller = ChampionPoller(self.champions, 3600)

    def __enter__(self):
        self._running = running_service(self.models, registry=self.poller.answer)
        self.service = self._running.__enter__()
        self.poller.start(self.service.live, self.service.application.metrics)
        return self

    def __exit__(self, *error):
        self.poller.stop()
        self._running.__exit__(*error)

    def look(self):
        self.poller.look()

    def version(self):
        return self.service.get("/version")[1]["models"][0]["version"]

    def registry(self):
        return self.service.get("/version")[1]["registry"]

    def answer(self):
        status, answer = self.service.post("/v1/predict", TEXT)
        assert status == 200
        technology = answer["predictions"][0]["technology"]
        return technology["model"]["version"], technology["probability"]


def test_a_new_champion_takes_over(config, registry, packages):
    first = registry.promote(packages[0], 1)
    with Followed(config) as followed:
        assert followed.answer()[0] == "1"
        before = followed.answer()[1]
        followed.look()
        assert followed.version() == "1"
        registry.promote(packages[1], 2)
        followed.look()
        assert (followed.version(), followed.answer()[0]) == ("2", "2")
        assert followed.answer()[1] != before
        metrics = followed.service.metrics()
        assert metrics[f'patent_spark_reloads_total{{name="{registry.name}"}}'] == 1
        registry.promote_again(first)
        followed.look()
        assert followed.answer() == ("1", before)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(with_other_answers, "differs"), (with_half_a_network, "unreadable"), (without_samples, "no_samples")],
)
def test_a_spoilt_champion_is_refused_and_the_old_one_goes_on(config, registry, packages, spoil, code):
    registry.promote(packages[0], 1)
    with Followed(config) as followed:
        before = followed.answer()
        registry.promote(registry.spoilt(packages[1], "spoilt", spoil), 2)
        followed.look()
        followed.look()
        assert followed.answer() == before
        (refused,) = followed.registry()["refused"]
        assert (refused["name"], refused["version"]) == (registry.name, "2")
        assert len(refused["reason"]) > 20 and str(registry.config.warehouse.root) not in refused["reason"]
        metrics = followed.service.metrics()
        counted = f'patent_spark_refused_reloads_total{{name="{registry.name}",reason="{code}"}}'
        assert metrics[counted] == 1  # once, not at every look
        registry.promote(packages[2], 3)
        followed.look()
        assert (followed.version(), followed.registry()["refused"]) == ("3", [])


def test_a_version_that_others_registered_is_refused(config, registry, packages):
    registry.promote(packages[0], 1)
    with Followed(config) as followed:
        registry.promote_foreign()
        followed.look()
        assert (followed.version(), followed.registry()["refused"][0]["version"]) == ("1", "2")
        assert followed.registry()["answers"] is True


def test_a_champion_that_cannot_be_stored_is_tried_again(config, registry, packages, tmp_path):
    registry.promote(packages[0], 1)
    with Followed(config) as followed:
        registry.promote(packages[1], 2)
        cache = tmp_path / "cache"
        cache.rename(tmp_path / "kept")
        cache.write_text("a file where the folder was")
        followed.look()
        refused = followed.registry()["refused"]
        assert (followed.answer()[0], refused[0]["version"]) == ("1", "2")
        assert "inference.cache" in refused[0]["reason"] and str(tmp_path) not in refused[0]["reason"]
        cache.unlink()
        followed.look()
        assert (followed.answer()[0], followed.registry()["refused"]) == ("2", [])


def test_another_task_gets_its_first_champion(config, registry, tmp_path, packages):
    registry.promote(packages[0], 1)
    with Followed(config) as followed:
        levels = small_package(tmp_path / "levels", tasks=("citation_level",)).folder
        ServedRegistry(config, tmp_path, "citation_level").promote(levels, 2)
        followed.look()
        tasks = [model["task"] for model in followed.service.get("/version")[1]["models"]]
        assert tasks == ["technology", "citation_level"]


def test_a_registry_that_fails_changes_nothing(config, registry, folder, packages):
    registry.promote(packages[0], 1)
    with Followed(config) as followed:
        before = followed.answer()
        database = folder / "warehouse" / "mlflow" / "mlflow.db"
        kept = database.read_bytes()
        database.write_bytes(b"not a database" * 100)
        followed.look()
        assert followed.answer() == before
        assert followed.registry()["answers"] is False
        assert followed.service.metrics()["patent_spark_registry_answers"] == 0
        database.write_bytes(kept)
        followed.look()
        assert followed.registry()["answers"] is True


def test_the_first_champion_must_exist_and_be_sound(config, registry, packages):
    with raises(DataError, alias="champion"):
        first_champions(Champions(config))
    registry.promote(registry.spoilt(packages[0], "spoilt", with_other_answers), 1)
    with raises(WorkError, model=f"models:/{registry.name}/1"):
        first_champions(Champions(config))


@pytest.mark.slow
def test_with_a_server_that_is_killed_and_silent(tmp_path, packages, monkeypatch):
    with TrackingServer(tmp_path) as server:
        config = served_config(tmp_path, f"tracking.uri={server.uri}")
        registry = ServedRegistry(config, tmp_path)
        registry.promote(packages[0], 1)
        with Followed(config) as followed:
            registry.promote(packages[1], 2)
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
            server.signal(signal.SIGSTOP)
            looking = threading.Thread(target=followed.look)
            looking.start()
            assert followed.answer()[0] == "1"  # while the look hangs
            looking.join(60)
            assert followed.registry()["answers"] is False
            server.signal(signal.SIGCONT)
            monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
            followed.look()
            assert followed.answer()[0] == "2"
            server.signal(signal.SIGKILL)
            server.process.wait()
            followed.look()
            assert (followed.answer()[0], followed.registry()["answers"]) == ("2", False)
            server.start()
            registry.promote(packages[2], 3)
            wait_for(lambda: followed.look() or followed.version() == "3")
