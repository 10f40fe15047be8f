"""The real set-up script: missing system programs, and when the environment is built anew.

It runs on a copy of its inputs. Programs that would install or compile only record how they were called.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TOOLS = "bash cat cut dirname env grep head ln ls mkdir mv nproc sed sha256sum sort tail touch uname"
UV = """#!/bin/sh
echo "$@" >>"$STARTED"
"""
PIP = """#!/bin/sh
[ "$1" = freeze ] && { head -1 requirements-uv.txt | cut -d" " -f1; exit; }
echo "ARGUMENTS=$*" >"$COMPILED"
env | grep -E "^(HOROVOD|LDFLAGS)" >>"$COMPILED"
for folder; do :; done
touch "$folder/horovod-0.whl"
"""
NVCC = "#!/bin/sh\necho Cuda compilation tools, release {}\n"
NOTHING = "#!/bin/sh\n"


@dataclass(frozen=True)
class Outcome:
    """How one call of the script ended."""

    code: int
    lock: str
    """The lock file that was installed; empty: none."""
    horovod: dict[str, str]
    """Environment variables and arguments of Horovod's compilation; empty: it was not compiled."""
    stderr: str


NOTHING_TO_DO = Outcome(0, "", {}, "")


@pytest.fixture
def build(tmp_path):
    """Runs the script as an ordinary user."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    cache = tmp_path / "cache" / "patent_spark" / "uv" / "bin"
    shutil.copytree(ROOT / "deploy", checkout / "deploy")
    for path in (ROOT / "setup.py", *ROOT.glob("requirements*")):
        shutil.copy(path, checkout)
    texts = {
        **{programs / name: NOTHING for name in ("python3.11", "g++", "make", "java", "mpicxx")},
        programs / "id": "#!/bin/sh\necho 1000\n",
        cache / "uv": UV,
        cache / "pip": PIP,
        checkout / ".venv" / "bin" / "python": "#!/bin/sh\necho /site/nvidia/nccl\n",
        tmp_path / "cuda12" / "bin" / "nvcc": NVCC.format("12.5, V12.5.82"),
        tmp_path / "cuda13" / "bin" / "nvcc": NVCC.format("13.0, V13.0.88"),
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    for tool in _TOOLS.split():
        (programs / tool).symlink_to(shutil.which(tool))
    records = {"STARTED": tmp_path / "started.txt", "COMPILED": tmp_path / "compiled.txt"}
    variables = {"PATH": programs, "XDG_CACHE_HOME": tmp_path / "cache", **records}

    def build(missing=None, toolkit="nowhere", **asked):
        if missing:
            (programs / missing).unlink()
        for path in records.values():
            path.unlink(missing_ok=True)
        environment = variables | {"HOROVOD_CUDA_HOME": tmp_path / toolkit} | asked
        done = subprocess.run(
            [programs / "bash", checkout / "deploy" / "setup-env.sh"],
            env={name: str(value) for name, value in environment.items()},
            capture_output=True,
            text=True,
            timeout=60,
        )
        installed, compiled = (path.read_text() if path.exists() else "" for path in records.values())
        lock = "".join(re.findall(r"\S+\.lock$", installed, re.MULTILINE))
        horovod = dict(line.split("=", 1) for line in compiled.splitlines())
        return Outcome(done.returncode, lock, horovod, done.stderr)

    return build


def mentions(message, *facts):
    """Whether a message is one of the set-up's lines and states each fact."""
    return message.startswith("setup: ") and all(fact in message for fact in facts)


@pytest.mark.parametrize(
    ("program", "package"), [("g++", "g++"), ("make", "make"), ("python3.11", "python3.11")]
)
def test_a_missing_program_is_named_with_its_package_and_nothing_is_built(build, program, package):
    outcome = build(missing=program)
    assert (outcome.code, outcome.lock, outcome.horovod) == (1, "", {})
    assert mentions(outcome.stderr, f"{program} is missing", f"apt-get install {package})")


def test_without_java_its_package_is_named_and_set_up_goes_on(build):
    """The embedded engine needs none."""
    outcome = build(missing="java")
    assert (outcome.code, outcome.lock) == (0, "requirements.lock")
    assert mentions(outcome.stderr, "java is missing", "apt-get install openjdk-17-jre-headless)")


def test_a_new_environment_is_for_processors_and_is_built_once(build):
    outcome = build()
    assert (outcome.code, outcome.lock) == (0, "requirements.lock")
    assert (outcome.horovod["HOROVOD_GPU_OPERATIONS"], outcome.horovod["HOROVOD_WITHOUT_MPI"]) == ("", "1")
    assert " --no-cache-dir " in outcome.horovod["ARGUMENTS"]
    assert build() == NOTHING_TO_DO


