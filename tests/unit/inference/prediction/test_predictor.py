"""Answers of the predictor, with models whose probabilities are known by hand."""

import json

import pytest

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.facts import LevelDefinition, PredictionFacts
from patent_spark.inference.prediction.predictor import Predictor
from patent_spark.inference.prediction.records import Prediction, WarningCode
from patent_spark.inference.prediction.text_reference import TextReference
from tests.support.errors import raises
from tests.support.fake_models import fake_models

NETWORK = Document("A network", "the packet of a network", "first")
PUMP = Document("Pump", "a pump, a pump and a valve")


@pytest.fixture
def predictor(tmp_path):
    return Predictor(fake_models(tmp_path))


def codes(answer):
    return [warning.code for warning in answer.warnings]


def test_classes_come_with_titles_the_most_probable_first(predictor):
    answer = predictor.predict([NETWORK], top=2)[0].technology
    # three votes for H04: (3 + 1) of (3 + 4); one of seven for each other class
    assert [(each.label, each.probability, each.share) for each in answer.classes] == [
        ("H04", 0.5714, None),
        ("A61", 0.1429, None),
    ]
    assert answer.classes[0].title == "Electric communication technique"
    assert (answer.predicted, answer.probability, answer.classes_known) == ("H04", 0.5714, 4)
    assert answer.limited_to == ()


def test_each_document_has_its_row_its_id_and_its_own_answer(predictor):
    first, second = predictor.predict([NETWORK, PUMP])
    assert [(each.id, each.row) for each in (first, second)] == [("first", 1), (None, 2)]
    assert [each.technology.predicted for each in (first, second)] == ["H04", "F04"]
    assert [each.citation_level.predicted for each in (first, second)] == ["top1", "zerocite"]


def test_how_many_words_were_known(predictor):
    facts = predictor.predict([PUMP])[0].technology.text
    # pump a pump a pump and a valve: "and" is unknown
    assert (facts.words, facts.known_words, facts.read_words) == (8, 7, 7)


def test_words_beyond_the_longest_text_are_known_but_not_read(tmp_path):
    predictor = Predictor(fake_models(tmp_path, max_tokens=3))
    facts = predictor.predict([PUMP])[0].technology.text
    assert (facts.known_words, facts.read_words) == (7, 3)


def test_a_limit_shows_probabilities_among_all_and_shares_among_the_chosen(predictor):
    answer = predictor.predict([NETWORK], limit_to=["f16", "A61"])[0].technology
    assert set(answer.limited_to) == {"F16", "A61"}
    assert {each.label: (each.probability, each.share) for each in answer.classes} == {
        "F16": (0.1429, 0.5),
        "A61": (0.1429, 0.5),
    }
    assert answer.probability == 0.1429
    assert not answer.confident


@pytest.mark.parametrize(("unknown", "near"), [("H04L", "H04"), ("F17", "F16"), ("H01", "H04")])
def test_an_unknown_class_is_an_error_that_names_near_ones(predictor, unknown, near):
    with raises(ConfigError, setting="limit_to", value=unknown) as caught:
        predictor.predict([NETWORK], limit_to=["H04", unknown])
    assert near in str(caught.value).partition("near it:")[2]


def test_levels_are_shown_from_the_most_to_the_least_cited_beside_what_is_usual(tmp_path):
    facts = PredictionFacts(
        usual_levels={
            "H04": {"top1": 2, "top10": 18, "btm90": 100, "zerocite": 80},
            "": {"top1": 10, "top10": 90, "btm90": 500, "zerocite": 400},
        },
        levels=LevelDefinition(horizon_months=60, reference_set="class_year", known_until=2010),
    )
    facts.write(tmp_path)
    answer = Predictor(fake_models(tmp_path)).predict([NETWORK])[0].citation_level
    assert [(each.label, each.usual) for each in answer.levels] == [
        ("top1", 0.01),
        ("top10", 0.09),
        ("btm90", 0.5),
        ("zerocite", 0.4),
    ]
    assert answer.usual_for == "H04"
    assert answer.levels[0].probability == 0.5  # two votes and one, of two votes and four
    assert answer.meaning.horizon_months == 60
    assert answer.meaning.known_until == 2010
    assert answer.meaning.distance == int(answer.meaning.granted[:4]) - 2010
    assert "class and grant year" in answer.meaning.statement and "five years" in answer.meaning.statement


def test_a_class_with_few_patents_is_compared_with_all(tmp_path):
    PredictionFacts(usual_levels={"H04": {"btm90": 99}, "": {"btm90": 150, "zerocite": 50}}).write(tmp_path)
    answer = Predictor(fake_models(tmp_path)).predict([NETWORK])[0].citation_level
    assert answer.usual_for is None
    assert {each.label: each.usual for each in answer.levels}["btm90"] == 0.75


