import pytest

from tests.support.downloads import KEY, Downloads, small_release
from tests.support.release_server import ReleaseServer


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """A key, and no proxy between a test and its server."""
    monkeypatch.setenv("USPTO_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def server(tmp_path):
    with ReleaseServer(small_release(tmp_path / "made")) as server:
        yield server


@pytest.fixture
def odp(server, tmp_path):
    return Downloads(server, tmp_path)


@pytest.fixture
def zenodo(server, tmp_path):
    return Downloads(server, tmp_path, "zenodo")
