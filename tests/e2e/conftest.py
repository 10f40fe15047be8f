"""What end-to-end tests share: one small run of the real command line, and the zipped package."""

import subprocess

import pytest

from tests.support.small_run import ROOT, SmallRun, broken_java, patent_spark


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run") / "warehouse"
    variables, java_calls = broken_java(tmp_path_factory.mktemp("java"))
    done = patent_spark("run", root=root, **variables)
    assert done.returncode == 0, done.stderr
    return SmallRun(root, done.stdout, done.stderr, java_calls.read_text().splitlines())


@pytest.fixture(scope="session")
def package_zip():
    """The package as spark-submit ships it to the executors."""
    subprocess.run(["make", "-s", "zip"], cwd=ROOT, check=True, capture_output=True)
    return ROOT / "build" / "patent_spark.zip"
