"""Memorisation: a linear model on shuffled labels, and labels copied from the most similar training text."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.patent_ids import patent_id
from patent_spark.stages.audit.check_spec import CheckSpec, sampling_noise
from patent_spark.stages.audit.features import tfidf
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_SIMILAR = 0.9
"""Cosine of TF-IDF vectors from which two texts say nearly the same."""
_SAMPLED_PART = 5
"""The nearest text is searched for one in five test texts. The search takes most of the time."""
_MAX_COPIED = 0.05
_MAX_FITTED_TEXTS = 20_000
_PENALTY, _EPOCHS = 1e-6, 5
"""Nearly no regularisation, so that the model memorises the texts that it was fitted on."""

SHUFFLED = CheckSpec(
    "shuffled_labels",
    "accuracy on shuffled labels",
    "accuracy",
    "share",
    "A model predicts random labels better than chance. Test texts occur in the training data, and a model "
    "can memorise them.",
)
COPIED = CheckSpec(
    "nearest_text_labels",
    "correct predictions with a near-identical training text",
    "share of the correct predictions",
    "share",
    "The training data has a nearly identical text with the same label for these test patents. "
    "Their predictions can be memorised.",
)


def shuffled_labels(data: TaskData) -> CheckResult:
    """Accuracy of a linear model that memorises, on shuffled labels.

    What it gets right beyond chance is a leak. Each distinct text keeps one random label wherever it occurs,
    and the labels keep their frequencies. So a test text that also occurs in the training data is memorised,
    and all others are right by chance.
    """
    training, test = data.training_sample.tokens[:_MAX_FITTED_TEXTS], data.test_sample.tokens
    codes = _text_codes(np.concatenate([training, test]))
    rng = np.random.default_rng(data.settings.seed)
    drawn = rng.choice(data.training_sample.labels, codes.max(initial=0) + 1)
    labels, truth = drawn[codes[: len(training)]], drawn[codes[len(training) :]]
    predicted = _fit_and_predict(*tfidf(training, test), labels, data.settings.seed)
    n_labels = len(data.label_names)
    shares = [np.bincount(of, minlength=n_labels) / max(1, len(of)) for of in (predicted, truth)]
    chance = float(shares[0] @ shares[1])
    details = (
        f"A linear model on TF-IDF, fitted on {len(labels):,} texts and tested on {len(truth):,}; "
        f"{chance:.1%} of its predictions are expected to be correct by chance."
    )
    limit = chance + sampling_noise(chance, len(truth))
    return SHUFFLED.measured(float((predicted == truth).mean()), limit, details)


def nearest_text_labels(data: TaskData) -> CheckResult:
    """The most similar training text (cosine of TF-IDF) of a sample of test patents, and its label."""
    training, test = data.training_sample, data.test_sample
    size = max(1, data.settings.sample_size // _SAMPLED_PART)
    similarity, nearest = _nearest(*tfidf(training.tokens, test.tokens[:size]))
    same_label = training.labels[nearest] == test.labels[:size]
    correct, similar = _is_correct(data, test.keys[:size]), similarity >= _SIMILAR
    copied = correct & same_label & similar
    details = (
        f"{similar.mean():.1%} of {len(correct):,} test patents have a training text with a cosine of "
        f"{_SIMILAR} or more, of {len(training.keys):,} texts. The label of the most similar text is correct "
        f"for {same_label.mean():.1%}, the model for {correct.mean():.1%}."
    )
    return COPIED.measured(float(copied.sum() / max(1, correct.sum())), _MAX_COPIED, details)


def _text_codes(tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """A number for each text, the same for equal texts."""
    row_type = np.dtype((np.void, tokens.shape[1] * tokens.itemsize))
    rows = np.ascontiguousarray(tokens).view(row_type).ravel()
    codes: NDArray[np.int64] = np.unique(rows, return_inverse=True)[1]
    return codes


def _fit_and_predict(
    training: csr_matrix, test: csr_matrix, labels: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """The predictions for the test texts of a linear model that was fitted on the training texts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    if len(np.unique(labels)) < 2:
        return np.full(test.shape[0], labels[0])
    model = SGDClassifier(alpha=_PENALTY, max_iter=_EPOCHS, tol=None, random_state=seed, n_jobs=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(training, labels)
    predicted: NDArray[np.int64] = model.predict(test)
    return predicted


def _nearest(
    training: csr_matrix, test: csr_matrix, rows: int = 250
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cosine and row of the most similar training text of each test text."""
    columns = training.T.tocsr()
    best, nearest = np.zeros(test.shape[0]), np.zeros(test.shape[0], np.int64)
    for start in range(0, test.shape[0], rows):
        cosines = (test[start : start + rows] @ columns).toarray()
        nearest[start : start + rows] = cosines.argmax(axis=1)
        best[start : start + rows] = cosines.max(axis=1)
    return best, nearest


def _is_correct(data: TaskData, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the model's prediction for each of these test patents is correct."""
    predictions = data.predictions.set_index("patent_id")
    correct = predictions["truth"] == predictions["predicted"]
    ids = [patent_id(key) for key in keys.tolist()]
    is_correct: NDArray[np.bool_] = correct.reindex(ids, fill_value=False).to_numpy(bool)
    return is_correct
