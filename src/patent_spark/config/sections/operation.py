"""How models are used and kept current."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Bound
from pydantic import Strict
from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import STRICT, Count, Directory, Positive, Real, Share, String, setting


@dataclass(frozen=True, config=STRICT)
class Refresh:
    """What a new release must hold before it replaces the one before, and who is notified."""

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


@dataclass(frozen=True, config=STRICT)
class Inference:
    """Using a trained model."""

    cache: Directory = setting(
        "", "folder for models from the registry; empty: patent_spark/models in $XDG_CACHE_HOME or ~/.cache"
    )


@dataclass(frozen=True, config=STRICT)
class Predict:
    """Answers about single patents."""

    min_confidence: Share = setting(
        0.5, "probability of the most probable answer below which `predict` says: look yourself"
    )


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
class Score:
    """Answers of a registered model on many texts."""

    input: Directory = setting(
        "", "Parquet or CSV file, or a folder of such files; empty: the standing patents of the warehouse"
    )
    format: Literal["auto", "parquet", "csv"] = setting("auto", "of the files; auto: by their endings")
    delimiter: Annotated[String, Bound(min_length=1, max_length=1)] = setting(
        ",", "between the columns of a CSV file; .tsv files always have tabs"
    )
    id_column: String = setting("patent_id", "column of the patent's number")
    title_column: String = setting("title", "column of the title")
    abstract_column: String = setting("abstract", "column of the abstract")
    claims_column: String = setting("claims", "column of the claims, for models that read claims")
    from_year: Count = setting(0, "warehouse: first grant year; 0 = no limit")
    until_year: Count = setting(0, "warehouse: last grant year; 0 = no limit")
    model: String = setting(
        "champion",
        "champion, models:/<name>/<version>, <task>=<version>, run:<id>, or the folder of a model package",
    )
    top: Positive = setting(5, "labels that are kept of each text")
    partition_rows: Positive = setting(
        100_000,
        "texts a partition, which is published as a whole; an interrupted run goes on after the last one",
    )
    parallel: Count = setting(
        0, "tasks a partition is cut into; 0 = one a core (Sail), or spark.sql.shuffle.partitions"
    )
    chunk_rows: Positive = setting(
        4096, "texts that a task holds and sorts by length; fewer take less memory"
    )
    batch: Positive = setting(256, "texts a call of the network")
