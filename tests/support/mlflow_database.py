"""A database of MLflow for many warehouses: its tables take seconds to make, so each test gets a copy."""

import shutil
from pathlib import Path

from patent_spark.config import load_config
from patent_spark.tracking.runs import require_answer


def empty_database(folder: Path) -> Path:
    """A database without runs."""
    require_answer(load_config(sets=[f"warehouse.root={folder}"])[0])
    return folder / "mlflow" / "mlflow.db"


def use_database(root: Path, database: Path) -> None:
    """Give a warehouse a copy of it."""
    (root / "mlflow").mkdir(parents=True)
    shutil.copy(database, root / "mlflow")
