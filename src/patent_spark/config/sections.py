"""The settings: one frozen dataclass a section, each setting with its type, its default and what it means."""

from __future__ import annotations

import datetime
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Strict
from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from patent_spark.config.paths import home_expanded

TECHNOLOGY = "technology"
CITATION_LEVEL = "citation_level"
TASKS = (TECHNOLOGY, CITATION_LEVEL)
JOINT = "joint"
"""The name of the model that answers both."""


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def _day(value: object) -> object:
    if value is not None and not isinstance(value, datetime.date | str):
        raise ValueError("a day is needed, such as 2018-05-29")
    return value


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Bound(ge=0)]
Positive = Annotated[int, Strict(), Bound(ge=1)]
Real = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, le=1)]
Dropout = Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, lt=1)]
String = Annotated[str, Strict()]
Directory = Annotated[str, Strict(), AfterValidator(home_expanded)]

_STRICT = ConfigDict(extra="forbid")


def setting(default: Any, about: str) -> Any:
    """A dataclass field with its documentation, which `patent-spark config` prints."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, config=_STRICT)
class Warehouse:
    """Where tables live."""

    root: Directory = setting(
        "warehouse", "directory of all tables; on a cluster one that the driver and all executors see"
    )
    keep_versions: Positive = setting(2, "published versions of a stage that are kept")


@dataclass(frozen=True, config=_STRICT)
class Engine:
    """Which DataFrame engine runs the Spark stages; tables come out the same on each."""

    name: Literal["auto", "sail", "spark"] = setting(
        "auto",
        "sail: embedded, no Java | spark: spark-submit's own session, else that of the server in SPARK_REMOTE, else local | "
        "auto: spark under spark-submit, else sail",
    )
    memory: String = setting("4g", "driver memory of local Spark; under spark-submit its own option decides")
    shuffle_partitions: Count = setting(
        0, "partitions after a shuffle; 0 = the engine's own choice (local Spark: 8)"
    )


@dataclass(frozen=True, config=_STRICT)
class Source:
    """Where a release comes from."""

    kind: Literal["simulate", "folder"] = setting(
        "folder", "simulate: make one | folder: zipped PatentsView tables at source.path"
    )
    path: Directory = setting(
        "",
        "folder: the release to read | simulate: also put the made release here; empty: only in the warehouse",
    )


@dataclass(frozen=True, config=_STRICT)
class Release:
    """What is known about a release beyond its tables; read from its release.json when it has one."""

    id: String = setting(
        "",
        "name kept with each label and model; empty: from release.json, else the folder's name and data_to_date",
    )
    data_to_date: Annotated[datetime.date | None, BeforeValidator(_day)] = setting(
        None, "last grant date the release covers; empty: from release.json, else the newest grant date"
    )


@dataclass(frozen=True, config=_STRICT)
class Simulate:
    """A simulated release; its size, its seed and the strength of what is planted in it."""

    patents: Positive = setting(
        20_000, "rows of g_patent, from a thousand to ten million (fewer with an earlier data_to_date)"
    )
    seed: Count = setting(1, "the same seed and settings give the same release, byte for byte")
    data_to_date: Annotated[
        datetime.date, Bound(ge=datetime.date(1976, 1, 6), le=datetime.date(2025, 9, 30))
    ] = setting(
        datetime.date(2025, 9, 30),
        "last grant date; an earlier one cuts the same history short, so that a later release adds to it",
    )
    classes: Annotated[int, Strict(), Bound(ge=2, le=125)] = setting(
        125, "CPC classes, the most frequent ones of the paper's 125 first"
    )
    columns: Literal["current", "old"] = setting(
        "current", "table and column names: PatentsView's of today, or those of the older dumps"
    )
    broken_fraction: Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, lt=1)] = setting(
        0.0, "share of rows in each table that are broken in one of several ways"
    )
    citation_scale: Real = setting(1.0, "citations made per patent, relative to the real ones (about 16)")
    technology_noise: Share = setting(
        0.1, "share of patents whose text speaks of another class than their own"
    )
    level_noise: Share = setting(
        0.3, "share of patents whose text speaks of a citation level drawn at random"
    )
    order_share: Share = setting(0.3, "share of patents in pairs of classes that only word order tells apart")
    drift: Share = setting(
        0.0,
        "share of the words that speak of a citation level which new words replace each year, so that older patents teach less",
    )
    relatives: Share = setting(
        0.0,
        "share of patents that continue or divide another by g_us_rel_doc alone; who repeats an abstract always does so",
    )
    claims: Flag = setting(
        False,
        "also write the yearly files of claims, which speak of the same class and level as the abstract",
    )
    abstract_words: Positive = setting(110, "mean words an abstract (title and abstract together: about 120)")


@dataclass(frozen=True, config=_STRICT)
class Ingest:
    """Zipped TSV to Parquet."""

    max_reject_fraction: Share = setting(
        0.01, "rejected rows of a table, as a share, above which the stage stops with exit code 3"
    )
    block_mb: Positive = setting(4, "megabytes of TSV parsed at a time, of each file; no row can be longer")


@dataclass(frozen=True, config=_STRICT)
class Label:
    """Five-year forward citations and the level within the class."""

    horizon_months: Positive = setting(
        60, "a citation counts when its citing patent is granted within this many months, both ends included"
    )
    reference_set: Literal["class", "class_year"] = setting(
        "class_year", "percentiles within each CPC class, or each class and grant year"
    )
    population: Literal["all", "cited"] = setting(
        "all", "patents in the percentiles: all, or only those with a citation at any time"
    )
    percentiles_before_censoring: Flag = setting(
        False, "true: patents with an open window are in the percentiles (the paper's order of steps)"
    )
    citing: Literal["all", "examiner", "not_examiner"] = setting(
        "all", "which citations count, by citation_category"
    )
    self_citations: Flag = setting(True, "count a patent that cites itself")
    follow_up_months: tuple[Positive, ...] = setting(
        (),
        "months, ascending and below horizon_months, after which an open window is also looked at, in INTERIM_LEVELS; such as [12, 24, 36, 48]",
    )


@dataclass(frozen=True, config=_STRICT)
class Split:
    """Who trains and who tests, decided before any text is learned from."""

    seed: Count = setting(1, "order in which patents are drawn")
    sample: Share = setting(
        1.0, "stratified: share of each class that is used; the rest is the split large_test"
    )
    development: Share = setting(
        0.1, "stratified: share of the sample; temporal: share of the training patents"
    )
    test: Share = setting(0.1, "stratified: share of the sample")
    train_until: Positive = setting(2010, "temporal: last grant year of training")
    test_years: Annotated[tuple[int, ...], Bound(min_length=1)] = setting(
        (2011, 2012, 2013, 2014, 2015), "temporal: one test split for each of these grant years"
    )
    embargo: Flag = setting(
        True, "temporal: only train on patents whose citation window closed before the first test day"
    )
    interim_levels: Flag = setting(
        False,
        "temporal, citation level: patents up to train_until whose level the embargo keeps out train on what their windows had shown "
        "by the first test day, at the longest of label.follow_up_months",
    )
    group_by_family: Flag = setting(
        True,
        "patents that share an abstract or are relatives (continuations, divisions, ...) never straddle training and test",
    )


@dataclass(frozen=True, config=_STRICT)
class Task:
    """What differs between the two tasks."""

    protocol: Literal["stratified", "temporal"] = setting("stratified", "how the split is made")
    max_tokens: Positive = setting(100, "longer texts are cut")
    min_tokens: Positive = setting(1, "patents with fewer tokens are left out")


@dataclass(frozen=True, config=_STRICT)
class Text:
    """Tokens and word vectors."""

    fields: Annotated[tuple[Literal["title", "abstract", "claims"], ...], Bound(min_length=1)] = setting(
        ("title", "abstract"),
        "what a patent's text is made of, in this order; with claims, ingest reads their files as well, one a grant year",
    )
    claims: Literal["first", "all"] = setting(
        "first",
        "which claims are text, if any: the first one, which is always independent, or all in their order",
    )
    min_count: Positive = setting(5, "words seen less often in the training text are dropped")
    fit_on: Literal["train", "all"] = setting(
        "train",
        "texts the vocabulary and vectors are learned from: all (the paper), or none of a test split nor, with split.group_by_family, of the same abstract; "
        "a temporal task then leaves only texts from before its first test day, for the other task too: both share the vectors",
    )
    dimensions: Positive = setting(200, "length of a word vector")
    window: Positive = setting(5, "words to each side that are context")
    subsample: Share = setting(
        0.001,
        "words that are a larger share of the text are skipped at random, the more frequent the more often; 0: none are",
    )
    negative: Positive = setting(5, "noise words drawn for each pair")
    epochs: Positive = setting(5, "passes over the text")
    workers: Count = setting(0, "threads of gensim; 0 = one a core; 1 = reproducible bit for bit")
    seed: Count = setting(1, "initial vectors and sampling")


@dataclass(frozen=True, config=_STRICT)
class Shard:
    """The layout of the training examples."""

    world_sizes: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (1, 2, 4, 8, 16), "numbers of ranks that can read the shards evenly"
    )
    row_group_rows: Positive = setting(2048, "largest number of examples in a row group")
    seed: Count = setting(1, "the shuffle before writing")


@dataclass(frozen=True, config=_STRICT)
class Model:
    """The network: word vectors, LSTM layers, a pool over the words, dense softmax. `pool: last` is the
    paper's."""

    units: Positive = setting(128, "units of each LSTM layer")
    layers: Positive = setting(2, "LSTM layers")
    embedding: Literal["frozen", "tuned"] = setting("frozen", "whether the word vectors are trained further")
    bidirectional: Flag = setting(False, "a second LSTM in each layer reads every text from its end")
    pool: Literal["last", "max", "max_mean"] = setting(
        "max",
        "what the softmax sees: last, the state after the last word (the paper) | max, the largest of each unit over all words | max_mean, both",
    )
    mean_vector: Flag = setting(
        False, "the softmax also sees the mean of the text's word vectors, in which rare words weigh more"
    )
    scale_vectors: Flag = setting(
        False, "take the mean of all word vectors off each, and bring their numbers to standard deviation 1"
    )
    spatial_dropout: Dropout = setting(
        0.0, "share of the dimensions that all vectors of a text lose in a training step"
    )
    dropout: Dropout = setting(0.0, "share of the pooled state that is left out in a training step")
    forget_bias_horizon: Count = setting(
        0,
        "longest initial memory of a cell, in words, about a text's length; 0 = Keras's forget bias of 1, about 3 words",
    )


