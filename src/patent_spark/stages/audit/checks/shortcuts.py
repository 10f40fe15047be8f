"""Does something other than the text give the answer away: the split, the year, the class, the length, or a single word?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.config import TECHNOLOGY
from patent_spark.stages.audit.evidence import Evidence
from patent_spark.stages.audit.features import presence
from patent_spark.stages.audit.verdicts import NUMBER, SHARE, Check, Question, noise_of

_GAIN = 0.05  # accuracy over that of the most frequent label
_AUC_DRAWN, _AUC_BY_YEAR = (
    0.55,
    0.75,
)  # classes and lengths change with the years, so that later test years are told apart a little
_ONE_WORD = 0.95  # the telling words of a simulated release reach 0.9
_SEEN = 50  # texts that a word must stand in, and that a label must have
_LENGTHS = 20  # ranges of equal numbers of texts

_GIVES = "A model need not read the text to answer: what looks like skill is this shortcut."
_TELLS = "The test patents are of another kind than those learned from; find out what rule sent them there."
WORD = Question(
    "one word alone tells a label", "correlation", NUMBER,
    "A word stands in nearly all texts of a label and hardly elsewhere: the label itself was written into the texts.",
)  # fmt: skip


def attributes_tell_labels(evidence: Evidence) -> list[Check]:
    """The most frequent label for each split, year, class and length: how much more often right than the most frequent of all.

    Early levels are left out: they follow the year by what they are, and are not taught as labels.
    """
    return [_tells_label(evidence, name, values) for name, values in _attributes(evidence).items()]


def attributes_tell_tests(evidence: Evidence) -> list[Check]:
    """The share of test patents for each year, class and length, as a score for being one: its ROC-AUC."""
    return [
        _tells_test(evidence, name, values)
        for name, values in _attributes(evidence).items()
        if name != "split"
    ]


def word_tells_label(evidence: Evidence) -> Check:
    """The correlation (phi) of each single word's presence with each label, over a sample of training texts."""
    learned = evidence.learned
    present = presence(learned.tokens)
    labels = np.eye(len(evidence.names), dtype=np.float32)[learned.labels]
    phi = _phi(present.T @ labels, np.asarray(present.sum(axis=0)).ravel(), labels.sum(axis=0), len(labels))
    word, label = np.unravel_index(int(phi.argmax()), phi.shape)
    spelt = evidence.store.read_arrow("VOCABULARY", ["word"], where=pc.field("id") == int(word))[
        "word"
    ].to_pylist()
    done = f"The highest of all words: {' '.join(spelt) or 'none'}, for {evidence.names[label]}, over {len(labels):,} texts."
    return WORD.answer(float(phi[word, label]), _ONE_WORD, done)


def _attributes(evidence: Evidence) -> dict[str, pd.Series]:
    examples = evidence.examples
    lengths = pd.qcut(examples["length"].rank(method="first"), min(_LENGTHS, len(examples)), labels=False)
    found = {
        "split": examples["split"],
        "year": examples["year"],
        "class": examples["cpc_class"],
        "length": _by_value(examples["length"], lengths),
    }
    if evidence.task == TECHNOLOGY:
        del found["class"]  # it is the label
    return found


def _by_value(lengths: pd.Series, ranges: pd.Series) -> pd.Series:
    """A length's range, the same for equal lengths."""
    return lengths.map(ranges.groupby(lengths).min())


def _tells_label(evidence: Evidence, name: str, values: pd.Series) -> Check:
    question = Question(
        f"{name} alone tells the label", "accuracy over that of the most frequent label", SHARE, _GIVES
    )
    whole = evidence.examples["exposure"].isna().to_numpy()
    half, codes, labels = (
        _half(evidence)[whole],
        pd.factorize(values)[0][whole],
        pd.factorize(evidence.examples["label"], sort=True)[0][whole],
    )
    right = float((_most_frequent(codes[half], labels[half], codes[~half]) == labels[~half]).mean())
    majority = float((np.bincount(labels[half]).argmax() == labels[~half]).mean())
    done = f"Learned on one half of {len(labels):,} examples, right on {right:.1%} of the other; the most frequent label on {majority:.1%}."
    return question.answer(right - majority, _GAIN + noise_of(majority, int((~half).sum())), done)


def _tells_test(evidence: Evidence, name: str, values: pd.Series) -> Check:
    question = Question(f"{name} alone tells test patents", "ROC-AUC", NUMBER, _TELLS)
    by_year = evidence.warehouse.first_test_day(evidence.task) is not None
    if by_year and name == "year":
        return question.not_applicable("this task is tested on later years than it learns from, on purpose")
    half, tested = _half(evidence), evidence.examples["tested"].to_numpy()
    rates = pd.Series(tested[half]).groupby(values.to_numpy()[half]).mean()
    scores = pd.Series(values.to_numpy()[~half]).map(rates).fillna(tested[half].mean()).to_numpy()
    found, limit = area_under_curve(tested[~half], scores), _AUC_BY_YEAR if by_year else _AUC_DRAWN
    smaller = min(int(tested[~half].sum()), int((~tested[~half]).sum()))
    done = f"Learned on one half of the examples, judged on the other, with {int(tested[~half].sum()):,} test patents."
    return question.answer(found, limit + noise_of(0.5, 3 * smaller), done)


def _half(evidence: Evidence) -> NDArray[np.bool_]:
    """A seeded half of the examples."""
    rows: NDArray[np.bool_] = np.arange(len(evidence.examples)) % 2 == 0
    np.random.default_rng(evidence.audit.seed).shuffle(rows)
    return rows


def _most_frequent(values: NDArray[Any], labels: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.int64]:
    """For each value asked the label most frequent with it; for one never seen that of all."""
    seen = pd.crosstab(values, labels)
    best = seen.columns.to_numpy()[seen.to_numpy().argmax(axis=1)]
    overall = int(np.bincount(labels).argmax())
    return pd.Series(asked).map(pd.Series(best, seen.index)).fillna(overall).to_numpy().astype(np.int64)


def area_under_curve(truth: NDArray[np.bool_], scores: NDArray[Any]) -> float:
    """ROC-AUC by ranks (Mann and Whitney 1947); 0.5 when there is only one kind."""
    ranks = pd.Series(scores).rank().to_numpy()
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return 0.5
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _phi(both: NDArray[Any], words: NDArray[Any], labels: NDArray[Any], texts: int) -> NDArray[np.float64]:
    """Correlations of presence [words, labels]; 0 for words and labels of too few texts."""
    words, labels = words.astype(np.float64)[:, None], labels.astype(np.float64)[None, :]
    spread = np.sqrt(words * (texts - words) * labels * (texts - labels))
    usable = (spread > 0) & (words >= _SEEN) & (labels >= _SEEN)
    return np.where(usable, (texts * both - words * labels) / np.where(spread > 0, spread, 1), 0.0)
