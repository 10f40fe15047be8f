"""For the faults of a training: the command, and a tracking server that can be lost."""

import pytest

from tests.support.cli_runner import trainings
from tests.support.tracking_server import TrackingServer


@pytest.fixture
def train(tmp_path):
    """Starts the command."""
    with trainings(tmp_path) as start:
        yield start


@pytest.fixture
def server(tmp_path):
    """A tracking server with a store of its own."""
    (tmp_path / "server").mkdir()
    with TrackingServer(tmp_path / "server") as server:
        yield server
