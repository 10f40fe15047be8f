"""notebooks/*.py as executed .ipynb files: `python deploy/notebooks.py WAREHOUSE [NOTEBOOK ...]`.

WAREHOUSE: a folder or a YAML file. NOTEBOOK: names such as labels; without any, all of them.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "notebooks"
SECONDS = 600
"""Until a cell is given up."""


def execute(source: Path, folder: Path) -> Path:
    """Execute a notebook and write it below a folder; one that fails is written as far as it came."""
    notebook = jupytext.read(source)
    path = folder / f"{source.stem}.ipynb"
    try:
        with TemporaryDirectory() as sockets:
            # Over TCP, others on this machine could talk to the kernel.
            local = Config({"ConnectionFileMixin": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
            NotebookClient(notebook, config=local, timeout=SECONDS, kernel_name="python3").execute()
    finally:
        jupytext.write(notebook, path)
    return path


def main() -> int:
    """Execute the notebooks; returns 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warehouse")
    parser.add_argument("notebooks", nargs="*", default=sorted(path.stem for path in SOURCES.glob("*.py")))
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "notebooks")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    os.environ["PATENT_SPARK_WAREHOUSE"] = str(Path(options.warehouse).absolute())
    failed = 0
    for name in options.notebooks:
        try:
            print(execute(SOURCES / f"{name}.py", options.output))
        except CellExecutionError as error:
            failed = 1
            print(f"notebooks: {name} failed: {error.ename}: {error.evalue}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
