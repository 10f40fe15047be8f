"""What goes to a cluster or into an image: packed environments, subsets of the lock file, submitted jobs."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACK, SUBSET, SUBMIT = (ROOT / "deploy" / name for name in ("pack_env.py", "lock_subset.py", "submit.sh"))


def run(*words, **variables):
    return subprocess.run(
        [str(word) for word in words],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )


def subset(*extras):
    """Names and entries of a part of the lock file."""
    done = run(sys.executable, SUBSET, "requirements.lock", *extras)
    assert done.returncode == 0, done.stderr
    entries = re.split(r"^(?=[a-z0-9])", done.stdout, flags=re.MULTILINE)[1:]
    return {entry.split("==")[0]: entry for entry in entries}


@pytest.mark.parametrize("extra", ["spark", "serve", "tracking", "refresh"])
def test_a_subset_has_all_that_its_packages_require(extra):
    """As the packages installed here say themselves."""
    entries = subset(extra)
    for name in entries:
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert canonicalize_name(requirement.name) in entries, f"{name} requires {text}"


def test_a_subset_keeps_pins_and_hashes_and_leaves_out_the_rest():
    lock = (ROOT / "requirements.lock").read_text()
    entries = subset("serve")
    assert {"onnxruntime", "fastapi", "mlflow", "pyspark"} <= entries.keys()
    assert not {"tensorflow-cpu", "petastorm", "pytest", "pysail"} & entries.keys()
    assert all(entry in lock and "--hash=sha256:" in entry for entry in entries.values())


def test_an_unknown_extra_is_named():
    done = run(sys.executable, SUBSET, "requirements.lock", "spork")
    assert done.returncode == 1 and "spork" in done.stderr


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive for the ETL stages."""
    done = run(sys.executable, PACK, "etl", "--to", tmp_path_factory.mktemp("pack"))
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_an_unpacked_environment_stands_alone(archive, tmp_path):
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "elsewhere", filter="fully_trusted")
    code = "import sys, pandas, pyarrow, onnxruntime, pydantic; print(*sys.path, pyarrow.__file__)"
    python = tmp_path / "elsewhere" / "bin" / "python"
    done = run(python, "-c", code, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/elsewhere/lib/" in done.stdout
    assert sys.prefix not in done.stdout


def test_an_environment_is_packed_once(archive):
    before = archive.stat().st_mtime_ns
    assert run(sys.executable, PACK, "etl", "--to", archive.parent).returncode == 0
    assert archive.stat().st_mtime_ns == before


@pytest.fixture
def submit(tmp_path):
    """deploy/submit.sh with stand-ins: spark-submit and the packing write down what they are given."""
    spark, venv = tmp_path / "spark" / "bin" / "spark-submit", tmp_path / "venv" / "bin" / "python"
    texts = {
        spark: f"""#!/bin/sh
printf '%s\\n' "$@" >{tmp_path}/arguments
echo "$PYSPARK_PYTHON" >{tmp_path}/python
while [ "$1" != --archives ]; do shift; done
package=${{2##*,}}
cp "${{package%#package}}" {tmp_path}/package.zip
exit 7
""",
        venv: f"""#!/bin/sh
case "$1" in *pack_env.py) echo /packed/env-$2.tar.gz ;; *) exec {sys.executable} "$@" ;; esac
""",
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    return lambda *words: run(SUBMIT, *words, SPARK_HOME=str(spark.parents[1]), VENV=str(venv.parents[1]))


def test_a_job_brings_its_environment_and_the_package(submit, tmp_path):
    done = submit("--master", "spark://a:1", "--", "label", "--set", "a b")
    assert done.returncode == 7, "the exit code of spark-submit"
    words = (tmp_path / "arguments").read_text().splitlines()
    assert words[-3:] == [str(ROOT / "jobs" / "label.py"), "--set", "a b"]
    assert words[words.index("--master") + 1] == "spark://a:1"
    assert words[words.index("--archives") + 1].startswith("/packed/env-etl.tar.gz#environment,")
    assert (tmp_path / "python").read_text() == "./environment/bin/python\n"
    names = zipfile.ZipFile(tmp_path / "package.zip").namelist()
    assert "patent_spark/cli.py" in names and not [name for name in names if "__pycache__" in name]
    package = words[words.index("--archives") + 1].split(",")[1].removesuffix("#package")
    assert not Path(package).parent.exists()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["train"], "train"),
        (["run", "--set", "train.launcher=spark"], "train"),
        (["run"], "etl"),
        (["refresh", "--set", "train.launcher=spark"], "train"),
        (["label", "--set", "train.launcher=spark"], "etl"),
    ],
)
def test_ranks_get_the_larger_environment(submit, tmp_path, words, kind):
    submit("--", *words)
    assert f"/packed/env-{kind}.tar.gz#environment," in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize("words", [[], ["label"], ["--"], ["--", "spork"]])
def test_a_wrong_call_ends_with_2(submit, words):
    assert submit(*words).returncode == 2
