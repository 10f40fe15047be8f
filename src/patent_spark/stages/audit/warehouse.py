"""The warehouse as the audit reads it: pandas frames of the tables that all tasks share.

The audit uses no Spark engine and no code of the stages that it checks. Code shared with them would repeat
their faults. So families, held-out patents and test dates are derived here a second time.
"""

from __future__ import annotations

import datetime
import re
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.config import JOINT, Config, Label, recorded
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store
from patent_spark.stages.audit.features import count_words, total_words
from patent_spark.stages.audit.raw_release import RawRelease, find_release
from patent_spark.stages.audit.relatives import abstract_families, connected_patents, document_links

_LABEL_COLUMNS = [
    "patent_key",
    "grant_date",
    "cpc_class",
    "forward_citations",
    "q90",
    "q99",
    "citation_level",
]


class Warehouse:
    """The tables that all tasks share, each read once."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store, self.config, self.settings = store, config, config.audit

    @cached_property
    def patents(self) -> pd.DataFrame:
        """One row per patent: patent_key, grant_date, withdrawn."""
        return self._read("PATENTS", ["patent_key", "grant_date", "withdrawn"])

    @property
    def valid_patents(self) -> pd.DataFrame:
        """The rows of `patents` that are not withdrawn."""
        return self.patents[~self.patents["withdrawn"].fillna(False).astype(bool)]

    @cached_property
    def counts(self) -> pd.DataFrame:
        """One row per patent: patent_key, forward_citations, total_citations."""
        return self._read("COUNTS", ["patent_key", "forward_citations", "total_citations"])

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row per patent: LABELS without patent_id, with the grant year as `year`."""
        labels = self._read("LABELS", [*_LABEL_COLUMNS, "technology_label", "window_complete"])
        return labels.assign(year=labels["grant_date"].dt.year)

    @cached_property
    def ids(self) -> pd.DataFrame:
        """One row per patent: patent_key and patent_id of LABELS."""
        ids: pd.DataFrame = self.store.read_arrow("LABELS", ["patent_key", "patent_id"]).to_pandas()
        return ids

    @cached_property
    def splits(self) -> pd.DataFrame:
        """One row per patent and task: patent_key, task, split, follow_up_months."""
        return self._read("SPLITS", ["patent_key", "task", "split", "follow_up_months"])

    @cached_property
    def interim_levels(self) -> pd.DataFrame:
        """One row per patent and follow-up window: INTERIM_LEVELS without patent_id, with `year`."""
        columns = [*_LABEL_COLUMNS, "follow_up_months"]
        if not self.label_settings.follow_up_months:
            return pd.DataFrame(columns=[*columns, "year"])
        interim = self._read("INTERIM_LEVELS", columns)
        return interim.assign(year=interim["grant_date"].dt.year)

    @cached_property
    def abstract_families(self) -> pd.DataFrame:
        """One row per patent with an abstract: patent_key, link; see relatives.abstract_families."""
        return abstract_families(self.store.directory("ABSTRACTS"))

    @cached_property
    def document_links(self) -> pd.DataFrame | None:
        """patent_key, link; see relatives.document_links. None without related documents in the release."""
        if self.store.metadata(IngestMetadata).related_documents_from is None:
            return None
        columns = ["related_key", "patent_key", "related_number", "relation", "related_kind"]
        related = self.store.read_arrow("RELATED_DOCUMENTS", columns)
        known = related.set_column(0, "related_key", related["related_key"].fill_null(-1))
        return document_links(known.to_pandas())

    @cached_property
    def test_keys(self) -> NDArray[np.int64]:
        """Patents in a test split of any task."""
        keys: NDArray[np.int64] = self.splits.loc[self.splits["split"].map(is_test), "patent_key"].unique()
        return keys

    @cached_property
    def held_out_keys(self) -> NDArray[np.int64]:
        """The test patents and their families, whatever split.group_by_family is."""
        return connected_patents(self.test_keys, *self._links)

    def same_side(self, keys: NDArray[np.int64] | pd.Series) -> NDArray[np.int64]:
        """These patents and, with split.group_by_family, their families: one side of a split."""
        unique: NDArray[np.int64] = np.unique(keys)
        if not self.settings_of("split").split.group_by_family:
            return unique
        return connected_patents(unique, *self._links)

    @property
    def _links(self) -> list[pd.DataFrame]:
        """Frames of patent_key and link; patents with a link in common are of one family."""
        links = [self.abstract_families, self.document_links]
        return [frame for frame in links if frame is not None]

    @property
    def joint_examples(self) -> Path | None:
        """The folder of the examples of a multi-task model, if there is one."""
        folder = self.store.directory("EXAMPLES") / JOINT
        return folder if folder.is_dir() else None

    @cached_property
    def raw_release(self) -> RawRelease | None:
        """The zipped files that the tables were read from; None when they are gone."""
        return find_release(self.store, self.config)

    @cached_property
    def label_settings(self) -> Label:
        """The settings that LABELS were made with."""
        return self.settings_of("label").label

    @property
    def technology_level(self) -> str:
        """The level of the CPC that LABELS have: section, class or subclass."""
        return self.settings_of("label").technology.level

    def settings_of(self, stage: str) -> Config:
        """The settings in the manifest of a stage. Those that it does not read are at their defaults."""
        manifest = self.store.manifest(stage)
        return recorded(manifest.settings if manifest else {})

    @property
    def first_requested_test_day(self) -> pd.Timestamp:
        """The first day of the first year of split.test_years, even without patents of it in SPLITS."""
        return pd.Timestamp(min(self.settings_of("split").split.test_years), 1, 1)

    def first_test_day(self, task: str | None = None) -> datetime.date | None:
        """The first day of the first test year in SPLITS, of a task or of all; None if there is none."""
        splits = self.splits if task is None else self.splits[self.splits["task"] == task]
        matches = (re.fullmatch(r"test_(\d{4})", split) for split in splits["split"].unique())
        years = [int(match[1]) for match in matches if match]
        return datetime.date(min(years), 1, 1) if years else None

    @cached_property
    def permitted_words(self) -> dict[str, int]:
        """Occurrences of each word in the texts that may be used for fitting.

        Test patents, their families, and all patents granted in or after the first test year are left out.
        """
        excluded = self.held_out_keys
        if (day := self.first_test_day()) is not None:
            recent = self.patents.loc[self.patents["grant_date"] >= pd.Timestamp(day), "patent_key"]
            excluded = np.union1d(excluded, recent.to_numpy())
        return count_words(self.store.directory("TOKENS"), excluded)

    @cached_property
    def total_words(self) -> int:
        """Words of all texts, test texts included."""
        return total_words(self.store.directory("TOKENS"))

    def _read(self, table: str, columns: list[str]) -> pd.DataFrame:
        frame: pd.DataFrame = self.store.read_arrow(table, columns).to_pandas(date_as_object=False)
        return frame
