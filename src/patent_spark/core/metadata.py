"""What each stage records about its work: one frozen record a stage, kept in the manifest of its version.

A stage writes its record with `context.record_metadata(IngestMetadata(...))`; others read it with
`store.metadata(IngestMetadata)`. All records are plain JSON in manifest.json.
"""

from __future__ import annotations

import datetime
from typing import ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue


class Record(BaseModel):
    """A frozen record of plain values that is kept as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def to_json(self) -> dict[str, JsonValue]:
        """The record as plain JSON values."""
        values: dict[str, JsonValue] = self.model_dump(mode="json")
        return values


class StageMetadata(Record):
    """What one stage records."""

    stage: ClassVar[str]
    """The stage that writes it."""


class SimulateMetadata(StageMetadata):
    """A simulated release."""

    stage = "simulate"
    release_id: str
    data_to_date: datetime.date
    rows: dict[str, int]
    """Rows of each file."""
    broken: dict[str, JsonValue]
    """Broken rows of each file, by how they are broken."""
    generator_rates: JsonValue = None
    """What the generator knows about its labels, by task; only `evaluate` looks inside."""


class JoinMetadata(Record):
    """How many rows of a table meet a patent of PATENTS."""

    rows: int
    """Rows that were looked at."""
    unmatched: int
    """Those of them that meet no patent."""
    examples: tuple[str, ...] = ()
    """Some of their ids."""
    unreadable: int = 0
    """Those whose id has not a patent's form."""
    unreadable_examples: tuple[str, ...] = ()
    expected_share: float = 0.0
    """Share of ids drawn at random from the range of the patents' numbers that would meet one."""


class SourceFile(Record):
    """A file of a release."""

    bytes: int
    sha256: str
    crc32: str
    """Of the TSV file in the zip, in hexadecimal digits."""


class IngestMetadata(StageMetadata):
    """A release as it was read."""

    stage = "ingest"
    release_id: str
    data_to_date: datetime.date
    """The last grant date that the release covers."""
    data_to_date_from: str
    """Where that day comes from: a setting, release.json or the newest grant date."""
    folder: str = ""
    """The folder that was read."""
    source: str = ""
    """Where the release was downloaded from; empty for a folder that says nothing of it."""
    files: dict[str, SourceFile] = {}
    """The files that were read, by name."""
    generator_rates: dict[str, JsonValue] | None = None
    """What the generator of a simulated release knows about its labels, by task; only `evaluate` reads it."""
    synonyms: tuple[tuple[str, ...], ...] | None = None
    """Of a simulated release: groups of words that it uses for one another."""
    rows_in: dict[str, int]
    """Source rows, by table."""
    rejected: dict[str, dict[str, int]]
    """Rejected source rows, by table and reason."""
    lost: dict[str, int] = {}
    """Source rows within a rejected one, because a line break is missing, by table; part of `rows_in`."""
    respelled: dict[str, dict[str, int]] = {}
    """Ids that were brought to PatentsView's form, by table and by how they were written."""
    joins: dict[str, JoinMetadata] = {}
    """Rows of each table that meet no patent."""
    blank: dict[str, int] = {}
    """Source rows without a value that all rows should have, by table.column."""
    cited_malformed: int
    """Citations that were kept although the cited id cannot be read."""
    without_abstract: int
    related_documents_from: str | None
    """The file that RELATED_DOCUMENTS was read from; None when the release has none."""


class LabelMetadata(StageMetadata):
    """How many patents have which citation level, and why others have none."""

    stage = "label"
    levels: dict[str, int]
    """Patents, by citation level."""
    open_window: int
    """Patents whose citation window is still open at data_to_date."""
    without_class: int
    classified: int = 0
    """Patents with a class."""
    technology_level: str = "class"
    """The level of the CPC of the labels of technology: section, class or subclass."""
    class_without_subclass: int = 0
    """Patents with a class and no label of technology, because their first code has no subclass."""
    reference_sets: int
    small_reference_sets: int
    """Reference sets too small for a 99th percentile."""
    follow_up_months: tuple[int, ...] = ()
    """Follow-up windows of INTERIM_LEVELS; empty when there is no such table."""


