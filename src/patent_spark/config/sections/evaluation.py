"""How models are evaluated, promoted and compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import STRICT, Count, Positive, Share, setting


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """Metrics, baselines and the report."""

    batch: Positive = setting(512, "examples a prediction step")
    baseline_examples: Positive = setting(
        200_000, "largest number of training texts for TF-IDF and the linear model"
    )
    combine: Literal["none", "linear"] = setting(
        "none",
        "what the network is combined with, by weights fitted on the development texts. linear: TF-IDF and "
        "the linear model; the report shows each part by itself",
    )
    neighbour_examples: Positive = setting(
        20_000, "largest number of training texts for the nearest-neighbour baseline"
    )
    calibration_examples: Positive = setting(
        20_000, "largest number of development texts for the calibration fit"
    )
    resamples: Count = setting(1_000, "bootstrap resamples for the confidence intervals; 0 = no intervals")
    fixed_precision: Share = setting(0.5, "precision at which the recall of top1 is reported")
    seed: Count = setting(1, "seed of sampled texts, the linear model and the bootstrap")
    logged_predictions: Count = setting(
        1_000_000,
        "largest number of test predictions of a task that are logged to MLflow, where `compare` "
        "reads them; 0 = none",
    )


@dataclass(frozen=True, config=STRICT)
class Audit:
    """Leakage checks and their limits."""

    sample_size: Positive = setting(
        5_000,
        "largest number of test texts in checks that compare texts or fit models; ten times as many "
        "training texts",
    )
    near_duplicate: Annotated[Share, Bound(gt=0)] = setting(
        0.7, "Jaccard similarity of three-word shingles from which two texts are near duplicates"
    )
    duplicates: Share = setting(
        0.01, "limit: share of test patents with a duplicate or near duplicate in the training texts"
    )
    recount_sample_size: Count = setting(
        30, "patents whose labels are recomputed from the release's raw files; 0 = none"
    )
    top1_auc: Share = setting(0.95, "limit: ROC-AUC of top1; a higher value from text alone suggests a leak")
    seed: Count = setting(1, "seed of the sampled texts and patents")


@dataclass(frozen=True, config=STRICT)
class Register:
    """Promotion of models in the MLflow registry."""

    margin: Share = setting(
        0.0,
        "non-inferiority margin: a model is rejected when the 95 % interval of its difference to the "
        "champion lies wholly below minus this, in accuracy (technology) or PR-AUC of top1 (citation "
        "level)",
    )


@dataclass(frozen=True, config=STRICT)
class Backtest:
    """Models as of several years, each tested on later years."""

    years: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (2006, 2010, 2014), "one model is trained on what was known at the end of each of these years"
    )
    test_years: Positive = setting(
        5, "grant years after each that test the model, while their citation windows are closed"
    )