def test_an_environment_for_gpus_stays_until_another_is_asked_for(build, tmp_path):
    build()
    without_toolkit = build(GPU=1, toolkit="cuda13")
    assert (without_toolkit.code, without_toolkit.lock) == (0, "requirements-gpu.lock")
    assert without_toolkit.horovod["HOROVOD_GPU_OPERATIONS"] == ""
    assert mentions(without_toolkit.stderr, "CUDA 12", "nvcc", "without NCCL", "HOROVOD_CUDA_HOME")
    assert build() == build(GPU=1) == NOTHING_TO_DO

    with_toolkit = build(toolkit="cuda12")
    assert (with_toolkit.code, with_toolkit.lock, with_toolkit.stderr) == (0, "requirements-gpu.lock", "")
    (libraries,) = (tmp_path / "cache" / "patent_spark" / "horovod").glob("*/nccl")
    assert os.readlink(libraries / "libnccl.so") == "/site/nvidia/nccl/lib/libnccl.so.2"
    horovod = with_toolkit.horovod
    assert horovod["HOROVOD_GPU_OPERATIONS"] == "NCCL"
    assert horovod["HOROVOD_CUDA_HOME"] == str(tmp_path / "cuda12")
    assert horovod["HOROVOD_NCCL_INCLUDE"] == "/site/nvidia/nccl/include"
    assert horovod["LDFLAGS"] == "-Wl,-rpath,$ORIGIN/../../nvidia/nccl/lib"
    assert build() == build(toolkit="cuda12") == NOTHING_TO_DO

    compiled_before = build(HOROVOD_GPU_OPERATIONS="none")
    assert compiled_before == Outcome(0, "requirements-gpu.lock", {}, "")
    assert build() == build(toolkit="cuda12") == NOTHING_TO_DO
    assert build(GPU=0) == Outcome(0, "requirements.lock", {}, "")


def test_mpi_is_compiled_in_when_asked_for_and_stays(build):
    build()
    outcome = build(HOROVOD_WITH_MPI=1)
    assert outcome.lock == "requirements.lock"
    assert (outcome.horovod["HOROVOD_WITH_MPI"], outcome.horovod["HOROVOD_WITHOUT_MPI"]) == ("1", "0")
    assert build() == NOTHING_TO_DO


def test_nccl_that_is_asked_for_and_cannot_be_had_is_an_error(build):
    assert build().lock == "requirements.lock"
    outcome = build(GPU=1, HOROVOD_GPU_OPERATIONS="NCCL")
    assert (outcome.code, outcome.lock, outcome.horovod) == (1, "", {})
    assert mentions(outcome.stderr, "NCCL", "nvcc", "CUDA 12", "HOROVOD_CUDA_HOME")
    assert build() == NOTHING_TO_DO  # the environment is as it was


def test_mpi_that_is_asked_for_and_is_not_there_is_named_with_its_package(build):
    outcome = build(missing="mpicxx", HOROVOD_WITH_MPI=1)
    assert (outcome.code, outcome.lock) == (1, "")
    assert mentions(outcome.stderr, "mpicxx is missing", "MPI", "apt-get install libopenmpi-dev)")


@pytest.mark.parametrize(
    "asked", [{"GPU": "yes"}, {"GPU": 1, "HOROVOD_GPU_OPERATIONS": "MPI"}, {"HOROVOD_GPU_OPERATIONS": "NCCL"}]
)
def test_an_impossible_request_is_an_error_that_names_the_variables(build, asked):
    outcome = build(**asked)
    assert (outcome.code, outcome.lock) == (1, "")
    assert mentions(outcome.stderr, "GPU", "HOROVOD_WITH_MPI", "HOROVOD_GPU_OPERATIONS", "0 or 1", "NCCL")


def pinned(name):
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", (ROOT / name).read_text(), re.MULTILINE))


def test_the_lock_files_differ_by_tensorflow_and_what_its_build_for_gpus_needs():
    cpu, gpu = pinned("requirements.lock"), pinned("requirements-gpu.lock")
    assert cpu["tensorflow-cpu"] == gpu["tensorflow"]
    assert set(cpu.items() - gpu.items()) == {("tensorflow-cpu", cpu["tensorflow-cpu"])}
    more = set(gpu) - set(cpu) - {"tensorflow"}
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12", "nvidia-ml-py"} <= more
    assert all(name.startswith("nvidia-") for name in more)
