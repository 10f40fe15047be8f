"""Can labels be had without understanding: by fitting shuffled ones, or by copying those of the most similar text?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.patent_ids import patent_id
from patent_spark.stages.audit.evidence import Evidence
from patent_spark.stages.audit.features import weighted
from patent_spark.stages.audit.verdicts import SHARE, Check, Question, noise_of

_LIKE = 0.9  # cosine from which the most similar text says nearly the same
_ASKED = 5  # the most similar text is sought for a fifth of the test texts: comparing takes most of the time
_COPIED = 0.05
_FITTED = 20_000  # texts
_PENALTY, _PASSES = 1e-6, 5  # hardly any penalty: texts that were seen are remembered

SHUFFLED = Question(
    "accuracy on shuffled labels", "accuracy", SHARE,
    "Labels that mean nothing are predicted better than by chance: test texts stand among the training texts, and are remembered.",
)  # fmt: skip
COPIED = Question(
    "answers copied from the most similar text", "share of the model's right answers", SHARE,
    "These test patents have a training text that says nearly the same, with the same label: recognised, not understood.",
)  # fmt: skip


def shuffled_labels(evidence: Evidence) -> Check:
    """A linear model that hardly forgets, on labels dealt out anew: what it gets right beyond chance is a leak.

    Each distinct text keeps one label wherever it stands, and the labels keep their frequencies; so a test text that was
    trained on is remembered, and everything else is chance.
    """
    learned, asked = evidence.learned.tokens[:_FITTED], evidence.asked.tokens
    codes = _text_codes(np.concatenate([learned, asked]))
    drawn = np.random.default_rng(evidence.audit.seed).choice(
        evidence.learned.labels, codes.max(initial=0) + 1
    )
    labels, truth = drawn[codes[: len(learned)]], drawn[codes[len(learned) :]]
    answers = _answers(*weighted(learned, asked), labels, evidence.audit.seed)
    shares = [np.bincount(of, minlength=len(evidence.names)) / max(1, len(of)) for of in (answers, truth)]
    chance = float(shares[0] @ shares[1])
    done = f"TF-IDF and a linear model on {len(labels):,} texts, judged on {len(truth):,}; such answers are right on {chance:.1%} by chance."
    return SHUFFLED.answer(float((answers == truth).mean()), chance + noise_of(chance, len(truth)), done)


def copied_answers(evidence: Evidence) -> Check:
    """The most similar training text (cosine of TF-IDF) of a sample of test patents, and what its label is worth."""
    learned, asked = evidence.learned, evidence.asked
    few = max(1, evidence.audit.sample_size // _ASKED)
    similarity, nearest = _nearest(*weighted(learned.tokens, asked.tokens[:few]))
    same = learned.labels[nearest] == asked.labels[:few]
    hits = _hits(evidence, asked.keys[:few])
    copied = hits & same & (similarity >= _LIKE)
    done = (
        f"Of {len(hits):,} test patents {(similarity >= _LIKE).mean():.1%} have a training text with a cosine of {_LIKE} or more among "
        f"{len(learned.keys):,}; the most similar text's label is right on {same.mean():.1%}, the model on {hits.mean():.1%}."
    )
    return COPIED.answer(float(copied.sum() / max(1, hits.sum())), _COPIED, done)


def _text_codes(tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """A number for each text, the same for equal texts."""
    rows = np.ascontiguousarray(tokens).view(np.dtype((np.void, tokens.shape[1] * tokens.itemsize))).ravel()
    codes: NDArray[np.int64] = np.unique(rows, return_inverse=True)[1]
    return codes


def _answers(learned: Any, asked: Any, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """What a linear model that was fitted on the learned texts says of the others."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    if len(np.unique(labels)) < 2:
        return np.full(asked.shape[0], labels[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = SGDClassifier(alpha=_PENALTY, max_iter=_PASSES, tol=None, random_state=seed, n_jobs=-1).fit(
            learned, labels
        )
    answers: NDArray[np.int64] = fitted.predict(asked)
    return answers


def _nearest(learned: Any, asked: Any, rows: int = 250) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cosine and row of the most similar learned text of each text asked."""
    columns = learned.T.tocsr()
    best, places = np.zeros(asked.shape[0]), np.zeros(asked.shape[0], np.int64)
    for start in range(0, asked.shape[0], rows):
        cosines = (asked[start : start + rows] @ columns).toarray()
        places[start : start + rows] = cosines.argmax(axis=1)
        best[start : start + rows] = cosines.max(axis=1)
    return best, places


def _hits(evidence: Evidence, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the model was right on these test patents."""
    predictions = evidence.predictions.set_index("patent_id")
    right = predictions["truth"] == predictions["predicted"]
    return right.reindex([patent_id(key) for key in keys.tolist()], fill_value=False).to_numpy(bool)
