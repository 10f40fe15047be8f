"""Shortcuts: split, year, class, length or a single word that predicts the label or the test set."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.config import TECHNOLOGY
from patent_spark.stages.audit.check_spec import Check, CheckSpec, sampling_noise
from patent_spark.stages.audit.features import word_presence
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData

_MAX_GAIN = 0.05
"""Accuracy above that of the most frequent label."""
_MAX_AUC, _MAX_AUC_BY_YEAR = 0.55, 0.75
"""Classes and lengths change over the years, so later test years differ from the training years a little."""
_MAX_CORRELATION = 0.95
"""The most informative words of a simulated release reach 0.9."""
_MIN_TEXTS = 50
"""Texts in which a word must occur, and that a label must have."""
_LENGTH_BINS = 20

WORD = CheckSpec(
    "word_predicts_label",
    "one word predicts a label",
    "correlation",
    "number",
    "A word occurs in nearly all texts of a label and hardly in others. "
    "The label was probably written into the texts.",
)


def _label_spec(attribute: str) -> CheckSpec:
    return CheckSpec(
        f"{attribute}_predicts_label",
        f"{attribute} predicts the label",
        "accuracy above that of the most frequent label",
        "share",
        f"The {attribute} alone predicts the label, so a model need not read the text. "
        "Its accuracy may come from this shortcut.",
    )


def _test_spec(attribute: str) -> CheckSpec:
    return CheckSpec(
        f"{attribute}_predicts_test",
        f"{attribute} predicts test membership",
        "ROC-AUC",
        "number",
        "The test patents differ from the training patents. Find out which rule selected them.",
    )


def attribute_predicts_label(attribute: str, data: TaskData) -> CheckResult:
    """Accuracy of the most frequent label of each value, above that of the most frequent label of all.

    Interim levels are left out: they depend on the grant year by definition, and are not predicted as labels.
    """
    spec = _label_spec(attribute)
    if attribute == "class" and data.task == TECHNOLOGY:
        return spec.not_applicable("The class is the label.")
    closed = data.examples["follow_up"].isna().to_numpy()
    fitted = _random_half(data)[closed]
    values = pd.factorize(_attribute(data, attribute))[0][closed]
    labels = pd.factorize(data.examples["label"], sort=True)[0][closed]
    predicted = _most_frequent_labels(values[fitted], labels[fitted], values[~fitted])
    accuracy = float((predicted == labels[~fitted]).mean())
    majority = float((np.bincount(labels[fitted]).argmax() == labels[~fitted]).mean())
    details = (
        f"Fitted on one half of {len(labels):,} examples, it is correct for {accuracy:.1%} of the other; "
        f"the most frequent label for {majority:.1%}."
    )
    limit = _MAX_GAIN + sampling_noise(majority, int((~fitted).sum()))
    return spec.measured(accuracy - majority, limit, details)


def attribute_predicts_test(attribute: str, data: TaskData) -> CheckResult:
    """ROC-AUC of the share of test patents of each value, as a score for being a test patent."""
    spec, by_year = _test_spec(attribute), data.tested_by_year
    if attribute == "class" and data.task == TECHNOLOGY:
        return spec.not_applicable("The class is the label; see label_shift.")
    if attribute == "year" and by_year:
        return spec.not_applicable("This task is tested on later years than it trains on, by design.")
    values = _attribute(data, attribute).to_numpy()
    fitted, tested = _random_half(data), data.examples["tested"].to_numpy()
    rates = pd.Series(tested[fitted]).groupby(values[fitted]).mean()
    scores = pd.Series(values[~fitted]).map(rates).fillna(tested[fitted].mean()).to_numpy()
    n_tests = int(tested[~fitted].sum())
    smaller = min(n_tests, int((~tested[~fitted]).sum()))
    limit = (_MAX_AUC_BY_YEAR if by_year else _MAX_AUC) + sampling_noise(0.5, 3 * smaller)
    details = f"Fitted on one half of the examples; the other half has {n_tests:,} test patents."
    return spec.measured(area_under_curve(tested[~fitted], scores), limit, details)


LABEL_CHECKS = tuple(
    Check(_label_spec(attribute), partial(attribute_predicts_label, attribute))
    for attribute in ("split", "year", "class", "length")
)
TEST_CHECKS = tuple(
    Check(_test_spec(attribute), partial(attribute_predicts_test, attribute))
    for attribute in ("year", "class", "length")
)


def word_predicts_label(data: TaskData) -> CheckResult:
    """The largest correlation (phi) of one word's presence with one label, in a sample of training texts."""
    sample = data.training_sample
    present = word_presence(sample.tokens)
    labels = np.eye(len(data.label_names), dtype=np.float32)[sample.labels]
    texts_of_word = np.asarray(present.sum(axis=0)).ravel()
    phi = _phi(present.T @ labels, texts_of_word, labels.sum(axis=0), len(labels))
    word, label = np.unravel_index(int(phi.argmax()), phi.shape)
    row = data.store.read_arrow("VOCABULARY", ["word"], where=pc.field("id") == int(word))
    spelling = " ".join(row["word"].to_pylist()) or "none"
    details = f"Largest of all words: {spelling}, for {data.label_names[label]}, in {len(labels):,} texts."
    return WORD.measured(float(phi[word, label]), _MAX_CORRELATION, details)


def _attribute(data: TaskData, attribute: str) -> pd.Series:
    """The attribute of each example. Lengths are binned, with equal lengths in the same bin."""
    examples = data.examples
    if attribute != "length":
        return examples["cpc_class" if attribute == "class" else attribute]
    ranks, n_bins = examples["length"].rank(method="first"), min(_LENGTH_BINS, len(examples))
    bins = pd.qcut(ranks, n_bins, labels=False)
    return examples["length"].map(bins.groupby(examples["length"]).min())


def _random_half(data: TaskData) -> NDArray[np.bool_]:
    """A seeded half of the examples."""
    half: NDArray[np.bool_] = np.arange(len(data.examples)) % 2 == 0
    np.random.default_rng(data.settings.seed).shuffle(half)
    return half


def _most_frequent_labels(
    values: NDArray[Any], labels: NDArray[Any], new_values: NDArray[Any]
) -> NDArray[np.int64]:
    """The most frequent label of each new value; for an unseen value, that of all."""
    counts = pd.crosstab(values, labels)
    best = pd.Series(counts.columns.to_numpy()[counts.to_numpy().argmax(axis=1)], counts.index)
    overall = int(np.bincount(labels).argmax())
    return pd.Series(new_values).map(best).fillna(overall).to_numpy().astype(np.int64)


def area_under_curve(truth: NDArray[np.bool_], scores: NDArray[Any]) -> float:
    """ROC-AUC from ranks (Mann and Whitney 1947); 0.5 if all have the same truth."""
    ranks = pd.Series(scores).rank().to_numpy()
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return 0.5
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _phi(both: NDArray[Any], words: NDArray[Any], labels: NDArray[Any], texts: int) -> NDArray[np.float64]:
    """Correlations of presence [words, labels]; 0 for words and labels with too few texts."""
    words, labels = words.astype(np.float64)[:, None], labels.astype(np.float64)[None, :]
    spread = np.sqrt(words * (texts - words) * labels * (texts - labels))
    usable = (spread > 0) & (words >= _MIN_TEXTS) & (labels >= _MIN_TEXTS)
    return np.where(usable, (texts * both - words * labels) / np.where(spread > 0, spread, 1), 0.0)
