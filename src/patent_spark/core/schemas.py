"""Every table of the warehouse: its grain, its columns and what they mean, and the stage that makes it.

Written by one stage and read by the next; nothing else passes between stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from patent_spark.core.column_types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
)

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Table:
    """A table's name, the stage that makes it, what one row is, and its columns."""

    name: str
    stage: str
    grain: str
    columns: tuple[tuple[str, DataType, str], ...]
    """Name, type and meaning of each."""
    partitioned_by: tuple[str, ...] = ()
    """Columns that stand in the names of folders (task=technology/partition=3), not in the files."""

    @cached_property
    def schema(self) -> StructType:
        """As Spark has it; imports pyspark."""
        from pyspark.sql.types import StructField, StructType

        fields = [
            StructField(name, kind.spark(), True, {"comment": about}) for name, kind, about in self.columns
        ]
        return StructType(fields)

    @property
    def in_files(self) -> StructType:
        """The columns that stand in the files."""
        kept = tuple(column for column in self.columns if column[0] not in self.partitioned_by)
        return Table(self.name, self.stage, self.grain, kept).schema


def _table(
    name: str,
    stage: str,
    grain: str,
    *columns: tuple[str, DataType, str],
    partitioned_by: tuple[str, ...] = (),
) -> Table:
    return Table(name, stage, grain, columns, partitioned_by)


_KEY = ("patent_key", LongType(), "patent_id as a number, see patent_ids.py")
_ID = ("patent_id", StringType(), "the patent's number as PatentsView writes it: 3930271, D345393, RE32443")
_TASK = ("task", StringType(), "technology or citation_level")
_SPLIT = ("split", StringType(), "train, development, test, large_test, or test_YYYY")

