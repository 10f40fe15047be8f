"""Technology class and citation level of US patents, from a PatentsView release to a registered model.

For notebooks and scripts:

    warehouse = patent_spark.open_warehouse("warehouse")       # or a YAML file
    warehouse.table("LABELS"), warehouse.metrics("technology"), warehouse.runs()
    model = patent_spark.load_model("champion", warehouse)
    model.predict("Vascular clip applier", "A surgical instrument ...")

These names are imported when they are used: `import patent_spark` itself loads nothing.

Layers, top down: cli and api; run_summary and experiments; pipeline; stages; inference; metrics and
reporting; tracking; core; config. A module imports from lower layers only; tests/test_architecture.py holds
this.
"""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patent_spark.api.model import Model as Model
    from patent_spark.api.model import load_model as load_model
    from patent_spark.api.warehouse import Warehouse as Warehouse
    from patent_spark.api.warehouse import open_warehouse as open_warehouse

# Keras 3 reads this at its first import. The models need TensorFlow, whatever backend the user's shell names.
os.environ["KERAS_BACKEND"] = "tensorflow"

__version__ = "0.1.0"

_PUBLIC = {
    "Model": "patent_spark.api.model",
    "Warehouse": "patent_spark.api.warehouse",
    "load_model": "patent_spark.api.model",
    "open_warehouse": "patent_spark.api.warehouse",
}
"""The module of each name."""

__all__ = ["Model", "Warehouse", "__version__", "load_model", "open_warehouse"]


def __getattr__(name: str) -> object:
    """A public name, whose module is imported now."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
