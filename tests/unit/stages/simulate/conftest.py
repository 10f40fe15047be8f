"""Releases that several test modules read."""

import pytest

from tests.support.simulated_release import Release, make


@pytest.fixture(scope="package")
def release(tmp_path_factory):
    """20,000 patents with the default settings."""
    folder = tmp_path_factory.mktemp("simulated") / "release"
    return Release(folder, make(folder, patents=20_000))


@pytest.fixture(scope="package")
def small(tmp_path_factory):
    """Folder and release.json of 3,000 patents."""
    folder = tmp_path_factory.mktemp("simulated") / "small"
    return folder, make(folder, patents=3000, seed=5)