class QualityMetadata(StageMetadata):
    """What the data-quality report points out."""

    stage = "quality"
    warnings: tuple[str, ...]
    compared_with: str | None
    """The release that this one is compared with."""


class SplitMetadata(StageMetadata):
    """Patents of each split."""

    stage = "split"
    splits: dict[str, dict[str, int]]
    """Patents, by task and split."""
    on_interim_levels: dict[int, int] = {}
    """Patents that train on an interim level, by the months of its follow-up window."""


class TextMetadata(StageMetadata):
    """The vocabulary, and the text that it and the word vectors were fitted on."""

    stage = "text"
    vocabulary_size: int
    vocabulary_digest: str
    training_texts: int
    training_words: int
    synonyms_found: float | None = None
    """Share of the synonyms of a simulated release that are among the nearest words."""
    continued_from: str | None = None
    """The version of this stage whose word vectors were continued; None: they began from nothing."""


class SplitLayout(Record):
    """The row groups of one split of EXAMPLES."""

    rows: int
    """Examples, without padding."""
    padding: int
    """Rows that only fill up row groups: at most one a group."""
    groups: int
    rows_per_group: int
    keys_digest: int
    """Digest of the patent keys, whatever their order."""
    contents: tuple[str, ...]
    """Digest of each group's file."""


class InterimLabel(Record):
    """A label of examples whose citation window is open: what it had shown after some months."""

    label: str
    """Such as top1@12."""
    follow_up_months: int = Field(validation_alias=AliasChoices("follow_up_months", "exposure_months"))
    level: str
    likelihood: tuple[float, ...]
    """Of seeing it, given each of the citation levels."""


class EncodedColumn(Record):
    """How the values of one column become numbers; fitted on training patents."""

    column: str
    """Of FEATURES, or the length of the text."""
    mean: float = 0.0
    scale: float = 0.0
    """Of a count: mean and standard deviation of log(1 + value); 0: a category."""
    values: tuple[str, ...] = ()
    """Of a category: the values that have a column of their own."""
    known: int
    """Training patents with a value."""

    @property
    def is_category(self) -> bool:
        """Whether it has one column for each value, not a number."""
        return not self.scale

    @property
    def width(self) -> int:
        """Numbers that it becomes."""
        return len(self.values) + 2 if self.is_category else 2


class FeatureEncoding(Record):
    """How the features of a patent become numbers for a model."""

    features: tuple[str, ...]
    """Their names, as in `model.features`."""
    columns: tuple[EncodedColumn, ...]

    @property
    def width(self) -> int:
        """Numbers that they become."""
        return sum(column.width for column in self.columns)


class TaskExamples(Record):
    """EXAMPLES of one task, or of a joint model of several."""

    labels: tuple[str, ...]
    """In the order of the model's outputs; empty for a joint model, whose labels are those of its tasks."""
    max_tokens: int
    splits: dict[str, SplitLayout]
    interim: tuple[InterimLabel, ...] = ()
    """Labels of training examples with an open window; their numbers follow on those of `labels`."""
    features: FeatureEncoding | None = None
    """The encoding of the column `features`; None without it."""

    @property
    def feature_width(self) -> int:
        """Numbers in the column `features`; 0 without it."""
        return self.features.width if self.features else 0


class ShardMetadata(StageMetadata):
    """The manifest of the examples."""

    stage = "shard"
    vocabulary_digest: str
    virtual_shards: int = Field(validation_alias=AliasChoices("virtual_shards", "lanes"))
    """Their number: the least common multiple of all world sizes."""
    tasks: dict[str, TaskExamples]
    too_short: dict[str, int] = {}
    """Patents left out for too little text, by task."""


