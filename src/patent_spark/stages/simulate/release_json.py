"""The content of release.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from patent_spark.config import Simulate, digest
from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.bayes_rates import BayesRates
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.lexicon import SIDES, Lexicon
from patent_spark.stages.simulate.release_statistics import ReleaseStatistics
from patent_spark.stages.simulate.tsv import TsvZip

Setting = str | int | float | bool


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class GenerativeSignals(_Record):
    """The words whose choice or order depends on the class or the level."""

    order_pairs: list[list[str]] = Field(alias="pairs_told_apart_by_order")
    """Classes that have the same words in another order."""
    markers: list[list[str]]
    """A word of the first side and its counterpart of the other."""
    keywords: dict[str, list[str]]
    """By class."""
    level_words: dict[str, list[str]]


_LATER = ("drift", "relatives", "feature_effect")
"""Settings that came later than the first releases."""


class ReleaseDescription(_Record):
    """What release.json says of a simulated release."""

    release_id: str
    data_to_date: str
    source: str = "simulated"
    bayes_rates: BayesRates
    settings: dict[str, Setting]
    rows: dict[str, int]
    """By file, the broken rows included."""
    broken: dict[str, dict[str, int]]
    """Broken rows by file and kind."""
    generative: GenerativeSignals = Field(alias="planted")
    synonyms: list[list[str]]
    measured: dict[str, float | dict[str, dict[str, int | float]]]
    """Shares of all citations, and statistics by grant year."""


def describe(
    settings: Simulate,
    rates: BayesRates,
    files: Sequence[TsvZip],
    lexicon: Lexicon,
    statistics: ReleaseStatistics,
) -> ReleaseDescription:
    """The description of a release whose files are written."""
    values = _settings(settings)
    return ReleaseDescription(
        release_id=f"sim-{settings.patents}-s{settings.seed}-{digest(values)[:8]}",
        data_to_date=str(settings.data_to_date),
        bayes_rates=rates,
        settings=values,
        rows={f"{file.name}.tsv.zip": file.rows for file in files},
        broken={f"{file.name}.tsv.zip": dict(file.broken) for file in files},
        generative=_generative_signals(lexicon),
        synonyms=lexicon.synonyms,
        measured={**statistics.totals(), "by_grant_year": statistics.by_year()},
    )


def _settings(settings: Simulate) -> dict[str, Setting]:
    """The settings that make the release id.

    A setting that came later is left out where it has no effect, so that older releases keep their id.
    """
    values = dataclasses.asdict(settings) | {"data_to_date": str(settings.data_to_date)}
    return {name: value for name, value in values.items() if value or name not in _LATER}


def _generative_signals(lexicon: Lexicon) -> GenerativeSignals:
    codes = [CLASSES[k].code for k in lexicon.population.classes]
    keywords = [lexicon.keywords(int(group)) for group in lexicon.group]
    return GenerativeSignals(
        order_pairs=[[codes[one], codes[two]] for one, two in lexicon.pairs],
        markers=[list(pair) for pair in zip(*SIDES, strict=True)],
        keywords=dict(zip(codes, keywords, strict=True)),
        level_words=dict(zip(LEVELS, lexicon.level_words, strict=True)),
    )
