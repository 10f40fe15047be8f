"""What a user reads when a bucket cannot be used: one sentence, without secrets."""

import pytest

from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import WorkError
from patent_spark.core.objects import conditions
from patent_spark.core.objects.bucket import Bucket
from tests.support.errors import raises
from tests.support.object_server import KEYS


@pytest.fixture(autouse=True)
def nothing_checked(monkeypatch):
    monkeypatch.setattr(conditions, "_CHECKED", set())


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_a_server_without_conditional_writes_is_refused_before_anything_is_written(
    machine, server, address, header
):
    server.ignored_headers.add("HTTP_" + header.upper().replace("-", "_"))
    with raises(ConfigError, setting="warehouse.root", header=header), machine().draft("text"):
        pass
    assert server.stored(address) == []


def test_a_server_is_probed_once_and_keeps_nothing_of_it(machine, server, address):
    for _ in range(2):
        with machine().draft("text"):
            pass
    probes = [request for request in server.requests if ".probe/" in request and request.startswith("PUT")]
    assert len(probes) == 3
    assert server.stored(address) == []


def test_a_bucket_that_is_missing(machine):
    with raises(ConfigError, setting="warehouse.root", bucket="nothing-here"):
        machine(root="s3://nothing-here/warehouse").manifest("text")


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"])
def test_credentials_that_are_refused(machine, server, code):
    server.refuse("GET", "text/CURRENT", 403, code)
    with raises(ConfigError, setting="warehouse.root", code=code) as caught:
        machine().manifest("text")
    assert not any(secret in str(caught.value) for secret in KEYS.values())


def test_no_credentials(machine, monkeypatch, tmp_path):
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with raises(ConfigError, setting="warehouse.root"):
        machine().manifest("text")


def test_a_server_that_does_not_answer(address, monkeypatch, server):
    monkeypatch.setattr("time.sleep", lambda _: None)  # the pauses between its tries
    with raises(WorkError, setting="warehouse.endpoint"):
        Bucket(address, "http://127.0.0.1:9").read("text/CURRENT")


@pytest.mark.parametrize(
    "root",
    ["gs://bucket/warehouse", "abfs://a@b/c", "hdfs://name/warehouse", "s3://No_Bucket", "file:///tmp/w"],
)
def test_other_addresses_are_refused(root):
    with raises(ConfigError, setting="warehouse.root", scheme=root.partition(":")[0]):
        load_config(sets=[f"warehouse.root={root}"])


def test_the_copies_of_a_bucket_have_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = load_config(sets=["warehouse.root=s3://patents/a/b/"])[0]
    assert config.warehouse.folder == tmp_path / "patent_spark" / "patents" / "a" / "b"
    moved = load_config(sets=["warehouse.root=s3://patents/a", f"warehouse.cache_dir={tmp_path}/disk"])[0]
    assert moved.warehouse.folder == tmp_path / "disk" / "patents" / "a"
