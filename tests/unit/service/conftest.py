import pytest

from tests.support.http_service import loaded_models, running_service


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return loaded_models(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def service(models):
    """A service with the default limits, shared by tests that change nothing."""
    with running_service(models) as running:
        yield running
