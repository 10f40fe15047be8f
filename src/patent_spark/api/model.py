"""A trained model in Python: predict, score, similar."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from patent_spark.api.warehouse import Warehouse, open_warehouse
from patent_spark.config import Config
from patent_spark.core.errors import DataError
from patent_spark.core.features import TABLE_COLUMNS, given_or_error, given_or_unknown
from patent_spark.core.schemas import TOP1
from patent_spark.core.store import open_store
from patent_spark.inference.model_source import OpenedModel, open_models
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.predictor import Predictor

if TYPE_CHECKING:
    from patent_spark.inference.prediction.records import Prediction

_CHUNK = 4096
_FIELDS = ("title", "abstract", "claims")


def load_model(model: str | Path = "champion", warehouse: Warehouse | str | Path | None = None) -> Model:
    """A registered model, or one in a folder.

    model: champion, models:/<name>/<number>, <task>=<number>, run:<id>, or the folder of a package.
    warehouse: the one whose registry is asked and whose patents `similar` searches, opened or by its folder
    or configuration; a folder of a package does without.

    Raises ConfigError for a `model` of another form, DataError for one that does not exist.
    """
    opened = open_warehouse(warehouse) if isinstance(warehouse, str | Path) else warehouse
    return Model(opened.config if opened else Config(), str(model), opened is not None)


class Model:
    """The models of one or both tasks.

    Its answers are those of the commands `predict`, `score` and `similar`.
    """

    def __init__(self, config: Config, model: str, has_warehouse: bool = True) -> None:
        self._config, self._model, self._has_warehouse = config, model, has_warehouse
        self._opened = open_models(config, model)
        store = open_store(config.warehouse) if has_warehouse else None
        self._predictor = Predictor(self._opened, config.predict.min_confidence, store)

    def __repr__(self) -> str:
        return f"Model({', '.join(f'{task}: {each.address}' for task, each in self._opened.items())})"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it answers."""
        return tuple(self._opened)

    def labels(self, task: str) -> tuple[str, ...]:
        """The labels of a task, in the order of the model's outputs."""
        return self._task(task).packed.labels

    def predict(
        self,
        title: str,
        abstract: str = "",
        *,
        claims: str = "",
        cpc_class: str | None = None,
        features: Mapping[str, int | str] | None = None,
        top: int = 5,
        explain: bool = False,
    ) -> Prediction:
        """The answers about one text, with warnings and what is usual for the class.

        cpc_class: its class if it is known, which its citation level is compared with. features: what else
        is known, by column of FEATURES, such as num_claims. top: classes that are listed. explain: also what
        each word contributes. Raises DataError for a text without words, and for features that FEATURES
        does not have or whose values cannot be read.
        """
        known = given_or_error(features or {})
        document = Document(title, abstract, claims=claims, cpc_class=cpc_class, features=known)
        (prediction,) = self._predictor.predict([document], top, explain=explain)
        return prediction

    def score(self, texts: pd.DataFrame | Sequence[Mapping[str, str | None]]) -> pd.DataFrame:
        """One row per text, under the index of `texts`: for each task its label and its probability.

        texts: columns title and abstract (and claims, for models that read them; for models with features
        columns of FEATURES, such as num_claims, too). A text without a word that the model knows has no
        label. Of the citation level there is also `top1_probability`.
        """
        frame = texts if isinstance(texts, pd.DataFrame) else pd.DataFrame(list(texts))
        if not set(frame.columns) & set(_FIELDS):
            columns = ", ".join(map(str, frame))
            raise DataError(
                f"texts need the columns {' and '.join(_FIELDS[:2])}; they have {columns or 'none'}",
                columns=columns,
            )
        parts = [self._scored(task, frame) for task in self.tasks]
        return pd.concat(parts, axis=1)

    def _scored(self, task: str, frame: pd.DataFrame) -> pd.DataFrame:
        packed = self._task(task).packed
        probabilities, known = [], []
        for rows in _chunks(frame):
            beside = [given_or_unknown(row) for row in rows]
            encoded = packed.encode([packed.text_of(row) for row in rows], beside)
            probabilities.append(packed.probabilities(encoded))
            known.append(encoded.known > 0)
        table = np.concatenate([np.empty((0, len(packed.labels)), np.float32), *probabilities])
        answered = np.concatenate([np.empty(0, bool), *known])
        labels = np.array(packed.labels, object)[table.argmax(axis=1)]
        columns = {task: labels, f"{task}_probability": table.max(axis=1, initial=0)}
        if TOP1 in packed.labels:
            columns["top1_probability"] = table[:, packed.labels.index(TOP1)]
        return pd.DataFrame(columns, index=frame.index).where(pd.Series(answered, index=frame.index))

    def similar(
        self,
        title: str = "",
        abstract: str = "",
        *,
        patent_id: str | None = None,
        top: int = 10,
        granted_before: datetime.date | None = None,
        classes: Sequence[str] = (),
    ) -> pd.DataFrame:
        """The patents of the warehouse nearest to a text, or to one of them: a row each, the nearest first.

        granted_before: only patents granted before this day. classes: only of these CPC classes. Raises
        DataError without an index of this model's vectors (`patent-spark index`).
        """
        from patent_spark.inference.similar.filters import Filters
        from patent_spark.inference.similar.opening import open_similar

        if not self._has_warehouse:
            raise DataError("similar patents are looked for in a warehouse; give load_model a warehouse")
        model = self._model if patent_id is None else ""
        index = open_similar(self._config, model=model, for_texts=patent_id is None)
        filters = Filters(granted_before, tuple(classes))
        text = "" if patent_id else index.text_of({"title": title, "abstract": abstract})
        answer = index.answer(patent_id, text, top, filters)
        return pd.DataFrame([each.to_json() for each in answer.neighbors])

    def _task(self, task: str) -> OpenedModel:
        if task not in self._opened:
            raise DataError(
                f"{self._model} has no model of {task}; it has {', '.join(self.tasks)}", task=task
            )
        return self._opened[task]


def _chunks(frame: pd.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """The texts, a few thousand at a time, with nothing for a missing field."""
    fields = frame[[name for name in (*_FIELDS, *TABLE_COLUMNS) if name in frame]].astype(object).fillna("")
    for start in range(0, len(fields), _CHUNK):
        chunk = fields.iloc[start : start + _CHUNK]
        yield [dict(zip(chunk.columns, row, strict=True)) for row in chunk.itertuples(index=False)]
