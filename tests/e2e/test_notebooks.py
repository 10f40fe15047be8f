"""The notebooks, executed on a warehouse of the demo with a registered model and an index."""

import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.support.small_run import ROOT, patent_spark

PLOTS = {"error_analysis": 3, "labels": 3, "runs": 2, "use_the_model": 2, "vectors": 2}
"""Plots in each."""


@pytest.fixture(scope="module")
def warehouse(whole_run, tmp_path_factory):
    root = shutil.copytree(whole_run.root, tmp_path_factory.mktemp("notebooks") / "w", symlinks=True)
    registered = patent_spark("register", root=root)
    assert "citation_level is not registered" in registered.stderr  # technology is
    indexed = patent_spark("index", root=root)
    assert indexed.returncode == 0, indexed.stderr
    return root


@pytest.mark.slow
def test_they_run_and_have_their_plots(warehouse, tmp_path):
    command = [sys.executable, ROOT / "deploy" / "notebooks.py", warehouse, "--output", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, expected in PLOTS.items():
        notebook = nbformat.read(tmp_path / f"{name}.ipynb", nbformat.NO_CONVERT)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        assert sum("image/png" in output.get("data", {}) for output in outputs) == expected, name
        assert not [output for output in outputs if output.get("name") == "stderr"], name
    assert sorted(path.stem for path in tmp_path.glob("*.ipynb")) == sorted(PLOTS)