PATENTS = _table(
    "PATENTS", "ingest", "One row per patent.",
    _KEY, _ID,
    ("patent_type", StringType(), "utility, design, plant, reissue, statutory invention registration, ..."),
    ("grant_date", DateType(), "the day the patent was granted"),
    ("title", StringType(), "null when unknown"),
    ("withdrawn", BooleanType(), "withdrawn patents take no part, on neither side of a citation"),
    ("num_claims", IntegerType(), "number of claims; null when unknown, or when the release does not say"),
)  # fmt: skip
ABSTRACTS = _table(
    "ABSTRACTS", "ingest", "One row per patent with an abstract.",
    _KEY, _ID,
    ("abstract", StringType(), "as published, may hold newlines"),
)  # fmt: skip
CITATIONS = _table(
    "CITATIONS", "ingest", "One row per row of the citation file; a pair can stand more than once.",
    ("citing_key", LongType(), "the citing patent"),
    ("cited_key", LongType(), "the cited patent; null when its id has no patent's form"),
    ("patent_id", StringType(), "the citing patent"),
    ("citation_patent_id", StringType(), "the cited patent; often not in PATENTS (granted before 1976)"),
    ("citation_category", StringType(),
        "cited by examiner, cited by applicant, cited by other, ...; null when blank"),
    ("may_repeat", BooleanType(), "false: no other row holds this pair of patents; else one may"),
)  # fmt: skip
CPC = _table(
    "CPC", "ingest", "One row per classification of a patent; a (patent, sequence) can stand more than once.",
    _KEY, _ID,
    ("cpc_sequence", IntegerType(), "order of importance, from 0, with gaps"),
    ("cpc_class", StringType(), "three characters, such as H04"),
    ("cpc_subclass", StringType(), "four characters, such as H04L"),
    ("cpc_type", StringType(), "inventional or additional"),
)  # fmt: skip
CLAIMS = _table(
    "CLAIMS", "ingest",
    "One row per row of the claims files, if text.fields asks for claims; a (patent, sequence) "
    "can stand more than once.",
    _KEY, _ID,
    ("claim_sequence", IntegerType(), "order of the patent's claims; the first claim has the smallest"),
    ("claim_text", StringType(), "as published, may hold newlines; null when empty"),
)  # fmt: skip
RELATED_DOCUMENTS = _table(
    "RELATED_DOCUMENTS", "ingest",
    "One row per row of the file of related documents; none when the release has no such file.",
    _KEY, _ID,
    ("related_number", StringType(), "the related document's number as the file writes it; null when empty"),
    ("related_key", LongType(),
        "the patent that it is, when the file says that it is a granted parent; else null"),
    ("relation", StringType(),
        "continuation, division, us-provisional-application, related-publication, ...: in lower case,"
        " with hyphens"),
    ("related_kind", StringType(),
        "parent, parent-grant, parent-pct or child; null of provisional applications and publications"),
)  # fmt: skip
CPC_TITLES = _table(
    "CPC_TITLES", "ingest",
    "One row per row of the file of CPC titles; none when the release has no such file.",
    ("cpc_class", StringType(), "three characters, such as H04"),
    ("cpc_class_title", StringType(), "as published, often in capitals; null when empty"),
    ("cpc_subclass", StringType(), "four characters, such as H04L"),
    ("cpc_subclass_title", StringType(), "null when empty"),
    ("cpc_group", StringType(), "such as H04L1/00"),
    ("cpc_group_title", StringType(), "null when empty"),
)  # fmt: skip
REJECTS = _table(
    "REJECTS", "ingest", "One row per source row that could not be used.",
    ("table", StringType(), "the table it was meant for"),
    ("file", StringType(), "the release's file"),
    ("row", LongType(),
        "position in that file, the header being row 1; rows, not lines: a text may hold newlines"),
    ("reason", StringType(), "why, in a few words that are the same for all rows of a kind"),
    ("content", StringType(),
        "the row's beginning; of a row with as many fields as the header, the fields that are read"),
)  # fmt: skip
COUNTS = _table(
    "COUNTS", "label", "One row per patent that is not withdrawn.",
    _KEY, _ID,
    ("forward_citations", LongType(), "distinct citing patents granted within the horizon"),
    ("total_citations", LongType(), "distinct citing patents at any time"),
)  # fmt: skip
LABELS = _table(
    "LABELS", "label", "One row per patent that is not withdrawn.",
    _ID, _KEY,
    ("grant_date", DateType(), "the day the patent was granted"),
    ("cpc_class", StringType(), "the class listed first; null without any"),
    ("technology_label", StringType(),
        "the code listed first at technology.level: H, H04 or H04L; null without any"),
    ("forward_citations", LongType(), "distinct citing patents granted within the horizon"),
    ("q90", DoubleType(), "90th percentile of the counts in the patent's reference set; null without one"),
    ("q99", DoubleType(), "99th percentile"),
    ("citation_level", StringType(),
        "top1, top10, btm90, zerocite; null with an open window or without a class"),
    ("window_complete", BooleanType(), "the horizon ends on or before the release's data_to_date"),
)  # fmt: skip
INTERIM_LEVELS = _table(
    "INTERIM_LEVELS", "label",
    "One row per patent with a class and follow-up window of label.follow_up_months that was over at the "
    "release's data_to_date.",
    _ID, _KEY,
    ("grant_date", DateType(), "the day the patent was granted"),
    ("cpc_class", StringType(), "the class listed first"),
    ("follow_up_months", IntegerType(), "months from the grant in which citations count"),
    ("forward_citations", LongType(), "distinct citing patents granted within the follow-up window"),
    ("q90", DoubleType(),
        "90th percentile of these counts among all patents of the same class, grant year and window"),
    ("q99", DoubleType(), "99th percentile"),
    ("citation_level", StringType(),
        "top1, top10, btm90, zerocite among these: what an open window shows, not the level"),
)  # fmt: skip
SPLITS = _table(
    "SPLITS", "split", "One row per patent and task it takes part in.",
    _ID, _KEY, _TASK, _SPLIT,
    ("follow_up_months", IntegerType(),
        "citation level: months of citations behind the label, the whole horizon or one of "
        "INTERIM_LEVELS; else null"),
)  # fmt: skip
FAMILIES = _table(
    "FAMILIES", "split",
    "One row per patent with an abstract or a relative; any other is a family of its own, under "
    "its key.",
    ("patent_key", LongType(), "patent_id as a number, see patent_ids.py"),
    ("family", LongType(),
        "the same for patents that share an abstract or are relatives (patent_rules.py), over any "
        "number of others"),
)  # fmt: skip
TOKENS = _table(
    "TOKENS", "text", "One row per patent that is not withdrawn and has text.",
    _KEY, _ID,
    ("tokens", ArrayType(StringType(), True),
        "words of the fields that text.fields names, in order, before rare ones are dropped"),
)  # fmt: skip
VOCABULARY = _table(
    "VOCABULARY", "text", "One row per word that is frequent enough.",
    ("word", StringType(), ""),
    ("id", IntegerType(), "from 1, most frequent first, ties in alphabetical order; 0 is padding"),
    ("count", LongType(), "occurrences in the training text"),
)  # fmt: skip
VECTORS = _table(
    "VECTORS", "text", "One row per word of the vocabulary, in the order of its ids.",
    ("word", StringType(), ""),
    ("count", LongType(), "occurrences in the training text"),
    ("vector", ArrayType(FloatType(), True), "skip-gram vector"),
)  # fmt: skip
FEATURES = _table(
    "FEATURES", "shard",
    "One row per patent of the citation level's splits, with `model.features`: what was known on the day of "
    "its grant beside its text. Columns of features that are not asked for are null.",
    _ID, _KEY,
    ("num_claims", IntegerType(), "number of claims; null when unknown"),
    ("citations_made", IntegerType(), "rows of CITATIONS with this citing patent"),
    ("examiner_citations", IntegerType(), "the same, cited by examiner; the categories begin in 2001"),
    ("applicant_citations", IntegerType(), "the same, cited by applicant"),
    ("other_citations", IntegerType(), "the same, of any other category or none"),
    ("citation_age_months", IntegerType(),
        "mean number of months from the grants of the patents that it cites to its own, cut to a whole "
        "number; null without one in PATENTS that was granted by its day"),
    ("inventional_codes", IntegerType(), "rows of CPC with this patent, inventional"),
    ("cpc_class", StringType(), "the class listed first; null without any"),
    ("patent_type", StringType(), "utility, reissue, ...; null when unknown"),
    ("family_size", IntegerType(),
        "the patent and its relatives granted by its own day: parent, child, with the same parent or the "
        "same abstract"),
)  # fmt: skip
EXAMPLES = _table(
    "EXAMPLES", "shard",
    "One row per patent of a split of a task: <task>/<split>, or of any task: joint/<split>; "
    "padding has a negative key. With `model.features` those of the citation level have another column, "
    "`features`: little-endian float32, as the manifest encodes FEATURES.",
    ("patent_key", LongType(), "negative: a row that only fills up a row group, weight 0"),
    ("position", LongType(), "place in the shuffled order, from 0"),
    ("label", IntegerType(),
        "place in the manifest's list of labels, behind its end in that of interim levels; of joint "
        "examples a place for each task, see labels_of_tasks in stages/shard/layout.py"),
    ("length", IntegerType(), "tokens before padding"),
    ("tokens", BinaryType(), "max_tokens little-endian int32 ids of VOCABULARY, 0 to the right"),
)  # fmt: skip
_OF_PREDICTIONS = (
    ("family", LongType(), "as in FAMILIES: the unit of resampling"),
    ("cpc_class", StringType(), "the patent's class; null without one"),
    ("truth", StringType(), "the label"),
)
_SCORES = (
    ("in_top3", BooleanType(), "the truth is among the three most probable labels"),
    ("in_top5", BooleanType(), "the truth is among the five most probable labels"),
    ("squared_error", FloatType(), "sum over the labels of (probability - truth) squared"),
    ("top1_probability", FloatType(), "probability of top1; null for a task without this label"),
    ("codes_in_top1", IntegerType(), "all CPC codes of the patent: those among the most probable label"),
    ("codes_in_top3", IntegerType(), "those among the three most probable; null for citation levels"),
    ("codes_in_top5", IntegerType(), "those among the five most probable; null for citation levels"),
    ("code_count", IntegerType(), "how many they are; null for citation levels"),
    (
        "ranking_precision",
        FloatType(),
        "label ranking average precision of these codes; null for citation levels",
    ),
)
PREDICTIONS = _table(
    "PREDICTIONS", "evaluate", "One row per patent of a test split of a task.",
    _ID, _KEY, _TASK, _SPLIT,
    *_OF_PREDICTIONS,
    ("predicted", StringType(), "the most probable label"),
    ("probability", FloatType(), "calibrated probability of the predicted label"),
    *_SCORES,
    ("probabilities", ArrayType(FloatType(), True),
        "of all labels, in the order of the model's list; calibrated"),
    ("codes", ArrayType(StringType(), True),
        "technology: all inventional codes of the patent at the label's level, or all if none is; else null"),
)  # fmt: skip
BASELINE_PREDICTIONS = _table(
    "BASELINE_PREDICTIONS", "evaluate",
    "One row per predictor and patent of a test split of a task, for each predictor that reads texts.",
    ("predictor", StringType(),
        "tfidf_linear, tfidf_nearest, or the model without its calibration: uncalibrated, "
     "temperature_alone"),
    _ID, _KEY, _TASK, _SPLIT,
    *_OF_PREDICTIONS,
    ("predicted", StringType(), "the predicted label"),
    ("probability", FloatType(), "probability of the most probable label"),
    *_SCORES,
)  # fmt: skip
INDEXED_PATENTS = _table(
    "INDEXED_PATENTS", "index", "One row per kind of vector and patent that has one.",
    ("vectors", StringType(), "document or words"),
    ("row", LongType(), "place of its vector in INDEX/<vectors>/vectors.faiss, from 0"),
    _ID, _KEY,
    ("title", StringType(), "null when unknown"),
    ("cpc_class", StringType(), "the class listed first; null without any"),
    ("grant_date", DateType(), "the day the patent was granted"),
    ("citations", LongType(), "distinct citing patents at any time"),
    ("family", LongType(), "as in FAMILIES; of a patent that is not there its key"),
)  # fmt: skip
SCORES = _table(
    "SCORES", "score", "One row per text of the input and task; one folder per task and partition.",
    ("patent_key", LongType(), "patent_id as a number, see patent_ids.py; null when it has no patent's form"),
    ("patent_id", StringType(), "as the input writes it"),
    ("row", LongType(), "place of the text in the input files, from 0; null for patents of the warehouse"),
    ("label", StringType(), "the most probable label; null for a text without a word that the model knows"),
    ("probability", FloatType(), "its calibrated probability; null without a label"),
    ("top_labels", ArrayType(StringType(), True),
        "the most probable labels, at most score.top, the best first; null without a label"),
    ("top_probabilities", ArrayType(FloatType(), True), "their calibrated probabilities"),
    ("top1_probability", FloatType(), "probability of top1; null for a task without this label"),
    ("level_probabilities", ArrayType(FloatType(), True),
        "probabilities of top1, top10, btm90 and zerocite; null for technology"),
    ("words", IntegerType(), "words of the text"),
    ("known_words", IntegerType(), "those that the model knows"),
    ("known_share", FloatType(), "known_words / words; null without words"),
    ("too_short", BooleanType(), "fewer known words than the texts that the model learned from"),
    ("model_name", StringType(), "the model's name in the registry, or its folder"),
    ("model_version", StringType(), "its version in the registry; empty for a folder"),
    ("model_identity", StringType(), "digest of the model and its calibration"),
    ("model_release_id", StringType(), "the release that the model was trained on"),
    ("release_id", StringType(), "the release that holds the patent; null for texts of files"),
    _TASK,
    ("partition", IntegerType(), "part of the input, from 0"),
    partitioned_by=("task", "partition"),
)  # fmt: skip

