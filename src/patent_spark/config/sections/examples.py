"""How a release becomes examples of a task: labels, splits, texts, shards."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import STRICT, Count, Flag, Positive, Share, setting


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
class Task:
    """Settings that differ between the two tasks."""

    protocol: Literal["stratified", "temporal"] = setting(
        "stratified", "how patents are split: at random within classes, or by grant year"
    )
    max_tokens: Positive = setting(100, "longer texts are truncated")
    min_tokens: Positive = setting(1, "patents with fewer tokens are excluded")


@dataclass(frozen=True, config=STRICT)
class Technology(Task):
    """The technology of a patent: its CPC code listed first."""

    level: Literal["section", "class", "subclass"] = setting(
        "class",
        "level of the CPC that is predicted: section (H), class (H04) or subclass (H04L); citation levels "
        "compare within classes whatever it is",
    )


@dataclass(frozen=True, config=STRICT)
class VectorSet:
    """A further set of word vectors: where it differs from the settings of `text`."""

    dimensions: Positive | None = None
    window: Positive | None = None
    subsample: Share | None = None
    subwords: Flag | None = None


@dataclass(frozen=True, config=STRICT)
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
    min_vocabulary: Count = setting(
        0,
        "a vocabulary with fewer words than this takes rarer ones too, the most frequent first: where words "
        "are few, each counts",
    )
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
    subwords: Flag = setting(
        False,
        "fastText: a word's vector is the mean of its own and of those of its groups of 3 to 6 letters, so "
        "that rare words learn from words that are spelt alike; fitting takes twice as long",
    )
    epochs: Positive = setting(5, "passes over the text")
    min_training_words: Count = setting(
        0,
        "read at least this many words: a small release gets more passes than `epochs`, up to 100; not for "
        "continued vectors",
    )
    center: Flag = setting(
        False,
        "subtract the mean of all word vectors from each: skip-gram gives all words a common part, which "
        "makes averages of unlike texts alike",
    )
    further_vectors: tuple[VectorSet, ...] = setting(
        (),
        "further sets of word vectors, each with its own window, dimensions, subsample or subwords (and "
        "another seed), such as [{window: 40}]. The model gets a network for each, and their probabilities "
        "are averaged; time and memory of fitting and training grow with the number of networks",
    )
    continue_vectors: Flag = setting(
        False,
        "begin with the word vectors of the release before, which takes fewer epochs; they are not those of "
        "a training from nothing, and with fit_on=train they may have seen texts that are tested now",
    )
    continued_epochs: Positive = setting(2, "passes over the text when vectors are continued")
    workers: Count = setting(0, "gensim threads; 0 = one a core; 1 = reproducible to the bit")
    seed: Count = setting(1, "seed of initial vectors and sampling")

    @property
    def vector_sets(self) -> tuple[Text, ...]:
        """The settings of each set of word vectors, the first of which is in VECTORS."""
        further = (
            replace(self, seed=self.seed + number, **_given(each))
            for number, each in enumerate(self.further_vectors, start=1)
        )
        return (self, *further)


def _given(vectors: VectorSet) -> dict[str, Any]:
    return {name: value for name, value in asdict(vectors).items() if value is not None}


@dataclass(frozen=True, config=STRICT)
class Shard:
    """The layout of the training examples."""

    world_sizes: Annotated[tuple[Positive, ...], Bound(min_length=1)] = setting(
        (1, 2, 4, 8, 16), "numbers of ranks that can share the examples evenly"
    )
    row_group_rows: Positive = setting(2048, "largest number of examples in a row group")
    seed: Count = setting(1, "seed of the shuffle before writing")
