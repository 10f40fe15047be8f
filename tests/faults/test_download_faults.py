"""Downloads that are killed in the middle, or whose disk fills up: the real command, a real file system."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from patent_spark.sources.errors import SourceError
from tests.support.cluster import wait_for
from tests.support.downloads import BIG, KEY, Downloads, small_release, zip_of
from tests.support.errors import raises
from tests.support.release_server import ReleaseServer

SIZE = 6_000_000
KILLS = 2


@pytest.fixture
def odp(tmp_path, monkeypatch):
    """A release whose largest file has 6 MB."""
    monkeypatch.setenv("USPTO_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with ReleaseServer(small_release(tmp_path / "made")) as server:
        server.files[BIG] = zip_of(SIZE)
        yield Downloads(server, tmp_path)


def start(odp):
    command = [sys.executable, "-m", "patent_spark.cli", "download", *odp.options()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_download_that_is_killed_again_and_again_goes_on_and_ends_whole(odp):
    part = odp.release / f"{BIG}.part"
    odp.server.faults.pause = 0.02
    for kill in range(1, KILLS + 1):
        process = start(odp)
        wait_for(lambda so_far=kill: part.exists() and part.stat().st_size > so_far * SIZE / (KILLS + 2))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert BIG not in odp.names() and "release.json" not in odp.names()
    odp.server.faults.pause = 0
    process = start(odp)
    out, err = process.communicate()
    assert (process.returncode, out) == (0, f"{odp.release}\n"), err
    assert odp.names() == {*odp.server.files, "release.json"}
    assert {name: (odp.release / name).read_bytes() for name in odp.server.files} == odp.server.files
    offsets = [request.headers.get("Range") for request in odp.server.file_requests(BIG)]
    assert offsets[0] is None and all(offsets[1:]) and len(offsets) == KILLS + 1
    assert sum(BIG in line for line in odp.ledger()) == KILLS + 1


def test_a_second_command_says_who_is_at_work_and_ends(odp):
    odp.server.faults.pause = 0.05
    first = start(odp)
    wait_for(lambda: odp.server.file_requests(BIG))
    second = start(odp)
    _, err = second.communicate()
    assert second.returncode == 1 and str(first.pid) in err
    odp.server.faults.pause = 0
    first.communicate()
    assert first.returncode == 0
    assert len(odp.server.file_requests()) == len(odp.server.files)


def test_a_disk_that_fills_up_keeps_what_arrived_and_goes_on_with_more_room(odp, tmp_path):
    disk = tmp_path / "downloads"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    try:
        for name in odp.server.files:
            odp.server.sizes[name] = None  # else the missing room is seen before the first request
        with raises(SourceError, file=BIG, setting="source.downloads"):
            odp.fetch()
        arrived = (odp.release / f"{BIG}.part").stat().st_size
        assert 0 < arrived <= shutil.disk_usage(disk).total
        assert BIG not in odp.names()
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert (odp.fetch() / BIG).read_bytes() == odp.server.files[BIG]
        assert odp.server.file_requests(BIG)[-1].headers["Range"] == f"bytes={arrived}-"
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
