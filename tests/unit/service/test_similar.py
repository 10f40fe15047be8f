"""/v1/similar, with an index whose vectors are counts of the words w0 to w3."""

import numpy as np
import pytest

from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.service.indexes import SimilarIndexes
from tests.support.http_service import loaded_models, running_service
from tests.support.small_index import FIRST, WordCounts, small_index

VECTORS = np.array(
    [[4, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0], [0, 0, 0, 4], [3, 1, 0, 0], [1, 3, 0, 0]], np.float32
)
"""Row r is patent FIRST + r, granted r weeks after 2001-01-02, of class G06, H04, A61 in turn."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    index = small_index(tmp_path_factory.mktemp("index"), VECTORS, families={1: FIRST, 0: FIRST})
    indexes = SimilarIndexes("v1", {"document": SimilarPatents(index, WordCounts(4))})
    with running_service(loaded_models(tmp_path_factory.mktemp("model"), similar=indexes)) as running:
        yield running


def rows(answer):
    return [int(each["patent_id"]) - FIRST for each in answer["neighbors"]]


def test_the_nearest_to_a_text(service):
    status, answer = service.post("/v1/similar", {"title": "w0 w0", "abstract": "w0 w1", "top": 2})
    assert (status, rows(answer)) == (200, [4, 0])
    nearest = answer["neighbors"][0]
    assert (nearest["title"], nearest["cpc_class"]) == ("patent 4", "H04")
    assert nearest["grant_date"] == "2001-01-30"
    assert nearest["similarity"] == pytest.approx(1, abs=1e-5)
    assert (answer["query"]["known_words"], answer["model"]) == (4, "models:/m/3")


def test_the_nearest_to_a_patent_without_its_family(service):
    assert rows(service.post("/v1/similar", {"patent_id": str(FIRST), "top": 1})[1]) == [4]
    asked = {"patent_id": str(FIRST), "top": 1, "include_family": True}
    assert rows(service.post("/v1/similar", asked)[1]) == [0]


def test_filters(service):
    asked = {"title": "w0", "abstract": ""}
    assert rows(service.post("/v1/similar", asked | {"granted_before": "2001-01-30", "top": 1})[1]) == [0]
    assert rows(service.post("/v1/similar", asked | {"classes": ["H04"], "top": 1})[1]) == [4]
    assert len(rows(service.post("/v1/similar", asked | {"classes": ["H04"]})[1])) == 2


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({}, 422, "patent_id"),
        ({"title": "w0", "patent_id": str(FIRST)}, 422, "patent_id"),
        ({"title": "unheard_of"}, 422, "no word"),
        ({"title": "w0", "granted_before": "soon"}, 422, "granted_before"),
        ({"title": "w0", "granted_before": 5}, 422, "granted_before"),
        ({"title": "w0", "granted_before": "2001-02-30"}, 422, "granted_before"),
        ({"title": "w0", "classes": ["Q77"]}, 422, "classes"),
        ({"title": "w0", "vectors": "sound"}, 422, "vectors"),
        ({"title": "w0", "top": 101}, 422, "top"),
        ({"title": "w0", "vectors": "words"}, 404, "index"),
        ({"patent_id": "9999999"}, 404, "patent_id"),
        ({"patent_id": "../etc"}, 404, "patent_id"),
        ({"title": "w0 " * 20_000}, 413, "characters"),
    ],
)
def test_what_cannot_be_answered(service, body, status, place):
    found, answer = service.post("/v1/similar", body)
    assert (found, [*answer]) == (status, ["error"])
    assert place in answer["error"]
    for echoed in ("unheard_of", "Q77", "soon", "sound", "9999999", "etc"):
        assert echoed not in answer["error"]


def test_without_an_index(tmp_path):
    with running_service(loaded_models(tmp_path)) as service:
        status, answer = service.post("/v1/similar", {"title": "w0"})
        assert (status, "index" in answer["error"]) == (404, True)