def test_a_known_class_is_the_reference_rather_than_the_predicted_one(tmp_path):
    PredictionFacts(usual_levels={"A61": {"btm90": 100}, "H04": {"zerocite": 100}}).write(tmp_path)
    document = Document("A network", "of a network", cpc_class="A61")
    assert Predictor(fake_models(tmp_path)).predict([document])[0].citation_level.usual_for == "A61"


def test_titles_of_the_release_win_over_those_of_the_program(tmp_path):
    PredictionFacts(titles={"H04": "Communication"}).write(tmp_path)
    assert Predictor(fake_models(tmp_path)).predict([NETWORK])[0].technology.title == "Communication"


def test_doubts_are_said(tmp_path):
    predictor = Predictor(fake_models(tmp_path, min_tokens=4), min_confidence=0.6)
    answer = predictor.predict([Document("A drug", "")])[0].technology
    assert codes(answer) == [WarningCode.MISSING_FIELD, WarningCode.TOO_SHORT, WarningCode.LOW_CONFIDENCE]
    assert not answer.confident


def test_no_doubt_is_said_without_a_reason(tmp_path):
    answer = Predictor(fake_models(tmp_path), min_confidence=0.5).predict([NETWORK])[0].technology
    assert codes(answer) == [] and answer.confident


@pytest.mark.parametrize("text", ["", "  \n", "…", "発明の名称"])
def test_a_document_without_words_is_an_error_that_names_its_row(predictor, text):
    with raises(DataError, row=2):
        predictor.predict([NETWORK, Document(text, text)])


def test_one_model_answers_alone(tmp_path):
    models = fake_models(tmp_path)
    only = Predictor({"citation_level": models["citation_level"]}).predict([NETWORK])[0]
    assert only.technology is None and only.citation_level.predicted == "top1"
    assert Predictor(fake_models(tmp_path, levels=False)).predict([NETWORK])[0].citation_level is None


def test_a_prediction_is_the_same_after_json(predictor):
    prediction = predictor.predict([NETWORK])[0]
    assert Prediction.model_validate_json(json.dumps(prediction.to_json())) == prediction


def test_facts_of_another_version_are_an_error_that_names_the_file(tmp_path):
    (tmp_path / "prediction_facts.json").write_text('{"pools": 3}')
    with raises(DataError, file=str(tmp_path / "prediction_facts.json")):
        PredictionFacts.read(tmp_path)


def test_an_explanation_is_about_the_predicted_label_of_each_task(predictor):
    plain, explained = (predictor.predict([NETWORK], explain=explain)[0] for explain in (False, True))
    assert plain.technology.words is None
    # H04 has four of seven, without `network` two of five, without `packet` three of six
    effects = {each.word: each.effect for each in explained.technology.words}
    assert (effects["network"], effects["packet"]) == (0.1714, 0.0714)
    assert explained.citation_level.words[0].word == "network"
    dropped = {"words": None}
    assert explained.technology.model_copy(update=dropped) == plain.technology


def test_rows_can_go_on_from_an_earlier_call(predictor):
    assert [each.row for each in predictor.predict([NETWORK, PUMP], first_row=11)] == [11, 12]
    with raises(DataError, row=12):
        predictor.predict([NETWORK, Document("", "")], first_row=11)


def test_texts_unlike_the_reference_and_shorter_than_it_are_doubtful(tmp_path):
    """Reference: words of places 1 to 8 with a mean rarity of 2, and at least 5 known words."""
    reference = TextReference(shortest=5, mean=2, between=0.04, within=0.6, lowest=-3, highest=3, texts=500)
    PredictionFacts(texts={"technology": reference}).write(tmp_path)
    predictor = Predictor(fake_models(tmp_path, levels=False), min_confidence=0)

    def doubts(*parts):
        return codes(predictor.predict([Document(*parts)])[0].technology)

    # places 4 5 2 3 1 4: a mean of (2 + 2.32 + 1 + 1.58 + 0 + 2) / 6
    assert doubts("Network packet", "the of a network") == []
    assert doubts("Network", "the of") == [WarningCode.TOO_SHORT]
    # 15 unknown words of 4 each: a mean of (60 + 6.91) / 20 = 3.35, at a standard deviation of 0.26
    latin = "dolor sit amet network packet the of a " + "consectetur " * 10
    assert doubts("Lorem ipsum", latin) == [WarningCode.UNLIKE_TRAINING]
