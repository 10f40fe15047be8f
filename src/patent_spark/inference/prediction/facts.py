"""What a package knows beside its models, for those who read its answers: prediction_facts.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import Record
from patent_spark.inference.prediction.records import BacktestEvidence
from patent_spark.inference.prediction.text_reference import TextReference

FACTS_FILE = "prediction_facts.json"
ALL_CLASSES = ""
"""Stands for all classes together in `usual_levels`."""


class LevelDefinition(Record):
    """What the citation levels are: the settings of the stage `label`, and what the labels know of."""

    horizon_months: int
    reference_set: str
    """class or class_year."""
    known_until: int | None
    """The last year whose citations the training labels know of."""


class PredictionFacts(Record):
    """Of a package without the file, from an older version, nothing is known."""

    levels: LevelDefinition | None = None
    usual_levels: Mapping[str, Mapping[str, int]] = {}
    """Training patents by class and level; ALL_CLASSES: of all classes."""
    titles: Mapping[str, str] = {}
    """Titles of classes in the release that the models learned from."""
    texts: Mapping[str, TextReference] = {}
    """What texts are like that each task's model can read as it learned to."""
    backtest: tuple[BacktestEvidence, ...] | None = None
    """How models of citation levels did; null when no back-test of the release had been made."""

    def write(self, folder: Path) -> None:
        """Write it into a package."""
        write_json(folder / FACTS_FILE, self.to_json())

    @classmethod
    def read(cls, folder: Path) -> PredictionFacts:
        """Of a package; raises DataError when the file is damaged or of another version."""
        path = folder / FACTS_FILE
        if not path.exists():
            return cls()
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(
                f"{path} cannot be read by this version; run `patent-spark register` again",
                file=str(path),
            ) from error

    def usual(self, cpc_class: str | None) -> tuple[str | None, dict[str, float]]:
        """The class that the shares are about, or None for all together, and the share of each level.

        A class with fewer than 100 training patents has no shares of its own: top1 is one in a hundred.
        """
        counts = self.usual_levels.get(cpc_class or ALL_CLASSES, {})
        about = cpc_class
        if sum(counts.values()) < _FEWEST:
            counts, about = self.usual_levels.get(ALL_CLASSES, {}), None
        total = sum(counts.values())
        return about or None, {level: count / total for level, count in counts.items()} if total else {}


_FEWEST = 100