@dataclass(frozen=True, config=_STRICT)
class Train:
    """Training; one loop for one rank and for many."""

    ranks: Positive = setting(
        1, "processes, each with its share of every batch; with an external launcher as many as it starts"
    )
    epochs: Positive = setting(5, "passes over the training examples")
    batch: Positive = setting(96, "examples a step, over all ranks together")
    min_steps: Count = setting(0, "more passes where examples are few: as many as make this number of steps")
    learning_rate: Real = setting(1e-3, "Adam's step size, the largest where it changes")
    warmup: Share = setting(0.0, "share of all steps in which the step size rises from 0")
    decay: Literal["none", "linear", "cosine"] = setting(
        "none", "how the step size falls to 0 from there to the last step"
    )
    weight_decay: Real = setting(0.0, "AdamW's decay, of all weights but biases and word vectors")
    label_smoothing: Dropout = setting(0.0, "share of each example's answer that is spread over all labels")
    class_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none",
        "what a patent of a class counts: one like another | sqrt, in inverse proportion to the root of its share | balanced, to that share",
    )
    level_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none", "the same of a citation level, of which the most cited are the rarest"
    )
    technology_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: what the loss of technology counts in that of the model, a weighted mean"
    )
    citation_level_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: what the loss of the citation level counts in it"
    )
    patience: Count = setting(
        0, "epochs in a row without a lower development loss after which training ends; 0 = all epochs"
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = setting(
        "float32",
        "numbers the LSTM computes with; weights, logits and loss are float32 with each. mixed_*: faster on GPUs, bfloat16 on those from 2020 on, "
        "float16 on older ones, with the loss scaled",
    )
    clip_norm: Real = setting(1.0, "largest norm of the gradient; 0 = no limit")
    keep: Literal["best", "last"] = setting(
        "best",
        "weights that are kept: those of the epoch with the least development loss, or the last (the paper)",
    )
    bucket_by_length: Flag = setting(
        True, "a step takes texts of like length, so that little padding is computed"
    )
    seed: Count = setting(1, "initial weights and the order within an epoch")
    launcher: Literal["local", "spark", "external"] = setting(
        "local",
        "who starts the ranks: local, this command, on this machine | spark: the executors of spark-submit's session | "
        "external: horovodrun, mpirun or a cluster's operator starts this command once a rank",
    )
    timeout_s: Positive = setting(60, "seconds after which a rank that stays silent ends the job")


@dataclass(frozen=True, config=_STRICT)
class Evaluate:
    """Figures, baselines and the report."""

    batch: Positive = setting(512, "examples a prediction step")
    baseline_examples: Positive = setting(
        200_000, "largest number of training texts for TF-IDF and the linear model"
    )
    neighbour_examples: Positive = setting(
        20_000, "largest number of training texts among which the nearest one is looked for"
    )
    calibration_examples: Positive = setting(
        20_000, "largest number of development texts from which the calibration is learned"
    )
    resamples: Count = setting(1_000, "draws of the bootstrap that gives the intervals; 0 = no intervals")
    fixed_precision: Share = setting(0.5, "precision at which the recall of top1 is told")
    seed: Count = setting(1, "which texts are drawn, the linear model's order of them, the bootstrap")
    logged_predictions: Count = setting(
        1_000_000,
        "largest number of test patents of a task whose answers go to its MLflow run, so that two runs can be compared; 0 = none",
    )


@dataclass(frozen=True, config=_STRICT)
class Audit:
    """Checks that look for leaks; their limits are for a person to know, so few are settings."""

    sample_size: Positive = setting(
        5_000,
        "largest number of test texts in the checks that compare texts or fit models; of training texts ten times as many",
    )
    near_duplicate: Annotated[Share, Bound(gt=0)] = setting(
        0.7, "share of three-word shingles in common (Jaccard) from which two texts are near duplicates"
    )
    duplicates: Share = setting(
        0.01, "limit: share of the test patents whose text stands, or nearly stands, among the training texts"
    )
    recount_sample_size: Count = setting(
        30, "patents whose labels are counted anew from the release's own files; 0 = none"
    )
    top1_auc: Share = setting(
        0.95, "limit: ROC-AUC of top1; text alone does not tell the most cited patents better"
    )
    seed: Count = setting(1, "which texts and patents are drawn")


@dataclass(frozen=True, config=_STRICT)
class Register:
    """Which models enter the registry of MLflow."""

    margin: Share = setting(
        0.0,
        "how much worse than the champion a model may be: refused when the whole 95 % interval of the difference lies below minus this, "
        "in accuracy (technology) or PR-AUC of top1 (citation level)",
    )


@dataclass(frozen=True, config=_STRICT)
class Backtest:
    """Models as of several years, each tested on the years after it."""

    years: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (2006, 2010, 2014), "a model is trained with what was known at the end of each of these years"
    )
    test_years: Positive = setting(
        5, "grant years after each that test it, as far as their citation windows have closed in the release"
    )


