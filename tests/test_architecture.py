"""The floors of the house, and one door for each fragile library. The contracts themselves stand in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]


def test_floors():
    """Runs the contracts; what is broken is printed with the chain of imports."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


DOORS = {
    "pysail": "patent_spark.core.session",
    "mlflow": "patent_spark.tracking.runs",
    "petastorm": "patent_spark.stages.shard.feed",
    "horovod": "patent_spark.stages.train.launch.horovod",
    "isal": "patent_spark.stages.ingest.inflate",
    "gensim": "patent_spark.stages.text.skipgram",
}


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph("patent_spark", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize(("library", "door"), DOORS.items())
def test_one_door_for_each_fragile_library(imports, library, door):
    assert imports.find_modules_that_directly_import(library) == {door}


def test_importing_the_command_line_loads_no_heavy_library():
    code = "import sys, patent_spark.cli; print([m for m in ('tensorflow','mlflow','petastorm','gensim','sklearn','pysail') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert loaded == "[]"


def test_every_job_is_thin():
    for job in (ROOT / "jobs").glob("*.py"):
        assert len(job.read_text().splitlines()) <= 30, job
