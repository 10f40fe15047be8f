"""Shared by the faults of a training: the command, and a tracking server that can be lost."""

import pytest

from tests.support.cli_runner import attempts
from tests.support.tracking_server import TrackingServer


@pytest.fixture
def attempt(tmp_path):
    with attempts(tmp_path) as attempt:
        yield attempt


@pytest.fixture
def tracked(tmp_path):
    """A tracking server with a store of its own."""
    (tmp_path / "server").mkdir()
    with TrackingServer(tmp_path / "server") as server:
        yield server
