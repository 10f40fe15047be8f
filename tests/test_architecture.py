"""Import contracts (see pyproject.toml), one importer for each fragile library, and limits of size."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from patent_spark.pipeline import STAGES

ROOT = Path(__file__).parents[1]


def test_import_contracts():
    """Runs the contracts; what is broken is printed with the chain of imports."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


ONLY_IMPORTERS = {
    "pysail": {"patent_spark.core.session"},
    "petastorm": {"patent_spark.stages.shard.feed"},
    "horovod": {"patent_spark.stages.train.launch.horovod"},
    "isal": {"patent_spark.stages.ingest.inflate"},
    "gensim": {"patent_spark.stages.text.skipgram", "patent_spark.core.word_vectors"},  # makes, looks up
    "faiss": {"patent_spark.inference.similar.vector_index"},
    "boto3": {"patent_spark.core.objects.bucket"},
}


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph("patent_spark", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize(("library", "modules"), ONLY_IMPORTERS.items())
def test_fragile_libraries_have_one_importer_each_and_gensim_two(imports, library, modules):
    assert imports.find_modules_that_directly_import(library) == modules


def test_only_the_package_tracking_imports_mlflow(imports):
    importers = imports.find_modules_that_directly_import("mlflow")
    assert importers
    assert {module.rpartition(".")[0] for module in importers} == {"patent_spark.tracking"}


def printed(code, **environment):
    """What Python code prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    ).stdout.strip()


def test_importing_the_command_line_loads_no_heavy_library():
    heavy = ("tensorflow", "mlflow", "petastorm", "gensim", "sklearn", "pysail")
    code = f"import sys, patent_spark.cli; print([name for name in {heavy} if name in sys.modules])"
    assert printed(code) == "[]"


def test_another_keras_backend_in_the_environment_is_overridden():
    code = "import patent_spark, keras; print(keras.backend.backend())"
    assert printed(code, KERAS_BACKEND="torch") == "tensorflow"


JOB = """\
import sys

from patent_spark.cli import main

if __name__ == "__main__":
    sys.exit(main(["{stage}", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("stage", ["run", "refresh", *STAGES])
def test_every_stage_has_a_job_that_only_calls_it(stage):
    job = ast.parse((ROOT / "jobs" / f"{stage}.py").read_text())
    assert ast.get_docstring(job)
    assert ast.dump(ast.Module(job.body[1:], [])) == ast.dump(ast.parse(JOB.format(stage=stage)))


def test_there_is_no_other_job():
    assert {job.stem for job in (ROOT / "jobs").iterdir()} == {"run", "refresh", *STAGES}


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
