"""The records of the document LINEAGE."""

from __future__ import annotations

from patent_spark.core.lineage import Lineage
from patent_spark.core.metadata import Record


class RunLineage(Record):
    """The training in MLflow."""

    run_id: str
    name: str
    started: str
    """UTC."""
    status: str
    code: str
    release_id: str


class ModelLineage(Record):
    """A model, its training, the stages before it, and the release."""

    model: str
    """models:/<name>/<number>, or run:<id> for a model that is not registered."""
    champion: bool
    run: RunLineage
    judged_by: dict[str, str]
    """The versions of the stages train, evaluate and audit with which it was registered; empty unless it
    was."""
    recorded: bool
    """Whether `origin` was recorded at the training. Else it is what the warehouse still has of it."""
    origin: Lineage


class Lineages(Record):
    """The document LINEAGE: `patent-spark lineage --json`."""

    models: tuple[ModelLineage, ...]
