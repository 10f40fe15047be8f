"""Which release is read, downloaded or simulated, and how it is read."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field as Bound
from pydantic import Strict
from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import (
    STRICT,
    Count,
    Directory,
    Flag,
    OptionalDay,
    Positive,
    Real,
    Share,
    ShareBelowOne,
    String,
    setting,
)


@dataclass(frozen=True, config=STRICT)
class Source:
    """Where a release comes from."""

    kind: Literal["simulate", "folder", "odp", "zenodo"] = setting(
        "folder",
        "simulate: make one | folder: zipped PatentsView tables at source.path | odp: download from the Open "
        "Data Portal, with the API key in USPTO_API_KEY | zenodo: download the record source.record",
    )
    path: Directory = setting(
        "",
        "folder: the release to read | simulate: a second copy of the simulated release; empty: "
        "warehouse only",
    )
    downloads: Directory = setting(
        "", "directory of downloads, with one for each release; empty: <warehouse.root>/downloads"
    )
    release: String = setting("", "odp, zenodo: id of the release to use; empty: the newest")
    url: String = setting("", "odp, zenodo: address of the API; empty: the public one")
    product: String = setting("PVGPATDIS", "odp: product with PatentsView's tables")
    claims_product: String = setting("PVGPATTXT", "odp: product with the claims, for text.fields with claims")
    record: String = setting("15058362", "zenodo: number of the record")
    budget: Positive = setting(20, "odp: largest number of requests for a file within 365 days")
    resumes: Count = setting(10, "how often the download of a file goes on after a cut connection")
    timeout_s: Positive = setting(60, "seconds without an answer after which a connection counts as cut")
    longest_wait_s: Count = setting(
        60,
        "longest wait, once, after an answer 429; one that asks for more is an error that says until when",
    )


@dataclass(frozen=True, config=STRICT)
class Release:
    """What is known about a release beyond its tables; read from its release.json when it has one."""

    id: String = setting(
        "",
        "name stored with each label and model; empty: from release.json, else folder name and data_to_date",
    )
    data_to_date: OptionalDay = setting(
        None, "last grant date the release covers; empty: from release.json, else the newest grant date"
    )


@dataclass(frozen=True, config=STRICT)
class Simulate:
    """A simulated release: its size, its seed and the strength of its signal."""

    patents: Positive = setting(
        20_000, "rows of g_patent, from a thousand to ten million (fewer with an earlier data_to_date)"
    )
    seed: Count = setting(1, "the same seed and settings give the same release, byte for byte")
    data_to_date: Annotated[
        datetime.date, Bound(ge=datetime.date(1976, 1, 6), le=datetime.date(2025, 9, 30))
    ] = setting(
        datetime.date(2025, 9, 30),
        "last grant date; an earlier date truncates the same history, so a later release only adds to it",
    )
    classes: Annotated[int, Strict(), Bound(ge=2, le=125)] = setting(
        125, "CPC classes, the most frequent ones of the paper's 125 first"
    )
    columns: Literal["current", "old"] = setting(
        "current", "table and column names: current PatentsView, or its older releases"
    )
    broken_fraction: ShareBelowOne = setting(0.0, "share of malformed rows in each table")
    citation_scale: Real = setting(1.0, "citations per patent, relative to real patents (about 16)")
    technology_noise: Share = setting(0.1, "share of patents whose text describes another class")
    level_noise: Share = setting(0.3, "share of patents whose text carries a random citation level")
    order_share: Share = setting(0.3, "share of patents in pairs of classes that differ in word order only")
    drift: Share = setting(
        0.0,
        "share of the citation-level words that are replaced each year, so that older patents are "
        "less informative",
    )
    relatives: Share = setting(
        0.0,
        "share of patents that continue or divide another without sharing its abstract; only "
        "g_us_rel_doc shows it",
    )
    claims: Flag = setting(
        False,
        "also write the yearly claims files; claims carry the same class and level as the abstract",
    )
    feature_effect: Annotated[Real, Bound(ge=0, le=0.95)] = setting(
        0.0,
        "how much the number of claims and of citations made tell of the citations that a patent receives: "
        "their correlation with its rank",
    )
    abstract_words: Positive = setting(110, "mean words an abstract (title and abstract together: about 120)")


@dataclass(frozen=True, config=STRICT)
class Ingest:
    """Zipped TSV to Parquet."""

    max_reject_fraction: Share = setting(
        0.01, "largest share of rejected rows in a table; above it the stage stops with exit code 3"
    )
    min_matched_fraction: Share = setting(
        0.1,
        "smallest share of the rows of a table that belong to a patent of PATENTS; below it the stage stops "
        "with exit code 3; 0 for a sample of PATENTS with the whole of the other tables",
    )
    block_mb: Positive = setting(4, "megabytes of TSV parsed at a time in each file; also the longest row")
