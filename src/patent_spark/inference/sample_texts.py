"""Some texts of the release's test patents, as the fields that people type: title, abstract, claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from patent_spark.core.key_filter import among
from patent_spark.core.model_files import TaskDescription
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store
from patent_spark.inference.known_features import known_of_patents

SAMPLES = 30
_TABLES = {"title": "PATENTS", "abstract": "ABSTRACTS"}


@dataclass(frozen=True)
class Text:
    """A patent's text before it is split into words."""

    patent_id: str
    """Empty: a text made up for the purpose."""
    fields: dict[str, str]
    known: dict[str, int | str] = field(default_factory=dict)
    """What is known beside the text, by column of FEATURES."""


def sample_texts(store: Store, tasks: Sequence[str], count: int = SAMPLES) -> list[Text]:
    """A text without a word, then up to `count` test patents of the first of these tasks.

    Their keys follow each other, so that little of a large release is read.
    """
    models = [TaskDescription.read(store.directory("MODEL") / task) for task in tasks]
    fields = list(dict.fromkeys(field for model in models for field in model.text.fields))
    keys = _test_keys(store.directory("EXAMPLES") / tasks[0], count)
    values = {
        field: _claims(store, keys, models[0].text.claims)
        if field == "claims"
        else _column(store, _TABLES[field], field, keys)
        for field in fields
    }
    ids = _column(store, "PATENTS", "patent_id", keys)
    known = known_of_patents(store, keys) if any(model.features for model in models) else {}
    texts = [
        Text(ids[key], {field: values[field].get(key, "") for field in fields}, known.get(key, {}))
        for key in keys
        if key in ids
    ]
    return [Text("", dict.fromkeys(fields, "")), *texts]


def _test_keys(examples: Path, count: int) -> list[int]:
    """Keys of test patents, or of any that were held back where there are none; ascending."""
    splits = sorted(folder for folder in examples.iterdir() if folder.is_dir() and is_test(folder.name))
    files = [file for split in splits for file in sorted(split.glob("*.parquet"))[:1]]
    keys = sorted(
        {
            key
            for file in files
            for key in pq.ParquetFile(file).read(columns=["patent_key"])["patent_key"].to_pylist()
            if key >= 0
        }
    )
    start = max(0, (len(keys) - count) // 2)
    return keys[start : start + count]


def _column(store: Store, table: str, column: str, keys: Sequence[int]) -> dict[int, str]:
    rows = store.read_arrow(table, ["patent_key", column], among(keys)).to_pylist()
    return {row["patent_key"]: row[column] or "" for row in rows}


def _claims(store: Store, keys: Sequence[int], which: str) -> dict[int, str]:
    """The first claim or all of each patent, as the stage text reads them."""
    rows = store.read_arrow("CLAIMS", ["patent_key", "claim_sequence", "claim_text"], among(keys)).to_pylist()
    claims: dict[int, set[tuple[int, str]]] = {}
    for row in rows:
        if row["claim_text"] is not None:
            claims.setdefault(row["patent_key"], set()).add((row["claim_sequence"], row["claim_text"]))

    def texts(key: int) -> Iterator[str]:
        yield from (text for _, text in sorted(claims[key])[: 1 if which == "first" else None])

    return {key: " ".join(texts(key)) for key in claims}
