"""A refresh that is killed again and again ends like one that nothing disturbed."""

import random
import time

import pytest
from mlflow import MlflowClient

from patent_spark.core.store import Store
from patent_spark.pipeline import STAGES
from patent_spark.refresh.status import read_status
from tests.support.killed_refresh import DAYS, finish, killed_after, killed_at
from tests.support.table_hash import tables_of

KILLS = 20
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]


def releases_seen(root):
    """The releases of what readers see of all stages at one moment: one, if all goes well."""
    store = Store(root).pinned()
    return {store.manifest(stage).release_id for stage in STAGES if store.manifest(stage)}


def run_statuses(root):
    """Status of each MLflow run that is a training."""
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    return [run.info.status for run in runs]


def versions(root):
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    return len(client.search_model_versions(""))


def kill_once(chance, whole, root, day):
    """Whether a refresh was killed, at a rename or after a time, both drawn at random."""
    if chance.random() < 0.5:
        return killed_at(chance.randint(1, 15), root, day)
    return killed_after(chance.uniform(1, whole / 8), root, day)


def test_twenty_kills_lose_and_double_nothing(tmp_path):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    assert finish(killed, DAYS[0]).returncode == 0
    days = [DAYS[0]]
    started = time.monotonic()
    assert finish(calm, DAYS[0]).returncode == 0
    whole = time.monotonic() - started

    chance, kills = random.Random(7), 0
    for day in DAYS[1:]:
        (before,) = releases_seen(killed)
        days.append(day)
        while kills < KILLS and releases_seen(killed) == {before}:
            kills += kill_once(chance, whole, killed, day)
            assert len(releases_seen(killed)) == 1, "readers see two releases at once"
        assert finish(killed, day).returncode == 0
        assert finish(calm, day).returncode == 0
        if kills >= KILLS:
            break
    assert kills >= KILLS
    assert tables_of(Store(killed)) == tables_of(Store(calm))
    assert run_statuses(killed) == run_statuses(calm) == ["FINISHED"] * len(days)
    assert versions(killed) == versions(calm)
    assert (
        read_status(Store(killed).control).published.release_id
        == read_status(Store(calm).control).published.release_id
    )
