"""The floors of the house, and one door for each fragile library. The contracts themselves stand in pyproject.toml."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from patent_spark.pipeline import STAGES

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


JOB = """\
import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["{stage}", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("stage", ["run", *STAGES])
def test_every_stage_has_a_job_that_only_calls_it(stage):
    job = ast.parse((ROOT / "jobs" / f"{stage}.py").read_text())
    assert ast.get_docstring(job)
    assert ast.dump(ast.Module(job.body[1:], [])) == ast.dump(ast.parse(JOB.format(stage=stage)))


def test_there_is_no_other_job():
    assert {job.stem for job in (ROOT / "jobs").iterdir()} == {"run", *STAGES}


SOURCES = sorted((ROOT / "src" / "patent_spark").rglob("*.py"))


def ninetieth(sizes):
    return sorted(sizes)[int(0.9 * (len(sizes) - 1))]


def test_files_are_small():
    sizes = [len(path.read_text().splitlines()) for path in SOURCES if path.name != "__init__.py"]
    assert ninetieth(sizes) <= 190


def test_functions_are_small():
    sizes = {
        f"{path.name}:{node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert ninetieth(sizes.values()) <= 18
