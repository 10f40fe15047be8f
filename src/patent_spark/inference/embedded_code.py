"""The code that reads a package, copied into it under another name, so that it works where patent_spark is
not installed and does not hide it where it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from patent_spark.config.digests import digest

_ROOT = "patent_spark"
_ENTRY = f"{_ROOT}.inference.pyfunc"
_IMPORT = re.compile(rf"^(\s*(?:from|import) ){_ROOT}(?=[. ])", re.MULTILINE)


def write_code(folder: Path) -> str:
    """Write the modules that load a package into `folder`, as a Python package of their own.

    Its name ends in a digest of its content, so that models of two versions work in one process. Returns the
    full name of the module that MLflow loads. Imports within functions are left out: reading does not need
    them.
    """
    sources = {name: _source(name) for name in sorted(_closure(_ENTRY))}
    package = f"{_ROOT}_model_{digest(sources)[:8]}"
    for name, source in sources.items():
        path = folder / package / Path(*name.split(".")[1:]).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_IMPORT.sub(rf"\g<1>{package}", source), encoding="utf-8")
    for directory in {parent for path in (folder / package).rglob("*.py") for parent in path.parents}:
        if directory.is_relative_to(folder / package):
            (directory / "__init__.py").write_text(f'"""Of {_ROOT}: the code that reads a model."""\n')
    return _ENTRY.replace(_ROOT, package, 1)


def _closure(entry: str) -> set[str]:
    """A module and all modules of this program that are imported with it."""
    reached, waiting = {entry}, [entry]
    while waiting:
        for name in set(_imports(waiting.pop())) - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def _imports(module: str) -> Iterator[str]:
    """Modules of this program that a module imports when it is loaded itself."""
    for node in ast.parse(_source(module)).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == _ROOT:
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == _ROOT)


def _source(module: str) -> str:
    """Raises ModuleNotFoundError for a package: a copy has none of what __init__.py offers."""
    _, *folders, name = module.split(".")
    file = files(_ROOT).joinpath(*folders, f"{name}.py")
    if not file.is_file():
        raise ModuleNotFoundError(f"{module} is no module; import the module that defines the name")
    return file.read_text(encoding="utf-8")
