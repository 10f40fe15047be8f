"""Labels of a few patents, computed a second time from the release's own files."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from patent_spark.config import Label
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.checks.percentiles import (
    levels_of,
    percentiles,
    ranked_patents,
    reference_columns,
)
from patent_spark.stages.audit.raw_release import CITATIONS, CLASSES, PATENTS, RawRelease, Row
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.warehouse import Warehouse

RECOUNT = CheckSpec(
    "label_recount",
    "labels recounted from the release files",
    "labels",
    "count",
    "The class, citations or level of these patents do not follow from the release. "
    "No metric on such labels is meaningful.",
)

_SHOWN = 3
_LABELS = "LABELS"

FollowUp = tuple[str, int]
"""patent_id, and the months after the grant in which citations count."""


class RecountedLabel(NamedTuple):
    """What the release files say of a patent."""

    cpc_class: str | None
    forward_citations: int
    cpc_subclass: str | None = None

    def at(self, level: str) -> str | None:
        """The label of technology: section, class or subclass of the code listed first."""
        section = self.cpc_class[:1] if self.cpc_class else None
        return {"section": section, "class": self.cpc_class, "subclass": self.cpc_subclass}[level]


class _Label(NamedTuple):
    cpc_class: str | None
    technology_label: str | None
    """None of a row of INTERIM_LEVELS, which have none."""
    forward_citations: int
    level: str

    def __str__(self) -> str:
        label = self.technology_label
        codes = self.cpc_class if label in (None, self.cpc_class) else f"{self.cpc_class} ({label})"
        return f"{codes}, {self.forward_citations} citations, {self.level}"


def label_recount(warehouse: Warehouse) -> CheckResult:
    """Seeded samples of LABELS and INTERIM_LEVELS against class and citations from the zip files."""
    if warehouse.raw_release is None:
        return RECOUNT.not_made(
            "The zip files that ingest read are gone. Put them back into source.path, or set source.path to "
            "their folder, and run `patent-spark audit --force`."
        )
    if not warehouse.settings.recount_sample_size:
        return RECOUNT.not_made(
            "audit.recount_sample_size is 0. Run `patent-spark audit` with the default of 30."
        )
    if warehouse.labels["citation_level"].isna().all():
        return RECOUNT.not_applicable("No patent has a citation level.")
    sample = _sample_labels(warehouse)
    differences = _differences(sample, warehouse.raw_release, warehouse)
    shown = f": {'; '.join(differences[:_SHOWN])}" if differences else ""
    return RECOUNT.measured(len(differences), 0, f"{len(differences)} of {len(sample)} labels differ{shown}.")


def _sample_labels(warehouse: Warehouse) -> pd.DataFrame:
    """Rows of LABELS and then of INTERIM_LEVELS with `table`, patent_id, follow_up_months, p90, p99."""
    labelled, interim = warehouse.labels.dropna(subset=["citation_level"]), warehouse.interim_levels
    labels = _sample(warehouse, labelled, ranked_patents(warehouse), reference_columns(warehouse))
    horizon = warehouse.label_settings.horizon_months
    parts = [
        labels.assign(table=_LABELS, follow_up_months=horizon),
        _sample(warehouse, interim, interim, ["cpc_class", "year", "follow_up_months"]).assign(
            table="INTERIM_LEVELS"
        ),
    ]
    return pd.concat(parts, ignore_index=True)


def _sample(
    warehouse: Warehouse, labels: pd.DataFrame, ranked: pd.DataFrame, reference_set: list[str]
) -> pd.DataFrame:
    """Some rows with their ids, and p90 and p99 of their reference sets."""
    ordered = labels.sort_values(["patent_key", *reference_set])
    size = min(warehouse.settings.recount_sample_size, len(ordered))
    sample = ordered.sample(size, random_state=warehouse.settings.seed).merge(warehouse.ids, on="patent_key")
    references = ranked.merge(sample[reference_set].drop_duplicates(), on=reference_set)
    return sample.merge(percentiles(references, reference_set), on=reference_set, how="left")


def _differences(sample: pd.DataFrame, release: RawRelease, warehouse: Warehouse) -> list[str]:
    """A sentence for each row whose codes, citations or level differ from a recount."""
    wanted: list[FollowUp] = list(
        zip(sample["patent_id"], sample["follow_up_months"].astype(int), strict=True)
    )
    recounted = recount(release, wanted, warehouse.label_settings)
    levels = levels_of(
        sample.assign(forward_citations=[recounted[each].forward_citations for each in wanted])
    )
    columns = ["table", "technology_label", "cpc_class", "forward_citations", "citation_level"]
    stored = sample[columns].itertuples(index=False, name=None)
    differences = []
    for follow_up, level, (table, label, cpc_class, *rest) in zip(wanted, levels, stored, strict=True):
        known = recounted[follow_up]
        expected = _Label(
            known.cpc_class, known.at(warehouse.technology_level), known.forward_citations, level
        )
        actual = _Label(cpc_class, label if isinstance(label, str) else None, *rest)
        if table != _LABELS:
            expected = expected._replace(technology_label=None)
        if expected != actual:
            patent, months = follow_up
            differences.append(f"{patent} after {months} months: recounted {expected}; {table} has {actual}")
    return differences


def recount(
    release: RawRelease, wanted: Sequence[FollowUp], settings: Label
) -> dict[FollowUp, RecountedLabel]:
    """Class, and forward citations within so many months, of each patent."""
    ids = {patent for patent, _ in wanted}
    citations = [row for row in release.rows(CITATIONS, 1, ids) if _counts(row, settings)]
    grants = _grant_dates(release, {*ids, *(row[0] for row in citations)})
    classes = release.rows(CLASSES, 0, ids)
    return {
        (patent, months): _recounted(patent, classes, _forward_citations(patent, citations, grants, months))
        for patent, months in wanted
    }


def _recounted(patent: str, classes: Sequence[Row], forward_citations: int) -> RecountedLabel:
    cpc_class, subclass = _first_code(patent, classes)
    return RecountedLabel(cpc_class, forward_citations, subclass)


def _grant_dates(release: RawRelease, ids: set[str]) -> dict[str, datetime.date]:
    """Grant dates of the patents that are not withdrawn, from the first row of each with a valid date."""
    grants: dict[str, datetime.date] = {}
    for patent, day, withdrawn in release.rows(PATENTS, 0, ids):
        if withdrawn != "1" and patent not in grants and (date := _parse_date(day)) is not None:
            grants[patent] = date
    return grants


def _forward_citations(
    cited: str, citations: Sequence[Row], grants: Mapping[str, datetime.date], months: int
) -> int:
    """Distinct citing patents granted from the patent's own grant date to the horizon, both days included."""
    if cited not in grants:
        return 0
    first = grants[cited]
    last = (pd.Timestamp(first) + pd.DateOffset(months=months)).date()
    citing = {row[0] for row in citations if row[1] == cited and row[0] in grants}
    return sum(first <= grants[patent] <= last for patent in citing)


def _first_code(patent: str, classes: Sequence[Row]) -> tuple[str | None, str | None]:
    """Class and subclass listed first: the smallest sequence among inventional rows, else among all rows.

    A subclass that is not its class and a letter counts as none.
    """
    listed = sorted(
        (kind != "inventional", int(sequence), name, _without_subclass(name, subclass), subclass)
        for owner, sequence, name, kind, subclass in classes
        if owner == patent and sequence.isdigit() and name
    )
    if not listed:
        return None, None
    *_, name, without, subclass = listed[0]
    return name, None if without else subclass


def _without_subclass(name: str, subclass: str) -> bool:
    return not (len(subclass) == len(name) + 1 and subclass.startswith(name) and "A" <= subclass[-1] <= "Z")


def _counts(row: Row, settings: Label) -> bool:
    """Whether label.citing and label.self_citations count this citation."""
    citing, cited, category = row
    by_examiner = category == "cited by examiner"
    selected = {"all": True, "examiner": by_examiner, "not_examiner": not by_examiner}[settings.citing]
    return selected and (settings.self_citations or citing != cited)


def _parse_date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
