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
"""The model of both tasks."""


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
        "sail: embedded, no Java | spark: the session of spark-submit, else of SPARK_REMOTE, else local | "
        "auto: spark under spark-submit, else sail",
    )
    memory: String = setting("4g", "driver memory of local Spark; under spark-submit its own option decides")
    shuffle_partitions: Count = setting(
        0, "partitions after a shuffle; 0 = the engine's own choice (local Spark: 8)"
    )


@dataclass(frozen=True, config=_STRICT)
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


@dataclass(frozen=True, config=_STRICT)
class Release:
    """What is known about a release beyond its tables; read from its release.json when it has one."""

    id: String = setting(
        "",
        "name stored with each label and model; empty: from release.json, else folder name and data_to_date",
    )
    data_to_date: Annotated[datetime.date | None, BeforeValidator(_day)] = setting(
        None, "last grant date the release covers; empty: from release.json, else the newest grant date"
    )


@dataclass(frozen=True, config=_STRICT)
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
    broken_fraction: Annotated[float, BeforeValidator(_no_bool), Bound(ge=0, lt=1)] = setting(
        0.0, "share of malformed rows in each table"
    )
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
    abstract_words: Positive = setting(110, "mean words an abstract (title and abstract together: about 120)")


@dataclass(frozen=True, config=_STRICT)
class Ingest:
    """Zipped TSV to Parquet."""

    max_reject_fraction: Share = setting(
        0.01, "largest share of rejected rows in a table; above it the stage stops with exit code 3"
    )
    block_mb: Positive = setting(4, "megabytes of TSV parsed at a time in each file; also the longest row")


@dataclass(frozen=True, config=_STRICT)
class Label:
    """Five-year forward citations and the level within the class."""

    horizon_months: Positive = setting(
        60, "citation window: months from grant to the citing grant, both ends included"
    )
    reference_set: Literal["class", "class_year"] = setting(
        "class_year",
        "patents that percentiles are computed over: each CPC class, or each class and grant year",
    )
    population: Literal["all", "cited"] = setting(
        "all", "patents in a reference set: all, or only those cited at any time"
    )
    percentiles_before_censoring: Flag = setting(
        False, "true: patents with an open citation window count in the percentiles (as in the paper)"
    )
    citing: Literal["all", "examiner", "not_examiner"] = setting(
        "all", "citations that count, by citation_category"
    )
    self_citations: Flag = setting(True, "count a patent that cites itself")
    follow_up_months: tuple[Positive, ...] = setting(
        (),
        "follow-up windows for INTERIM_LEVELS: ascending months below horizon_months, for example "
        "[12, 24, 36, 48]",
    )


@dataclass(frozen=True, config=_STRICT)
class Split:
    """Train, development and test splits, made before any text is fitted."""

    seed: Count = setting(1, "seed of the draw of patents")
    sample: Share = setting(
        1.0, "stratified: share of each class that is used; the rest becomes the split large_test"
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
        True, "temporal: train only on patents whose citation window closed before the first test day"
    )
    interim_levels: Flag = setting(
        False,
        "temporal, citation level: patents excluded by the embargo train on their interim level, at "
        "the longest of label.follow_up_months that ended before the first test day",
    )
    group_by_family: Flag = setting(
        True,
        "keep patents that share an abstract or are relatives (continuations, divisions, ...) on one "
        "side of the split",
    )


@dataclass(frozen=True, config=_STRICT)
class Task:
    """Settings that differ between the two tasks."""

    protocol: Literal["stratified", "temporal"] = setting(
        "stratified", "how patents are split: at random within classes, or by grant year"
    )
    max_tokens: Positive = setting(100, "longer texts are truncated")
    min_tokens: Positive = setting(1, "patents with fewer tokens are excluded")


