"""Answers of /v1/predict; the probabilities follow from the votes of tests.support.fake_models."""

import pytest

from tests.support.http_service import TEXT


def test_one_document(service):
    status, answer = service.post("/v1/predict", TEXT | {"id": "mine", "top": 2})
    assert status == 200
    (prediction,) = answer["predictions"]
    technology, level = prediction["technology"], prediction["citation_level"]
    assert (prediction["id"], prediction["row"]) == ("mine", 1)
    assert (technology["predicted"], technology["probability"]) == ("H04", round(4 / 7, 4))
    assert [each["label"] for each in technology["classes"]] == ["H04", "A61"]
    assert (level["predicted"], level["probability"]) == ("top1", 0.5)
    assert technology["model"]["version"] == "3"
    assert technology["words"] is None


def test_several_documents_keep_their_order_across_pieces(service):
    words = {"network": "H04", "pump": "F04", "drug": "A61"}
    asked = [[*words][place % 3] for place in range(100)]
    documents = [{"title": word, "abstract": "", "id": str(place)} for place, word in enumerate(asked)]
    status, answer = service.post("/v1/predict", {"documents": documents})
    assert status == 200
    found = [(each["row"], each["id"], each["technology"]["predicted"]) for each in answer["predictions"]]
    assert found == [(place + 1, str(place), words[word]) for place, word in enumerate(asked)]


def test_limited_to_classes(service):
    status, answer = service.post("/v1/predict", TEXT | {"limit_to": ["F04", "A61"]})
    technology = answer["predictions"][0]["technology"]
    assert status == 200
    assert {each["label"] for each in technology["classes"]} == {"F04", "A61"}
    assert technology["classes"][0]["share"] == 0.5


@pytest.mark.parametrize(
    ("request_body", "status", "place"),
    [
        ({}, 422, "title"),
        ({"title": "?!", "abstract": ""}, 422, "title"),
        ({"title": 1}, 422, "title"),
        ({"title": None}, 422, "title"),
        ({"title": "a", "abstract": ["b"]}, 422, "abstract"),
        ({"title": "a", "top": "5"}, 422, "top"),
        ({"title": "a", "top": 0}, 422, "top"),
        ({"title": "a", "top": 2.5}, 422, "top"),
        ({"title": "a", "explain": 1}, 422, "explain"),
        ({"title": "a", "limit_to": "H04"}, 422, "limit_to"),
        ({"title": "a", "limit_to": ["Q77"]}, 422, "limit_to"),
        ({"title": "a", "id": "i" * 101}, 422, "id"),
        ({"title": "a", "documents": [{"title": "b"}]}, 422, "documents"),
        ({"documents": {"title": "b"}}, 422, "documents"),
        ({"documents": []}, 422, "documents"),
        ({"documents": [{"title": "b"}, 7]}, 422, "documents[1]"),
        ({"documents": [{"title": "b"}, {"title": False}]}, 422, "documents[1].title"),
        ({"documents": [{"title": "b"}, {"title": " "}]}, 422, "document 2"),
        ({"title": "a", "unheard_of": 1}, 422, "unknown field"),
        ({"documents": [{"title": "b", "unheard_of": 1}]}, 422, "documents[0]"),
        ([], 422, "the body"),
        ("some words", 400, "JSON"),
        ("", 422, "the body"),
        ("{", 400, "JSON"),
        ("null", 422, "the body"),
        ("<html><body>unheard_of</body></html>", 400, "JSON"),
        (b'{"title": "\xff\xfe"}', 400, "UTF-8"),
        ('{"title": "a", "id": "\\ud800"}', 422, "id"),
        ('{"title": "a", "top": 1e999}', 422, "top"),
        ("[" * 100_000, 400, "JSON"),
        ('{"documents": ' + "[" * 50_000 + "]" * 50_000 + "}", 400, "JSON"),
    ],
)
def test_a_bad_body_is_refused_with_one_sentence(service, request_body, status, place):
    found, answer = service.post("/v1/predict", request_body)
    assert (found, [*answer]) == (status, ["error"])
    sentence = answer["error"]
    assert place in sentence
    assert len(sentence) < 150 and "\n" not in sentence
    for echoed in ("unheard_of", "Q77", "some words", "Traceback", "/", "iii"):
        assert echoed not in sentence


def test_too_many_documents_and_characters(service):
    documents = [{"title": "a"}] * 1_001
    assert service.post("/v1/predict", {"documents": documents})[0] == 413
    assert service.post("/v1/predict", {"documents": documents[:21], "explain": True})[0] == 413
    assert service.post("/v1/predict", {"title": "a " * 20_000, "abstract": "b " * 10_000})[0] == 413
    assert service.post("/v1/predict", {"title": "a " * 20_000, "abstract": "b"})[0] == 200


def test_a_hundred_thousand_rows_are_refused(service):
    status, answer = service.post("/v1/predict", {"documents": [{"title": "a"}] * 100_000})
    assert (status, [*answer]) == (413, ["error"])
