"""A small warehouse with real Keras models, evaluated, and a copy that is not."""

import shutil

import pytest

from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from tests.support.evaluation_warehouse import configured, publish_warehouse


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory):
    return publish_warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture(scope="session")
def evaluated(warehouse):
    run_stage("evaluate", configured(warehouse.root))
    return warehouse


@pytest.fixture
def copy(warehouse, tmp_path):
    """The warehouse before evaluation, to break."""
    shutil.copytree(warehouse.root, tmp_path / "w", ignore=shutil.ignore_patterns("evaluate", "logs"))
    return Store(tmp_path / "w")
