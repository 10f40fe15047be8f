"""The baselines: constant ones by hand, TF-IDF beside scikit-learn."""

import dataclasses

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.baselines import CLASSIFIERS, DESCRIPTIONS, NAMES, class_prior, majority
from patent_spark.metrics.estimator import MetricEstimator
from patent_spark.stages.evaluate import tfidf as tfidf_module
from patent_spark.stages.evaluate.examples import Block
from patent_spark.stages.evaluate.tfidf import Tfidf, fit_linear, fit_nearest, word_counts
from tests.support.predictions import patents_of


def block(tokens, truth):
    return Block(np.arange(len(truth)), np.asarray(truth), tokens, np.zeros((len(truth), 0), np.float32))


NONE = block(np.zeros((0, 6), np.int32), np.zeros(0, int))


def corpus(count, labels=3, seed=0):
    """Texts with the word 1 + label among words 10 to 19."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, count)
    tokens = rng.integers(10, 20, (count, 6)).astype(np.int32)
    tokens[:, 5] = 0
    tokens[np.arange(count), rng.integers(0, 5, count)] = 1 + truth
    return block(tokens, truth)


def metrics_of(predictions):
    estimator = MetricEstimator(predictions, np.arange(len(predictions)), 0.5)
    return {
        name: values[..., 0].tolist() for name, values in estimator(np.ones((len(predictions), 1))).items()
    }


def test_majority_and_prior_by_hand():
    training, patents = np.array([6, 3, 1, 0]), patents_of(np.repeat([0, 1, 3], [4, 4, 2]), LEVELS)
    actual = metrics_of(majority(training, class_prior(training, patents)))
    assert actual["accuracy"] == 0.4
    assert [actual[f"per_class.{name}"][0] for name in ("precision", "recall", "f1")] == [
        0.4,
        1.0,
        pytest.approx(0.8 / 1.4),
    ]
    assert actual["macro_f1"] == pytest.approx((0.8 / 1.4) / 3)  # the first, the second and the last occur
    assert actual["brier"] == pytest.approx(0.6 * 2)
    assert (actual["kappa"], actual["top1.roc_auc"], actual["top1.pr_auc"]) == (0, 0.5, 0.4)
    actual = metrics_of(class_prior(training, patents))
    assert actual["accuracy"] == pytest.approx(0.6 * 0.4 + 0.3 * 0.4)
    assert [actual[f"per_class.{name}"][0] for name in ("precision", "recall", "f1")] == pytest.approx(
        [0.4, 0.6, 0.48]
    )
    assert actual["per_class.f1"][1] == pytest.approx(2 * 0.4 * 0.3 / 0.7)
    assert actual["brier"] == pytest.approx(0.46 + 1 - 2 * (0.6 * 0.4 + 0.3 * 0.4), abs=1e-6)
    assert actual["kappa"] == pytest.approx(0)
    assert sum(actual["per_class.support"]) == 10


def test_the_most_frequent_labels_are_the_five_of_the_majority():
    patents = patents_of(np.arange(8), [f"A{i:02d}" for i in range(8)])
    training = np.array([1, 9, 2, 8, 3, 7, 4, 6])
    in_top5 = majority(training, class_prior(training, patents)).in_top5
    assert np.flatnonzero(in_top5).tolist() == [1, 3, 5, 6, 7]


def test_word_counts():
    tokens = np.array([[3, 1, 3, 0], [0, 0, 0, 0], [2, 2, 2, 2]], np.int32)
    assert word_counts(tokens, 5).toarray().tolist() == [[0, 1, 0, 2, 0], [0, 0, 0, 0, 0], [0, 0, 4, 0, 0]]


def test_the_features_are_those_of_a_tfidf_vectorizer_on_the_words():
    tokens = corpus(60).tokens
    tokens[0, 4] = 25  # in one text only: not used
    tfidf = Tfidf(tokens, 30)
    texts = [" ".join(f"w{word:02d}" for word in row if word) for row in tokens]
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"\S+")
    theirs = vectorizer.fit_transform(texts).toarray()
    assert [f"w{word:02d}" for word in tfidf.words] == vectorizer.get_feature_names_out().tolist()
    assert tfidf(tokens).toarray() == pytest.approx(theirs, abs=1e-6)
    assert tfidf(tokens[:0]).shape == (0, len(tfidf.words))


@pytest.mark.parametrize(
    "development", [NONE, corpus(40, seed=2)], ids=["a tenth of the training texts", "development split"]
)
@pytest.mark.parametrize("labels", [2, 3])
def test_it_learns_labels_of_single_words(labels, development):
    development = development.take(development.truth < labels)
    training = corpus(300, labels)
    tfidf = Tfidf(training.tokens, 20)
    linear = fit_linear(tfidf, training, development, labels=labels + 1, seed=1)
    other = corpus(200, labels, seed=9)
    predicted, probabilities = linear(other.tokens)
    assert (predicted == other.truth).mean() > 0.99
    assert (predicted == probabilities.argmax(axis=1)).all()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert (probabilities[:, labels] == 0).all()  # a label without training texts is never predicted
    again = fit_linear(tfidf, training, development, labels=labels + 1, seed=1)
    assert (again(other.tokens)[1] == probabilities).all()


@pytest.mark.parametrize("labels", [2, 3])
def test_without_scikit_learn_it_says_the_same(labels, monkeypatch):
    """The classifier that was fitted, on scikit-learn's features of the same texts."""
    fitted = []
    fit = tfidf_module._fit
    monkeypatch.setattr(tfidf_module, "_fit", lambda *options: fitted.append(fit(*options)) or fitted[-1])
    training = corpus(300, labels)
    tfidf = Tfidf(training.tokens, 20)
    linear = fit_linear(tfidf, training, NONE, labels=labels, seed=1)
    other = corpus(50, labels, seed=9)
    other.tokens[3] = 0
    distances = fitted[-1].decision_function(tfidf(other.tokens))
    if labels == 2:
        distances = np.column_stack([-distances, distances]) / 2
    differences = distances[:, 1:] - distances[:, :1]
    logs = np.log(linear(other.tokens)[1])
    actual = logs[:, 1:] - logs[:, :1]
    temperature = np.median(differences / actual)
    assert actual == pytest.approx(differences / temperature, abs=0.05)  # half precision


