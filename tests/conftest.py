"""Shared by all tests: one lazy session of the engine that `--engine` names (the Spark stages are tested
on both)."""

import pytest
from hypothesis import settings

from patent_spark.config import Engine
from patent_spark.core.session import open_session

settings.register_profile("steady", deadline=None, derandomize=True)  # slow machines are no failure
settings.load_profile("steady")


def pytest_addoption(parser):
    parser.addoption(
        "--engine", choices=["sail", "spark"], default="sail", help="engine of the tests marked `engine`"
    )


@pytest.fixture(scope="session")
def engine(request) -> Engine:
    return Engine(name=request.config.getoption("--engine"), memory="2g", shuffle_partitions=4)


@pytest.fixture(scope="session")
def session(engine):
    with open_session(engine) as session:
        yield session
