"""Small warehouses whose models are registered."""

import pytest

from patent_spark.pipeline import run_stage
from tests.support.registration_warehouse import (
    configured,
    copy_of,
    evaluated_and_audited,
    retrain,
    zero_last_layer,
)


@pytest.fixture(scope="session")
def champions(tmp_path_factory):
    """Both models are registered."""
    store = evaluated_and_audited(tmp_path_factory.mktemp("register") / "w")
    run_stage("register", configured(store.root))
    return store


@pytest.fixture(scope="session")
def worse(champions, tmp_path_factory):
    """The technology model is replaced by one whose last layer knows only the label shares."""
    store = copy_of(champions, tmp_path_factory.mktemp("worse") / "w")
    retrain(store, "technology", zero_last_layer)
    return store


@pytest.fixture
def copy(champions, tmp_path):
    return copy_of(champions, tmp_path / "w")
