"""What a user reads who lacks a system program: the real set-up script, with a PATH that does not have it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["bash", "cat", "cut", "dirname", "sha256sum", "python3.11", "g++", "make", "java"]


def set_up(tmp_path, missing):
    """Run the script as an ordinary user on a machine without `missing`, whose environment is otherwise up to date."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        if tool != missing:
            (programs / tool).symlink_to(shutil.which(tool) or "/bin/true")
    ordinary = programs / "id"
    ordinary.write_text("#!/bin/sh\necho 1000\n")
    ordinary.chmod(0o755)
    environment = {"PATH": str(programs), "HOME": os.environ["HOME"]}
    return subprocess.run([programs / "bash", ROOT / "deploy" / "setup-env.sh"], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("program", "package"), [("g++", "g++"), ("make", "make"), ("python3.11", "python3.11")])
def test_a_missing_program_is_named_with_its_package_and_nothing_is_built(tmp_path, program, package):
    done = set_up(tmp_path, program)
    assert done.returncode == 1
    assert done.stderr.startswith(f"setup: {program} is missing (")
    assert done.stderr.endswith(f"; install it (Debian: apt-get install {package})\n")
    assert done.stdout == ""


def test_without_java_the_user_is_told_and_the_set_up_goes_on(tmp_path):
    """The embedded engine needs none."""
    done = set_up(tmp_path, "java")
    assert "setup: java is missing (local Spark runs on it;" in done.stderr
    assert "apt-get install openjdk-17-jre-headless" in done.stderr
    assert "rm: command not found" not in done.stderr
