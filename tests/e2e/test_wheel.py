"""The wheel, installed into an empty environment: it works without the checkout and has every template."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.small_run import ROOT, SMALL, set_options

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@dataclass(frozen=True)
class Installed:
    """A wheel, and the environment that it is installed in."""

    wheel: Path
    environment: Path

    def run(self, program, *arguments, cwd):
        """Run a program of the environment; no other environment and no checkout is on its path."""
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [self.environment / "bin" / program, *arguments]
        done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel of a copy of the checkout, in an environment that shares only the locked packages."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout, environment = folder / "checkout", folder / "environment"
    shutil.copytree(
        ROOT / "src", checkout / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    build = [sys.executable, "-c", BUILD, folder]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    venv.create(environment, with_pip=True)
    installed = Installed(wheel, environment)
    installed.run("pip", "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # A folder that a .pth file adds has its own .pth files ignored, so the editable install stays out.
    (packages,) = environment.glob("lib/python3*/site-packages")
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib"))
    return installed


def test_the_package_is_the_one_of_the_wheel(installed, tmp_path):
    where = installed.run("python", "-c", "import patent_spark; print(patent_spark.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.environment)


def test_the_command_line_answers_from_any_directory(installed, tmp_path):
    usage = installed.run("patent-spark", "--help", cwd=tmp_path)
    assert usage.startswith("usage: patent-spark ")
    assert "register" in usage
    settings = installed.run("patent-spark", "config", "--set", "model.units=7", cwd=tmp_path)
    assert "model.units = 7 " in settings
    assert len(settings.splitlines()) > 100


def test_every_module_and_template_of_the_source_tree_is_in_the_wheel(installed):
    source = ROOT / "src"
    files = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {str(path.relative_to(source)) for path in files if "egg-info" not in str(path)}
    with zipfile.ZipFile(installed.wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert len([name for name in packed if "/templates/" in name]) > 10


def test_a_page_is_rendered_with_the_templates_of_the_wheel(installed, whole_run, tmp_path):
    """The quality report, made anew in a copy of a small warehouse."""
    root = shutil.copytree(whole_run.root, tmp_path / "warehouse", ignore=shutil.ignore_patterns("mlflow"))
    config = ["--config", ROOT / "conf" / "demo.yaml", *set_options([*SMALL, f"warehouse.root={root}"])]
    before = installed.run("patent-spark", "where", "QUALITY", *config, cwd=tmp_path)
    installed.run("patent-spark", "quality", "--force", *config, cwd=tmp_path)
    after = installed.run("patent-spark", "where", "QUALITY", *config, cwd=tmp_path)
    assert after != before
    page = (Path(after.strip()) / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert len(page) > 20_000
