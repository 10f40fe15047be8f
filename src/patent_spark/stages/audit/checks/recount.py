"""The labels of a few patents, worked out anew from the release's own files, as a person would by hand."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pandas as pd

from patent_spark.config import Label
from patent_spark.stages.audit.calendar import months_later
from patent_spark.stages.audit.checks.percentiles import levels_of, percentiles, pool_columns, ranked_patents
from patent_spark.stages.audit.evidence import Warehouse
from patent_spark.stages.audit.raw_release import CITATIONS, CLASSES, PATENTS, RawRelease, Row
from patent_spark.stages.audit.verdicts import COUNT, Check, Question

RECOUNT = Question(
    "labels recounted from the release's files", "patents that differ", COUNT,
    "Class, citations or level of these patents are not what the release says: no figure on such labels means anything.",
)  # fmt: skip

_SHOWN = 3


def recounted_labels(warehouse: Warehouse, release: RawRelease | None) -> Check:
    """A seeded sample of patents with a level, and as many early levels: class and citations from the zips; percentiles by NumPy over the tables."""
    if release is None:
        return RECOUNT.not_made(
            "the zipped files that ingest read (in source.path, or simulated) are not there any longer; put them back, or name their folder "
            "with source.path, and run `patent-spark audit --force`"
        )
    if not warehouse.audit.recount_sample_size:
        return RECOUNT.not_made(
            "audit.recount_sample_size is 0; run `patent-spark audit` with the default of 30"
        )
    labelled = warehouse.labels.dropna(subset=["citation_level"])
    if labelled.empty:
        return RECOUNT.not_applicable("no patent has a level")
    early = _sample(
        warehouse,
        warehouse.interim_levels,
        ranked=warehouse.interim_levels,
        pool=["cpc_class", "year", "exposure_months"],
    )
    labels = _sample(warehouse, labelled, ranked=ranked_patents(warehouse), pool=pool_columns(warehouse))
    sample = pd.concat(
        [labels.assign(exposure_months=warehouse.label_rule.horizon_months), early], ignore_index=True
    )
    wanted = list(zip(sample["patent_id"], sample["exposure_months"].astype(int), strict=True))
    by_hand = recount(release, wanted, warehouse.label_rule)
    again = sample.assign(forward_citations=[by_hand[each][1] for each in wanted])
    found = zip(*zip(*map(by_hand.__getitem__, wanted), strict=True), levels_of(again), strict=True)
    told = sample[["cpc_class", "forward_citations", "citation_level"]].itertuples(index=False, name=None)
    wrong = [
        f"{id_} is {_named(by_us)} after {months} months, in {'LABELS' if row < len(labels) else 'INTERIM_LEVELS'} {_named(by_them)}"
        for row, ((id_, months), by_us, by_them) in enumerate(zip(wanted, found, told, strict=True))
        if by_us != by_them
    ]
    told_apart = f": {'; '.join(wrong[:_SHOWN])}" if wrong else ""
    return RECOUNT.answer(len(wrong), 0, f"{len(wrong)} of {len(sample)} labels differ{told_apart}.")


def _sample(
    warehouse: Warehouse, labels: pd.DataFrame, ranked: pd.DataFrame, pool: list[str]
) -> pd.DataFrame:
    """Some rows with their ids and the p90 and p99 of their pools."""
    ordered = labels.sort_values(["patent_key", *pool])
    sample = ordered.sample(
        min(warehouse.audit.recount_sample_size, len(ordered)), random_state=warehouse.audit.seed
    ).merge(warehouse.ids, on="patent_key")
    return sample.merge(
        percentiles(ranked.merge(sample[pool].drop_duplicates(), on=pool), pool), on=pool, how="left"
    )


def recount(
    release: RawRelease, wanted: Sequence[tuple[str, int]], rule: Label
) -> dict[tuple[str, int], tuple[str | None, int]]:
    """Class, and forward citations within so many months, of each patent."""
    ids = {id_ for id_, _ in wanted}
    citing = [row for row in release.rows(CITATIONS, 1, ids) if _may_count(row, rule)]
    granted: dict[str, datetime.date] = {}
    for id_, day, withdrawn in release.rows(PATENTS, 0, {*ids, *(row[0] for row in citing)}):
        if withdrawn != "1" and id_ not in granted and (parsed := _day(day)) is not None:
            granted[id_] = parsed
    classes = release.rows(CLASSES, 0, ids)
    return {
        (id_, months): (_first_class(id_, classes), _forward_citations(id_, citing, granted, months))
        for id_, months in wanted
    }


def _forward_citations(
    id_: str, citing: Sequence[Row], granted: dict[str, datetime.date], months: int
) -> int:
    """Distinct patents that cite it and were granted from its own grant day to the horizon, both days included."""
    if id_ not in granted:
        return 0
    first = granted[id_]
    last = months_later(pd.Series([pd.Timestamp(first)]), months)[0].astype(datetime.date)
    return len(
        {row[0] for row in citing if row[1] == id_ and row[0] in granted and first <= granted[row[0]] <= last}
    )


def _first_class(id_: str, classes: Sequence[Row]) -> str | None:
    """The class listed first: the smallest sequence among inventional rows, else among all."""
    mine = sorted(
        (kind != "inventional", int(sequence), name)
        for of, sequence, name, kind in classes
        if of == id_ and sequence.isdigit() and name
    )
    return mine[0][2] if mine else None


def _may_count(row: Row, rule: Label) -> bool:
    citing, cited, category = row
    by_examiner = category == "cited by examiner"
    chosen = {"all": True, "examiner": by_examiner, "not_examiner": not by_examiner}[rule.citing]
    return chosen and (rule.self_citations or citing != cited)


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _named(values: tuple[Any, ...]) -> str:
    return f"{values[0]}, {values[1]} citations, {values[2]}"
