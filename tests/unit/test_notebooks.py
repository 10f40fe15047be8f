"""Each notebook converts, and what it imports and asks of the package is there; e2e/test_notebooks.py runs
them."""

import ast
import importlib
import importlib.util
import json
from pathlib import Path

import jupytext
import nbformat
import pytest

import patent_spark

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*"))
OWN = {"warehouse": patent_spark.Warehouse, "model": patent_spark.Model, "patent_spark": patent_spark}
"""What a notebook calls by these names."""


def test_the_notebooks_that_there_should_be_are_text():
    names = {path.stem for path in NOTEBOOKS if path.suffix == ".py"}
    assert names == {"labels", "vectors", "runs", "error_analysis", "use_the_model"}
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
    assert "*.ipynb" in ignored


@pytest.fixture(params=[path for path in NOTEBOOKS if path.suffix == ".py"], ids=lambda path: path.stem)
def source(request):
    return request.param


def test_it_converts_both_ways(source):
    notebook = jupytext.read(source)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert sum(cell.cell_type == "code" for cell in notebook.cells) >= 4
    assert all("outputs" not in cell or cell.outputs == [] for cell in notebook.cells)
    assert jupytext.reads(jupytext.writes(notebook, "ipynb"), "ipynb").cells == notebook.cells
    assert json.loads(jupytext.writes(notebook, "ipynb"))["metadata"]["kernelspec"]["name"] == "python3"


def test_what_it_imports_and_calls_is_there(source):
    tree = ast.parse(source.read_text())
    asked = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(importlib.util.find_spec(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert importlib.util.find_spec(node.module)
            if node.module.startswith("patent_spark"):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in OWN:
            assert hasattr(OWN[node.value.id], node.attr) or node.attr == "config", ast.unparse(node)
            asked += 1
    assert asked >= 3