@dataclass(frozen=True, config=_STRICT)
class Text:
    """Tokens and word vectors."""

    fields: Annotated[tuple[Literal["title", "abstract", "claims"], ...], Bound(min_length=1)] = setting(
        ("title", "abstract"),
        "parts of the text, in this order; `claims` makes ingest read the yearly claims files too",
    )
    claims: Literal["first", "all"] = setting(
        "first",
        "claims in the text: the first (always independent), or all in order",
    )
    min_count: Positive = setting(5, "words with fewer occurrences in the training text are dropped")
    fit_on: Literal["train", "all"] = setting(
        "train",
        "texts used to fit the vocabulary and word vectors. all: every text (as in the paper). train:"
        " no test patents, none of their families, and, if any task is split by year, only texts from"
        " before its first test day",
    )
    dimensions: Positive = setting(200, "length of a word vector")
    window: Positive = setting(5, "context words on each side")
    subsample: Share = setting(
        0.001,
        "frequency above which words are randomly skipped, as a share of the text; 0: never",
    )
    negative: Positive = setting(5, "negative samples for each word pair")
    epochs: Positive = setting(5, "passes over the text")
    workers: Count = setting(0, "gensim threads; 0 = one a core; 1 = reproducible to the bit")
    seed: Count = setting(1, "seed of initial vectors and sampling")


@dataclass(frozen=True, config=_STRICT)
class Shard:
    """The layout of the training examples."""

    world_sizes: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (1, 2, 4, 8, 16), "numbers of ranks that can share the examples evenly"
    )
    row_group_rows: Positive = setting(2048, "largest number of examples in a row group")
    seed: Count = setting(1, "seed of the shuffle before writing")


@dataclass(frozen=True, config=_STRICT)
class Model:
    """The network: word vectors, LSTM layers, pooling over the words, dense softmax."""

    units: Positive = setting(128, "units of each LSTM layer")
    layers: Positive = setting(2, "LSTM layers")
    embedding: Literal["frozen", "tuned"] = setting(
        "frozen", "whether training also updates the word vectors"
    )
    bidirectional: Flag = setting(False, "each layer also reads the text backwards, with a second LSTM")
    pool: Literal["last", "max", "max_mean"] = setting(
        "max",
        "pooling over the words. last: state after the last word (as in the paper). max: maximum of "
        "each unit. max_mean: maximum and mean",
    )
    mean_vector: Flag = setting(
        False, "the softmax also gets the mean word vector of the text, weighted towards rare words"
    )
    scale_vectors: Flag = setting(False, "center the word vectors and scale them to standard deviation 1")
    spatial_dropout: Dropout = setting(0.0, "dropout rate of embedding dimensions, for a whole text at once")
    dropout: Dropout = setting(0.0, "dropout rate of the pooled state")
    forget_bias_horizon: Count = setting(
        0,
        "forget-gate bias: longest initial memory in words (chrono initialisation), about the length "
        "of a text; 0 = Keras's bias of 1, about 3 words",
    )


