"""A warehouse in a bucket of a real S3 server (SeaweedFS): refreshes, a kill, two at once, other machines."""

import json
import os
import subprocess
import time

import boto3
import pytest

from patent_spark.config import Engine, load_config
from patent_spark.core.objects.bucket import Bucket
from patent_spark.core.objects.lease import holder_of
from patent_spark.core.session import open_session
from patent_spark.core.store import open_store
from tests.support.killed_refresh import DAYS, SETTINGS
from tests.support.object_server import BUCKET, KEYS
from tests.support.seaweedfs import seaweedfs
from tests.support.small_run import PROGRAM, ROOT, set_options
from tests.support.table_hash import tables_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ADDRESS = f"s3://{BUCKET}/warehouse"
LEASE_S = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def environment(folder):
    """The environment of all commands: the server's address and the credentials are nowhere else."""
    with seaweedfs(folder / "server") as address, pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        yield dict(os.environ)


def settings(folder, machine):
    """Of the warehouse as one machine sees it."""
    return [
        f"warehouse.root={ADDRESS}",
        f"warehouse.cache_dir={folder / machine}",
        f"warehouse.lease_seconds={LEASE_S}",
        f"tracking.uri=sqlite:///{folder}/mlflow.db",
    ]


def command(name, sets, *more, day=DAYS[0]):
    sets = set_options([*SETTINGS, f"simulate.data_to_date={day}", *sets])
    return [PROGRAM, name, "--config", str(ROOT / "conf" / "demo.yaml"), *sets, *more]


def done(words, environment):
    """A command that ended well; returns what it printed."""
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def store_on(folder, machine):
    return open_store(load_config(sets=settings(folder, machine))[0].warehouse)


@pytest.fixture(scope="module")
def refreshed(folder, environment):
    """The warehouse in the bucket after a first release."""
    done(command("refresh", settings(folder, "one")), environment)


def test_its_tables_are_those_of_a_warehouse_in_a_folder(refreshed, folder, environment):
    local = [f"warehouse.root={folder / 'local'}"]
    done(command("refresh", local), environment)
    expected = tables_of(open_store(load_config(sets=local)[0].warehouse))
    assert len(expected) > 10
    assert tables_of(store_on(folder, "two")) == expected


def test_another_machine_sees_the_refresh_and_finds_nothing_new(refreshed, folder, environment):
    report = json.loads(done(command("status", settings(folder, "two"), "--json"), environment))
    assert (report["root"], report["refresh"]["last"]["verdict"]) == (ADDRESS, "promoted")
    assert report["next_call"]["new"] is False
    before = store_on(folder, "three").pointers.snapshot()
    done(command("refresh", settings(folder, "two")), environment)
    assert store_on(folder, "three").pointers.snapshot() == before
    secret, copies = KEYS["AWS_SECRET_ACCESS_KEY"].encode(), folder / "one"
    kept = [path for path in copies.rglob("*") if path.suffix in (".log", ".json", ".yaml", ".html")]
    assert {path.suffix for path in kept} >= {".log", ".json"}
    assert not [path for path in kept if secret in path.read_bytes()]


def test_sail_reads_a_table_from_the_bucket_itself(refreshed, folder, environment, monkeypatch):
    more = {"AWS_ALLOW_HTTP": "true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false", "AWS_REGION": "us-east-1"}
    for name, value in {**more, "AWS_ENDPOINT": environment["AWS_ENDPOINT_URL"]}.items():
        monkeypatch.setenv(name, value)
    store = store_on(folder, "six")
    with open_session(Engine(name="sail")) as session:
        read = session.read.parquet(*store.addresses("CITATIONS")).count()
    assert read == store.manifest("ingest").tables["CITATIONS"]["rows"]
    assert not list((folder / "six").rglob("*.parquet"))


def test_a_kill_in_the_middle_of_a_stage_loses_nothing_and_of_two_that_go_on_one_is_told(
    refreshed, folder, environment
):
    before = tables_of(store_on(folder, "two"))
    kill_while_it_writes("text", command("refresh", settings(folder, "one"), day=DAYS[1]), environment)
    assert tables_of(store_on(folder, "four")) == before
    assert drafts("text")

    wait_for_the_lease("refresh/lock")
    both = [
        subprocess.Popen(
            command("refresh", settings(folder, machine), day=DAYS[1]),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for machine in ("one", "two")
    ]
    messages = [process.communicate(timeout=600)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], messages
    told, winner = sorted(both, key=lambda process: process.returncode, reverse=True)
    assert f"process {winner.pid}" in messages[both.index(told)]
    assert not drafts("text")
    store = store_on(folder, "five").pinned()
    released = {
        manifest.release_id for manifest in map(store.manifest, store.pointers.snapshot()) if manifest
    }
    assert len(released) == 1
    assert tables_of(store) != before


def kill_while_it_writes(stage, words, environment):
    """SIGKILL as soon as there is a draft of the stage."""
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not drafts(stage):
        assert process.poll() is None, "it ended before it came to the stage"
        time.sleep(0.1)
    process.kill()
    process.wait()


def drafts(stage):
    """The writers' notes of a stage's drafts."""
    listed = (
        boto3.Session()
        .client("s3", region_name="us-east-1")
        .list_objects_v2(Bucket=BUCKET, Prefix=f"warehouse/{stage}/")
    )
    return [each["Key"] for each in listed.get("Contents", []) if each["Key"].endswith("/.writer")]


def wait_for_the_lease(lock):
    while (seen := Bucket(ADDRESS).read(lock)) and holder_of(seen):
        time.sleep(0.5)
