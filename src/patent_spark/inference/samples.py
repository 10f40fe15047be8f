"""Texts with the answers of a model, kept in its package: whoever loads it can check that it still gives
them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import Record

SAMPLES_FILE = "samples.json"
TOLERANCE = 1e-5
"""Largest difference between two computations of a probability by the same model."""


class Sample(Record):
    """A patent, and what the model says about it."""

    patent_id: str
    """Empty: a text made up for the purpose."""
    fields: dict[str, str]
    """title, abstract, claims: what the model reads."""
    known: dict[str, int | str] = Field(default_factory=dict)
    """What is known beside the text, by column of FEATURES."""
    probabilities: dict[str, tuple[float, ...]]
    """By task, calibrated, in the order of the labels."""


_SAMPLES = TypeAdapter(tuple[Sample, ...])


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """The samples of a package; none if an older version wrote it. Raises DataError for a spoilt file."""
    path = folder / SAMPLES_FILE
    if not path.exists():
        return ()
    try:
        return _SAMPLES.validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(
            f"{path} is not a list of samples; register the model again", file=str(path)
        ) from error


def write_samples(folder: Path, samples: Sequence[Sample]) -> None:
    """Write samples.json into a package."""
    (folder / SAMPLES_FILE).write_bytes(_SAMPLES.dump_json(tuple(samples), indent=1))