@dataclass(frozen=True, config=_STRICT)
class Train:
    """Training; one loop for any number of ranks."""

    ranks: Positive = setting(
        1, "processes, each with an equal share of every batch; an external launcher decides it"
    )
    epochs: Positive = setting(5, "passes over the training examples")
    batch: Positive = setting(96, "examples a step, summed over all ranks")
    min_steps: Count = setting(0, "smallest number of steps; with few examples there are more epochs")
    learning_rate: Real = setting(1e-3, "Adam's learning rate; the peak of the schedule")
    warmup: Share = setting(0.0, "share of all steps in which the learning rate rises from 0")
    decay: Literal["none", "linear", "cosine"] = setting(
        "none", "how the learning rate falls to 0 between warmup and the last step"
    )
    weight_decay: Real = setting(0.0, "AdamW weight decay, except for biases and word vectors")
    label_smoothing: Dropout = setting(0.0, "share of each target that is spread over all labels")
    class_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none",
        "loss weights of technology classes. none: equal. balanced: inverse frequency. sqrt: its square root",
    )
    level_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none", "loss weights of citation levels, as for class_weights"
    )
    technology_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: weight of the technology loss in the weighted mean"
    )
    citation_level_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: weight of the citation-level loss in the weighted mean"
    )
    patience: Count = setting(
        0, "early stopping: epochs without a lower development loss; 0 = train all epochs"
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = setting(
        "float32",
        "precision of the LSTM; weights, logits and loss stay float32. mixed_bfloat16: faster on GPUs"
        " from 2020 on. mixed_float16: on older ones, with loss scaling",
    )
    clip_norm: Real = setting(1.0, "largest gradient norm; 0 = no clipping")
    keep: Literal["best", "last"] = setting(
        "best",
        "which weights are kept: lowest development loss, or last epoch (as in the paper)",
    )
    bucket_by_length: Flag = setting(True, "batch texts of similar length, which reduces padding")
    seed: Count = setting(1, "seed of initial weights and the order within an epoch")
    launcher: Literal["local", "spark", "external"] = setting(
        "local",
        "what starts the ranks. local: this command, on this machine. spark: the executors of spark-"
        "submit's session. external: horovodrun, mpirun or a cluster operator starts this command "
        "once a rank",
    )
    timeout_s: Positive = setting(60, "seconds without a sign of life from a rank after which the job ends")


@dataclass(frozen=True, config=_STRICT)
class Evaluate:
    """Metrics, baselines and the report."""

    batch: Positive = setting(512, "examples a prediction step")
    baseline_examples: Positive = setting(
        200_000, "largest number of training texts for TF-IDF and the linear model"
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


@dataclass(frozen=True, config=_STRICT)
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


@dataclass(frozen=True, config=_STRICT)
class Register:
    """Promotion of models in the MLflow registry."""

    margin: Share = setting(
        0.0,
        "non-inferiority margin: a model is rejected when the 95 % interval of its difference to the "
        "champion lies wholly below minus this, in accuracy (technology) or PR-AUC of top1 (citation "
        "level)",
    )


@dataclass(frozen=True, config=_STRICT)
class Refresh:
    """What a new release must hold before it replaces the one before, and who is told."""

    min_row_ratio: Share = setting(0.95, "least rows of each table, relative to the release before")
    max_reject_share: Share = setting(0.005, "largest share of a file's rows that are rejected or lost")
    max_unmatched_increase: Share = setting(
        0.02, "largest increase of the share of a table's rows that meet no patent"
    )
    max_level_change: Share = setting(0.05, "largest change of the share of a citation level")
    max_class_change: Share = setting(0.1, "largest share of the patents that change their class")
    max_new_words: Share = setting(
        0.05, "largest share of the running words that the vocabulary before does not have"
    )
    metrics_file: String = setting(
        "", "Prometheus metrics for node_exporter's textfile collector (*.prom); empty: none"
    )
    webhook_timeout_s: Positive = setting(
        5, "seconds until a webhook is given up; its address is in PATENT_SPARK_WEBHOOK_URL"
    )


@dataclass(frozen=True, config=_STRICT)
class Inference:
    """Using a trained model."""

    cache: Directory = setting(
        "", "folder for models from the registry; empty: patent_spark/models in $XDG_CACHE_HOME or ~/.cache"
    )


@dataclass(frozen=True, config=_STRICT)
class Predict:
    """Answers about single patents."""

    min_confidence: Share = setting(
        0.5, "probability of the most probable answer below which `predict` says: look yourself"
    )


@dataclass(frozen=True, config=_STRICT)
class Index:
    """Vectors of all patents, in which `similar` looks for the nearest."""

    model: String = setting(
        "champion",
        "whose document vectors: champion, models:/<name>/<number>, run:<id>, or the folder of a package",
    )
    task: Literal["technology", "citation_level"] = setting("technology", "the task of that model")
    vectors: Annotated[tuple[Literal["document", "words"], ...], Bound(min_length=1)] = setting(
        ("document",),
        "kinds of vectors. document: the state of the model's network after reading the text. "
        "words: the average of the text's word vectors",
    )
    dimensions: Count = setting(
        256, "principal components that are kept of longer vectors; 0 = all dimensions"
    )
    precision: Literal["float32", "float16"] = setting(
        "float32",
        "how vectors are kept. float16: half the size, but neighbours that are all very near change places",
    )
    exact_up_to: Positive = setting(
        200_000,
        "patents up to which every vector is compared; above, an HNSW graph is built, and used where "
        "filters leave more patents than this",
    )
    links: Annotated[int, Strict(), Bound(ge=2)] = setting(16, "HNSW: links of a vector to others (M)")
    build_width: Positive = setting(
        100, "HNSW: candidates that are compared when a vector is added (efConstruction)"
    )
    search_width: Positive = setting(64, "HNSW: candidates that are kept in a search (efSearch)")
    batch: Positive = setting(512, "texts that the network reads at a time")
    threads: Count = setting(0, "threads; 0 = one a core; 1 = the graph is reproducible to the bit")
    seed: Count = setting(1, "seed of the order in which patents are added")


@dataclass(frozen=True, config=_STRICT)
class Backtest:
    """Models as of several years, each tested on later years."""

    years: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (2006, 2010, 2014), "one model is trained on what was known at the end of each of these years"
    )
    test_years: Positive = setting(
        5, "grant years after each that test the model, while their citation windows are closed"
    )


@dataclass(frozen=True, config=_STRICT)
class Service:
    """The HTTP service and its page, and the limits that hold for every client."""

    host: String = setting(
        "127.0.0.1",
        "address to listen on; one that other machines reach needs a token in PATENT_SPARK_TOKEN",
    )
    port: Annotated[int, Strict(), Bound(ge=0, le=65535)] = setting(
        8000, "port to listen on; 0 = a free one, which the first line of output names"
    )
    allowed_hosts: tuple[String, ...] = setting(
        (),
        "further names that the Host header may have on loopback; elsewhere the only ones, or any if empty",
    )
    workers: Count = setting(0, "threads that compute predictions; 0 = one a core")
    queue: Count = setting(128, "predictions that may wait for a thread; further ones get status 503")
    concurrency: Positive = setting(256, "requests in progress at a time; further ones get status 503")
    max_body_kb: Positive = setting(2_048, "largest body of a JSON request, in kilobytes")
    max_documents: Annotated[int, Strict(), Bound(ge=1, le=10_000)] = setting(
        1_000, "largest number of documents in a JSON request"
    )
    max_explained: Positive = setting(20, "largest number of documents in a request with explain")
    max_characters: Positive = setting(50_000, "longest title and abstract of a document, together")
    max_file_kb: Positive = setting(20_480, "largest CSV file, in kilobytes")
    max_file_rows: Positive = setting(20_000, "largest number of rows in a CSV file")
    max_files: Positive = setting(4, "CSV files that are received or scored at a time")
    file_minutes: Positive = setting(30, "minutes for which a scored CSV file is kept")
    receive_timeout_s: Annotated[Real, Bound(gt=0)] = setting(
        10.0,
        "seconds for the headers of a request; for its body, plus one for every 100 kB; between two "
        "bytes that a client reads",
    )
    stop_timeout_s: Positive = setting(30, "seconds that requests in progress have to end after SIGTERM")
    poll_s: Annotated[Real, Bound(gt=0)] = setting(
        30.0, "seconds between two looks for a new champion in the registry"
    )
    poll_timeout_s: Positive = setting(10, "seconds that the registry has to answer a look")


@dataclass(frozen=True, config=_STRICT)
class Tracking:
    """Where runs and models are kept."""

    uri: String = setting("", "MLflow tracking server or database; empty: SQLite in <warehouse.root>/mlflow")
    experiment: String = setting("patent_spark", "MLflow experiment")
    run_name: String = setting("", "run name in MLflow, before the task; empty: task and release")
    parent_run: String = setting("", "id of the parent MLflow run; set by sweeps and back-tests")


@dataclass(frozen=True, config=_STRICT)
class Config:
    """The whole configuration; each stage gets its own section."""

    tasks: Literal["technology", "citation_level", "both", "joint"] = setting(
        "both",
        "models to train: one task | both: one model for each task | joint: one model for both, which"
        " shares all but the last layer and trains on no test patent of either task",
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
    refresh: Refresh = field(default_factory=Refresh)
    inference: Inference = field(default_factory=Inference)
    predict: Predict = field(default_factory=Predict)
    index: Index = field(default_factory=Index)
    backtest: Backtest = field(default_factory=Backtest)
    tracking: Tracking = field(default_factory=Tracking)
    service: Service = field(default_factory=Service)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks of this run, in order."""
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
        """Prefix of a task's metric names in a run that holds both tasks."""
        return f"{task}_" if self.tasks == JOINT else ""