TABLES = {
    table.name: table
    for table in (
        PATENTS, ABSTRACTS, CITATIONS, CPC, CLAIMS, RELATED_DOCUMENTS, CPC_TITLES, REJECTS, COUNTS, LABELS,
        INTERIM_LEVELS, SPLITS, FAMILIES, TOKENS,
        VOCABULARY, VECTORS, FEATURES, EXAMPLES, PREDICTIONS, BASELINE_PREDICTIONS,
        INDEXED_PATENTS,
        SCORES,
    )
}  # fmt: skip

STAGE_OF = {name: table.stage for name, table in TABLES.items()} | {
    "RELEASE": "simulate",  # zipped TSV tables and release.json
    "QUALITY": "quality",  # report.html, quality.json and plots
    "KEYED_VECTORS": "text",  # the vectors as gensim's KeyedVectors
    "FURTHER_VECTORS": "text",  # of text.further_vectors: set-2.npy, ..., float32 [words, dimensions]
    "MODEL": "train",  # one folder per task: model.keras, labels, vocabulary, history
    "METRICS": "evaluate",  # a JSON file a task
    "BASELINES": "evaluate",  # one JSON file per task: the fitted baselines
    "LINEAR": "evaluate",  # one .npz file per task: TF-IDF + linear, which the model may be combined with
    "CALIBRATION": "evaluate",  # one JSON file per task: how the model's probabilities are calibrated
    "REPORT": "evaluate",  # report.html and its plots; the audit adds its result
    "AUDIT": "audit",  # report.html, and all checks in audit.json
    # a folder a model: card.html and card.md of its champion, and decision.json, the last promotion
    # decision
    "MODEL_CARD": "register",
    "INDEX": "index",  # a folder a kind of vector: the vectors and what is searched with them
    "BACKTEST": "backtest",  # report.html, backtest.json and plots: models as of several years
    # report.html and ablation.json: two configurations, their protocols and models swapped
    "ABLATION": "ablate",
}
"""Which stage makes a table or another output; `patent-spark where` prints its place."""

TRAIN, DEVELOPMENT, TEST, LARGE_TEST = "train", "development", "test", "large_test"
TOP1, TOP10, BTM90, ZEROCITE = "top1", "top10", "btm90", "zerocite"
LEVELS = (TOP1, TOP10, BTM90, ZEROCITE)
"""Citation levels from the most to the least cited."""


def is_test(split: str) -> bool:
    """Whether a split is for testing: test, large_test, test_2011, ..."""
    return split.startswith(TEST) or split == LARGE_TEST
