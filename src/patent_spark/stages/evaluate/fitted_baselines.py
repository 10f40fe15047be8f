"""What `predict` learned from the training patents, for `measure` and the report: BASELINES/<task>.json."""

from __future__ import annotations

from pydantic import Field

from patent_spark.metrics.report_schema import Record


class FittedBaseline(Record):
    """A baseline that was fitted to training texts."""

    training_examples: int
    chosen: str | None = None
    """Hyperparameters that were chosen on the development patents."""

    def fields(self) -> dict[str, int | str]:
        """What METRICS says of it."""
        chosen = {} if self.chosen is None else {"chosen": self.chosen}
        return {"training_examples": self.training_examples, **chosen}


class FittedBaselines(Record):
    """The baselines of a task. The constant ones follow from `training_labels` and have no row anywhere."""

    training_labels: dict[str, int]
    """Training patents of each label."""
    fitted: dict[str, FittedBaseline] = Field(default_factory=dict)
    """By baseline."""
    predictors: list[str] = Field(default_factory=list)
    """Predictors in BASELINE_PREDICTIONS: the fitted baselines, and the model without its calibration."""
