"""The examples that a model was trained and tested on, as dataset inputs of its MLflow run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from patent_spark.config import digest
from patent_spark.core.metadata import ShardMetadata, SplitLayout
from patent_spark.core.schemas import DEVELOPMENT, TABLES, TRAIN
from patent_spark.core.store import Store

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_CONTEXT = "mlflow.data.context"
"""The tag with what a run used a data set for."""

_CONTEXTS = {TRAIN: "training", DEVELOPMENT: "development"}
"""Of all other splits: test."""


def example_sets(store: Store, examples: str, splits: Iterable[str]) -> list[DatasetInput]:
    """The splits of EXAMPLES/<examples>, a task or joint; a split that there is not is left out.

    The name has the release and the split. The digest is of the examples themselves: equal for the same
    examples, in whichever version of the stage.
    """
    manifest = store.manifest("shard")
    if manifest is None:
        return []
    known = manifest.metadata_as(ShardMetadata).tasks[examples].splits
    folder = store.directory("EXAMPLES") / examples
    return [
        _dataset(manifest.release_id, split, known[split], folder / split)
        for split in splits
        if split in known
    ]


def _dataset(release_id: str, split: str, layout: SplitLayout, folder: Path) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": field.name, "type": field.dataType.typeName()} for field in TABLES["EXAMPLES"].schema]
    dataset = Dataset(
        name=f"{release_id} {split}".strip(),
        digest=digest([layout.keys_digest, *layout.contents]),
        source_type="local",
        source=json.dumps({"uri": str(folder)}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": layout.rows, "release_id": release_id, "split": split}),
    )
    return DatasetInput(dataset, [InputTag(_CONTEXT, _CONTEXTS.get(split, "test"))])