@dataclass(frozen=True, config=_STRICT)
class Tracking:
    """Where runs and models are kept."""

    uri: String = setting("", "MLflow tracking server or database; empty: SQLite in <warehouse.root>/mlflow")
    experiment: String = setting("patent_spark", "MLflow experiment")
    run_name: String = setting(
        "", "what a run is called in MLflow, before its task; empty: the task and the release"
    )
    parent_run: String = setting(
        "", "id of an MLflow run that a training's run is nested under; a sweep or a back-test sets it"
    )


@dataclass(frozen=True, config=_STRICT)
class Config:
    """The whole configuration; each stage gets its own section."""

    tasks: Literal["technology", "citation_level", "both", "joint"] = setting(
        "both",
        "which models are made: of one task | both, one for each of the two | joint, one for the two, which share all but their last layer; "
        "it trains on no patent that either task tests",
    )
    warehouse: Warehouse = field(default_factory=Warehouse)
    engine: Engine = field(default_factory=Engine)
    source: Source = field(default_factory=Source)
    release: Release = field(default_factory=Release)
    simulate: Simulate = field(default_factory=Simulate)
    ingest: Ingest = field(default_factory=Ingest)
    label: Label = field(default_factory=Label)
    split: Split = field(default_factory=Split)
    technology: Task = field(default_factory=Task)
    citation_level: Task = field(
        default_factory=lambda: Task(protocol="temporal", max_tokens=200, min_tokens=50)
    )
    text: Text = field(default_factory=Text)
    shard: Shard = field(default_factory=Shard)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    audit: Audit = field(default_factory=Audit)
    register: Register = field(default_factory=Register)
    backtest: Backtest = field(default_factory=Backtest)
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks in this run, in the order they are worked on."""
        return TASKS if self.tasks in ("both", JOINT) else (self.tasks,)

    def task(self, name: str) -> Task:
        """The section of one task."""
        section: Task = getattr(self, name)
        return section

    @property
    def models(self) -> dict[str, tuple[str, ...]]:
        """The tasks of each model in this run, by its name: that of its only task, or joint."""
        return {JOINT: TASKS} if self.tasks == JOINT else {task: (task,) for task in self.task_names}

    def prefix(self, task: str) -> str:
        """What stands before the names of a task's figures where they are kept together with the other's."""
        return f"{task}_" if self.tasks == JOINT else ""
