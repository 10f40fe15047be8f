"""A bucket for the tests of this folder, and a warehouse in it on several machines."""

import itertools

import pytest

from patent_spark.config import Warehouse
from patent_spark.core.objects.bucket import Bucket
from patent_spark.core.store import open_store
from tests.support.object_server import BUCKET, KEYS, object_server


@pytest.fixture(scope="module")
def running_server():
    with object_server() as running:
        yield running


@pytest.fixture
def server(running_server, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    yield running_server
    running_server.clear()


_NUMBERS = itertools.count()


@pytest.fixture
def address():
    """A prefix of its own for each test."""
    return f"s3://{BUCKET}/test-{next(_NUMBERS)}/warehouse"


@pytest.fixture
def bucket(server, address):
    return Bucket(address, server.address)


@pytest.fixture
def machine(server, address, tmp_path):
    """The same warehouse as another machine sees it: a Store with copies of its own."""

    def opened(name="one", candidate=False, **settings):
        root = settings.pop("root", address)
        its = {"lease_seconds": 3, "keep_versions": 1, "reader_hours": 0.0} | settings
        warehouse = Warehouse(root=root, endpoint=server.address, cache_dir=str(tmp_path / name), **its)
        return open_store(warehouse, candidate)

    return opened