class EpochRecord(Record):
    """One epoch of a model's training.

    The metrics of a joint model's other task have its name in theirs, such as dev_citation_level_loss.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    epoch: int
    """From 1."""
    train_loss: float
    train_accuracy: float
    examples_per_second: float
    dev_loss: float | None = None
    """None without a development split."""
    dev_accuracy: float | None = None


class TrainedTask(Record):
    """The training of the model of one task."""

    run_id: str
    """In MLflow."""
    key: str
    """Digest of all that the model depends on."""
    kept_epoch: int
    """The epoch whose weights are kept, from 1."""
    epochs: int
    """How many were trained."""
    last: EpochRecord


class TrainMetadata(StageMetadata):
    """The trained models, by task."""

    stage = "train"
    tasks: dict[str, TrainedTask]


class EvaluatedTask(Record):
    """The headline of one task's METRICS."""

    accuracy: float
    macro_f1: float
    examples: int
    warnings: tuple[JsonValue, ...]


class EvaluateMetadata(StageMetadata):
    """Headline metrics, by task."""

    stage = "evaluate"
    tasks: dict[str, EvaluatedTask]
    steps: dict[str, str] = {}
    """Digest of all that the outputs of a step depend on, by step."""


class AuditMetadata(StageMetadata):
    """What the audit says of the current models."""

    stage = "audit"
    status: str
    failed: tuple[tuple[str | None, str], ...]
    """Task (None: all tasks) and code of each check that failed."""
    not_made: tuple[tuple[str | None, str], ...]
    """The same of each check that could not be made."""


class RegisteredModel(Record):
    """How one model fared."""

    verdict: str
    reasons: tuple[str, ...]
    champion: str | None
    """The registered version that is the champion afterwards."""


class RegisterMetadata(StageMetadata):
    """Which models were registered."""

    stage = "register"
    models: dict[str, RegisteredModel]


class IndexedVectors(Record):
    """One kind of vector of the patents: what made it and how it is searched."""

    vectors: str
    """document: the state of a model's network | words: averages of word vectors."""
    identity: str
    """Digest of what made the vectors; those of a query must have the same."""
    model: str
    """Where the model comes from: its address in the registry or its folder; of `words` the stage text."""
    model_version: str
    """In the registry; of `words` the version of the stage text; empty for a folder."""
    model_release_id: str
    """The release that it was trained on."""
    task: str
    """Of the model; empty for `words`."""
    release_id: str
    """The release whose patents are in the index."""
    patents: int
    without_known_words: int
    """Patents that have a text without any word that has a vector; they are not in the index."""
    dimensions: int
    graph: bool
    """Whether there is an HNSW graph; else every search is exact."""
    search_width: int
    """efSearch: candidates that are kept while the graph is searched."""
    exact_up_to: int
    """With filters that leave up to so many patents, a search is exact all the same."""
    classes: tuple[str, ...]
    """CPC classes; their place is the code in the file of patents."""


class IndexMetadata(StageMetadata):
    """The vectors of all patents, by kind."""

    stage = "index"
    indexes: dict[str, IndexedVectors]


class ScoredTask(Record):
    """The answers of one task's model."""

    model_name: str
    model_version: str
    model_identity: str
    rows: int
    without_label: int
    """Texts without a word that the model knows."""
    too_short: int
    """Texts with fewer known words than those that the model learned from."""


class ScoreMetadata(StageMetadata):
    """What was scored, and with which models."""

    stage = "score"
    key: str
    """Digest of all that the answers depend on: input, models, settings, code."""
    input: str
    """The file or folder; empty for the patents of the warehouse."""
    partitions: int
    tasks: dict[str, ScoredTask]


STAGE_METADATA: dict[str, type[StageMetadata]] = {
    kind.stage: kind
    for kind in (
        SimulateMetadata,
        IngestMetadata,
        LabelMetadata,
        QualityMetadata,
        SplitMetadata,
        TextMetadata,
        ShardMetadata,
        TrainMetadata,
        EvaluateMetadata,
        AuditMetadata,
        RegisterMetadata,
        IndexMetadata,
        ScoreMetadata,
    )
}
"""The record of each stage, by the stage's name."""
