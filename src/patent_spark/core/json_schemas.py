"""The JSON documents that scripts may rely on, and the record of each: `patent-spark schema NAME`.

Classes are named by their path and imported when they are asked for: this module stands below all of them.
"""

from __future__ import annotations

import importlib

from pydantic import BaseModel, JsonValue

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import STAGE_METADATA

DOCUMENTS = {
    "TASK": "patent_spark.core.model_files:TaskDescription",
    "HISTORY": "patent_spark.core.model_files:TrainingHistory",
    "METRICS": "patent_spark.metrics.report_schema:Metrics",
    "DECISION": "patent_spark.stages.register.report_schema:DecisionReport",
    "MODEL_CARD": "patent_spark.stages.register.card_schema:ModelCard",
    "AUDIT": "patent_spark.stages.audit.report_schema:Audit",
    "QUALITY": "patent_spark.stages.quality.report_schema:QualityReport",
    "BACKTEST": "patent_spark.experiments.backtest.report_schema:BacktestReport",
    "COMPARISON": "patent_spark.experiments.compare.report_schema:RunComparison",
    "ABLATION": "patent_spark.experiments.ablation.report_schema:AblationReport",
    "PREDICTION": "patent_spark.inference.prediction.records:Prediction",
    "REFRESH_STATUS": "patent_spark.refresh.report_schema:RefreshStatus",
    "RELEASES": "patent_spark.sources.listing:Releases",
    "SIMILAR": "patent_spark.inference.similar.records:SimilarPatentsAnswer",
    "WAREHOUSE_STATUS": "patent_spark.refresh.overview_schema:WarehouseStatus",
    "LINEAGE": "patent_spark.lineage.records:Lineages",
    "MANIFEST": "patent_spark.core.manifest:Manifest",
} | {
    f"{stage.upper()}_METADATA": f"{kind.__module__}:{kind.__name__}"
    for stage, kind in STAGE_METADATA.items()
}
"""Name of a document -> `module:class` of its record."""


def record_of(name: str) -> type[BaseModel]:
    """The record that describes a document; raises DataError for a name that is not in DOCUMENTS."""
    if name not in DOCUMENTS:
        raise DataError(f"no JSON schema {name}; there are: {', '.join(DOCUMENTS)}", schema=name)
    module, _, kind = DOCUMENTS[name].partition(":")
    record: type[BaseModel] = getattr(importlib.import_module(module), kind)
    return record


def json_schema(name: str) -> dict[str, JsonValue]:
    """The JSON schema (draft 2020-12) of a document as `patent-spark` writes it."""
    schema: dict[str, JsonValue] = record_of(name).model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
