import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from patent_spark.evaluation.baselines import fit_tfidf_linear, majority_matrix, prior_matrix, word_counts
from patent_spark.evaluation.metrics import figures

NONE = (np.zeros((0, 6), np.int32), np.zeros(0, int))


def corpus(count, labels=3, seed=0):
    """Word 1 + label stands somewhere among words 10 to 19."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, count)
    tokens = rng.integers(10, 20, (count, 6)).astype(np.int32)
    tokens[:, 5] = 0
    tokens[np.arange(count), rng.integers(0, 5, count)] = 1 + truth
    return tokens, truth


def test_majority_and_prior_by_hand():
    training, test = np.array([6, 3, 1, 0]), np.array([4, 4, 0, 2])
    labels = list("ABCD")
    majority = figures(majority_matrix(training, test), labels)
    assert majority["accuracy"] == 0.4
    assert majority["per_class"]["A"] == {"precision": 0.4, "recall": 1.0, "f1": pytest.approx(0.8 / 1.4), "support": 4}
    assert majority["macro_f1"] == pytest.approx((0.8 / 1.4) / 3)  # A, B and D occur
    prior = figures(prior_matrix(training, test), labels)
    assert prior["accuracy"] == pytest.approx(0.6 * 0.4 + 0.3 * 0.4)
    assert prior["per_class"]["A"] == {"precision": pytest.approx(0.4), "recall": pytest.approx(0.6), "f1": pytest.approx(0.48), "support": 4}
    assert prior["per_class"]["B"]["f1"] == pytest.approx(2 * 0.4 * 0.3 / 0.7)
    assert prior["examples"] == 10


def test_word_counts():
    tokens = np.array([[3, 1, 3, 0], [0, 0, 0, 0], [2, 2, 2, 2]], np.int32)
    assert word_counts(tokens, 5).toarray().tolist() == [[0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [0, 0, 4, 0, 0]]


def test_the_features_are_those_of_a_tfidf_vectorizer_on_the_words():
    tokens, truth = corpus(60)
    tokens[0, 4] = 25  # in one text only: not used
    fitted = fit_tfidf_linear(tokens, truth, NONE, labels=3, size=30, seed=1)
    texts = [" ".join(f"w{word:02d}" for word in row if word) for row in tokens]
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"\S+")
    theirs = vectorizer.fit_transform(texts).toarray()
    assert [f"w{word:02d}" for word in fitted.words] == vectorizer.get_feature_names_out().tolist()
    mine = fitted.weighting.transform(word_counts(tokens, 30)[:, fitted.words]).toarray()
    assert mine == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("aside", [NONE, corpus(40, seed=2)], ids=["a tenth kept aside", "development split"])
@pytest.mark.parametrize("labels", [2, 3])
def test_it_learns_what_single_words_say(labels, aside):
    aside = (aside[0][aside[1] < labels], aside[1][aside[1] < labels])
    tokens, truth = corpus(300, labels)
    fitted = fit_tfidf_linear(tokens, truth, aside, labels=labels + 1, size=20, seed=1)
    other, other_truth = corpus(200, labels, seed=9)
    scores = fitted.scores(other)
    assert (scores.argmax(axis=1) == other_truth).mean() > 0.99
    assert (scores[:, labels] < scores[:, :labels].min(axis=1)).all()  # a label without training texts is never said
    assert np.isfinite(scores).all()
    again = fit_tfidf_linear(tokens, truth, aside, labels=labels + 1, size=20, seed=1)
    assert (again.scores(other) == scores).all()


def test_a_single_training_label_is_always_said():
    tokens, _ = corpus(10)
    fitted = fit_tfidf_linear(tokens, np.full(10, 2), NONE, labels=4, size=20, seed=1)
    assert (fitted.scores(tokens).argmax(axis=1) == 2).all()
