"""The real set-up script: what a user reads who lacks a system program, and when the environment is built anew.

It runs on a copy of its inputs. Programs that would install or compile only write down what they were asked for.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = [
    "bash",
    "cat",
    "cut",
    "dirname",
    "env",
    "grep",
    "head",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "nproc",
    "sed",
    "sha256sum",
    "sort",
    "tail",
    "touch",
    "uname",
]
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
NOTHING_TO_DO = (0, "", {}, "")


@pytest.fixture
def build(tmp_path):
    """Runs the script as an ordinary user."""
    checkout, programs, cache = (
        tmp_path / "checkout",
        tmp_path / "bin",
        tmp_path / "cache" / "patent_spark" / "uv" / "bin",
    )
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
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))
    told = {"STARTED": tmp_path / "started.txt", "COMPILED": tmp_path / "compiled.txt"}
    ours = {"PATH": programs, "XDG_CACHE_HOME": tmp_path / "cache", **told}

    def build(missing=None, toolkit="nowhere", **variables):
        """Exit code, the lock file that was installed, Horovod's settings if it was compiled, and stderr."""
        if missing:
            (programs / missing).unlink()
        for path in told.values():
            path.unlink(missing_ok=True)
        environment = {
            name: str(value)
            for name, value in (ours | {"HOROVOD_CUDA_HOME": tmp_path / toolkit} | variables).items()
        }
        command = [programs / "bash", checkout / "deploy" / "setup-env.sh"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        installed, compiled = (path.read_text() if path.exists() else "" for path in told.values())
        settings = dict(line.split("=", 1) for line in compiled.splitlines())
        return (
            done.returncode,
            "".join(re.findall(r"\S+\.lock$", installed, re.MULTILINE)),
            settings,
            done.stderr,
        )

    return build


@pytest.mark.parametrize(
    ("program", "package"), [("g++", "g++"), ("make", "make"), ("python3.11", "python3.11")]
)
def test_a_missing_program_is_named_with_its_package_and_nothing_is_built(build, program, package):
    code, lock, settings, said = build(missing=program)
    assert (code, lock, settings) == (1, "", {})
    assert said.startswith(f"setup: {program} is missing (")
    assert said.endswith(f"; install it (Debian: apt-get install {package})\n")


def test_without_java_the_user_is_told_and_the_set_up_goes_on(build):
    """The embedded engine needs none."""
    code, lock, _, said = build(missing="java")
    assert (code, lock) == (0, "requirements.lock")
    assert said.startswith("setup: java is missing (local Spark runs on it;")
    assert said.endswith("; install it (Debian: apt-get install openjdk-17-jre-headless)\n")


def test_for_gpus_there_is_another_environment_which_stays_until_asked_otherwise(build, tmp_path):
    code, lock, settings, _ = build()
    assert (code, lock, settings["HOROVOD_GPU_OPERATIONS"], settings["HOROVOD_WITHOUT_MPI"]) == (
        0,
        "requirements.lock",
        "",
        "1",
    )
    assert " --no-cache-dir " in settings["ARGUMENTS"]
    assert build() == NOTHING_TO_DO

    code, lock, settings, said = build(GPU=1, toolkit="cuda13")
    assert (code, lock, settings["HOROVOD_GPU_OPERATIONS"]) == (0, "requirements-gpu.lock", "")
    assert said.startswith(
        "setup: there is no CUDA 12 toolkit (nvcc), so Horovod goes without NCCL: several GPUs exchange their gradients through"
    )
    assert build() == build(GPU=1) == NOTHING_TO_DO

    code, lock, settings, said = build(toolkit="cuda12")
    assert (code, lock, said) == (0, "requirements-gpu.lock", "")
    (libraries,) = (tmp_path / "cache" / "patent_spark" / "horovod").glob("*/nccl")
    assert settings["HOROVOD_GPU_OPERATIONS"] == "NCCL"
    assert settings["HOROVOD_CUDA_HOME"] == str(tmp_path / "cuda12")
    assert settings["HOROVOD_NCCL_INCLUDE"] == "/site/nvidia/nccl/include"
    assert os.readlink(libraries / "libnccl.so") == "/site/nvidia/nccl/lib/libnccl.so.2"
    assert settings["LDFLAGS"] == "-Wl,-rpath,$ORIGIN/../../nvidia/nccl/lib"
    assert build() == build(toolkit="cuda12") == NOTHING_TO_DO

    assert build(HOROVOD_GPU_OPERATIONS="none") == (0, "requirements-gpu.lock", {}, "")  # compiled before
    assert build() == build(toolkit="cuda12") == NOTHING_TO_DO  # what was asked for stays
    assert build(GPU=0) == (0, "requirements.lock", {}, "")
    code, lock, settings, _ = build(HOROVOD_WITH_MPI=1)
    assert (lock, settings["HOROVOD_WITH_MPI"], settings["HOROVOD_WITHOUT_MPI"]) == (
        "requirements.lock",
        "1",
        "0",
    )
    assert build() == NOTHING_TO_DO


def test_nccl_that_is_asked_for_and_cannot_be_had_is_an_error(build):
    assert build()[:2] == (0, "requirements.lock")
    code, lock, settings, said = build(GPU=1, HOROVOD_GPU_OPERATIONS="NCCL")
    assert (code, lock, settings) == (1, "", {})
    assert build() == NOTHING_TO_DO  # the environment is as it was
    assert said.startswith(
        "setup: Horovod with NCCL needs nvcc of a CUDA 12 toolkit, and there is none: install one, name its folder with"
    )


def test_mpi_that_is_asked_for_and_is_not_there_is_named_with_its_package(build):
    code, lock, _, said = build(missing="mpicxx", HOROVOD_WITH_MPI=1)
    assert (code, lock) == (1, "")
    assert (
        said
        == "setup: mpicxx is missing (it compiles Horovod with MPI); install it (Debian: apt-get install libopenmpi-dev)\n"
    )


@pytest.mark.parametrize(
    "asked", [{"GPU": "yes"}, {"GPU": 1, "HOROVOD_GPU_OPERATIONS": "MPI"}, {"HOROVOD_GPU_OPERATIONS": "NCCL"}]
)
def test_what_the_set_up_can_be_asked_for(build, asked):
    code, lock, _, said = build(**asked)
    assert (code, lock) == (1, "")
    assert (
        said
        == "setup: GPU and HOROVOD_WITH_MPI must be 0 or 1, HOROVOD_GPU_OPERATIONS none or, with GPU=1, NCCL\n"
    )


def pinned(name):
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", (ROOT / name).read_text(), re.MULTILINE))


def test_the_lock_files_differ_by_tensorflow_and_what_its_build_for_gpus_needs():
    cpu, gpu = pinned("requirements.lock"), pinned("requirements-gpu.lock")
    assert cpu["tensorflow-cpu"] == gpu["tensorflow"]
    assert set(cpu.items() - gpu.items()) == {("tensorflow-cpu", cpu["tensorflow-cpu"])}
    more = set(gpu) - set(cpu) - {"tensorflow"}
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12", "nvidia-ml-py"} <= more
    assert all(name.startswith("nvidia-") for name in more)
