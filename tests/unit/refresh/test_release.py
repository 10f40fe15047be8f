"""The newest release of a source whose files are still elsewhere."""

import pytest

from patent_spark.config import load_config
from patent_spark.refresh.plan import plan
from patent_spark.refresh.release import fetched, find_release, is_here
from patent_spark.refresh.run import Options
from patent_spark.sources.local import release_folder
from tests.support.downloads import KEY, RELEASE, Downloads, small_release
from tests.support.release_server import ReleaseServer


@pytest.fixture
def odp(tmp_path, monkeypatch):
    monkeypatch.setenv("USPTO_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with ReleaseServer(small_release(tmp_path / "made")) as server:
        yield Downloads(server, tmp_path)


def test_looking_for_a_release_downloads_nothing(odp):
    config, _ = load_config(sets=odp.sets())
    release = find_release(config)
    assert release.id == RELEASE
    assert not is_here(config, release)
    assert "download --list" in plan(config, Options())
    assert not odp.server.file_requests()


def test_the_release_that_was_found_is_fetched_and_read(odp):
    config, _ = load_config(sets=odp.sets())
    release = find_release(config)
    assert release_folder(fetched(config, release)) == odp.release
    assert is_here(config, release) and find_release(config) == release
    assert "download --list" not in plan(config, Options())


def test_a_file_that_is_published_again_is_a_new_release(odp):
    config, _ = load_config(sets=odp.sets())
    before = find_release(config)
    odp.server.files["g_cpc_current.tsv.zip"] += b"x"
    assert find_release(config).fingerprint != before.fingerprint