def test_it_reads_features_beside_the_words():
    """The label is the sign of a number that no word tells; another number is noise."""
    rng = np.random.default_rng(5)

    def examples(count):
        made = corpus(count, 2, seed=int(rng.integers(1000)))
        features = rng.normal(0, 1, (count, 2)).astype(np.float32)
        return dataclasses.replace(made, truth=(features[:, 0] > 0).astype(np.int64), features=features)

    training, other = examples(600), examples(300)
    tfidf = Tfidf(training.tokens, 20)
    blind, seeing = (
        fit_linear(tfidf, training, NONE, labels=3, seed=1, features=features) for features in (False, True)
    )
    assert abs((blind(other.tokens)[0] == other.truth).mean() - 0.5) < 0.1
    predicted, probabilities = seeing(other.tokens, other.features)
    assert (predicted == other.truth).mean() > 0.95
    assert (probabilities[:, 2] == 0).all()
    assert blind.model.feature_weights is None


def test_it_is_less_confident_for_texts_without_a_signal():
    texts = corpus(4000, seed=3)
    silent = np.random.default_rng(4).random(4000) < 0.5
    texts.tokens[silent] = np.where(texts.tokens[silent] < 10, 10, texts.tokens[silent])
    training = texts.take(slice(3000))
    linear = fit_linear(Tfidf(training.tokens, 20), training, NONE, labels=3, seed=1)
    probabilities = linear(texts.tokens[3000:])[1].max(axis=1)
    assert probabilities[silent[3000:]].mean() < 0.65
    assert probabilities[~silent[3000:]].mean() > 0.9


def test_a_single_training_label_is_always_predicted():
    tokens = corpus(10).tokens
    linear = fit_linear(Tfidf(tokens, 20), block(tokens, np.full(10, 2)), NONE, labels=4, seed=1)
    predicted, probabilities = linear(tokens)
    assert (predicted == 2).all()
    assert probabilities.tolist() == [[0, 0, 1, 0]] * 10


def test_the_nearest_text_and_the_votes_of_ten(monkeypatch):
    training = corpus(300)
    truth = training.truth
    tfidf = Tfidf(training.tokens, 20)
    nearest = fit_nearest(tfidf, training, labels=4)
    other = corpus(90, seed=5)
    similarity = cosine_similarity(tfidf(other.tokens).toarray(), tfidf(training.tokens).toarray())
    predicted, probabilities = nearest(other.tokens)
    assert (predicted == truth[similarity.argmax(axis=1)]).mean() > 0.98  # texts can be equally near
    assert (predicted == other.truth).mean() > 0.8
    prior = np.bincount(truth, minlength=4) / 300
    for row in range(90):
        near = np.argsort(-similarity[row])
        if similarity[row][near[9]] - similarity[row][near[10]] > 1e-6:
            assert probabilities[row] == pytest.approx(
                (np.bincount(truth[near[:10]], minlength=4) + prior) / 11
            )
    monkeypatch.setattr("patent_spark.stages.evaluate.tfidf._SIMILARITIES", 700)  # two texts at a time
    assert (nearest(other.tokens)[1] == probabilities).all()
    assert nearest(other.tokens[:0])[1].shape == (0, 4)
    of_three = fit_nearest(tfidf, training.take(slice(3)), labels=4)
    assert of_three(other.tokens)[1].sum(axis=1) == pytest.approx(np.ones(90))


def test_every_classifier_has_a_name_and_a_description():
    assert set(NAMES) == set(DESCRIPTIONS) == set(CLASSIFIERS)
