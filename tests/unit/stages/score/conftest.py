import pytest

from tests.support.small_package import small_package
from tests.support.texts_to_score import patents, publish_patents


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("package") / "model", combined=True)


@pytest.fixture
def rows():
    return patents()


@pytest.fixture
def store(tmp_path, rows):
    return publish_patents(tmp_path / "warehouse", rows)
