"""The nearest patents: against plain loops, filters, families, ids, refused models, the graph."""

import datetime
import json
import threading

import numpy as np
import pytest

from patent_spark.core.errors import DataError
from patent_spark.core.json_schemas import json_schema
from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.records import SimilarPatentsAnswer
from patent_spark.inference.similar.report import as_text
from patent_spark.inference.similar.similar_patents import SimilarPatents
from tests.support.errors import raises
from tests.support.small_index import DAY, FIRST, WordCounts, nearest_by_hand, random_vectors, small_index

ROWS, HALF = 300, 1e-3
FAMILY = dict.fromkeys((10, 11, 12, 200), 99)
GRAPH = {"exact_up_to": 50, "links": 8, "build_width": 100}
"""Settings with which 300 patents have a graph; filters that leave 50 or fewer are searched exactly."""


@pytest.fixture(scope="module")
def vectors():
    vectors = random_vectors(ROWS)
    vectors[[11, 12, 200]] = vectors[10] + 0.01 * random_vectors(3, seed=9)  # relatives are the nearest
    return vectors


@pytest.fixture(scope="module", params=[{}, GRAPH], ids=["exact", "graph"])
def similar(request, vectors, tmp_path_factory):
    index = small_index(tmp_path_factory.mktemp("index"), vectors, FAMILY, search_width=ROWS, **request.param)
    assert index.vectors.has_graph == bool(request.param)
    return SimilarPatents(index, WordCounts(12))


def id_of(row):
    return str(FIRST + row)


def check(found, expected):
    """Neighbors against (row, cosine) by hand."""
    assert [each.patent_id for each in found] == [id_of(row) for row, _ in expected]
    np.testing.assert_allclose(
        [each.similarity for each in found], [cosine for _, cosine in expected], atol=HALF
    )


def everyone_but(*rows):
    return [row for row in range(ROWS) if row not in rows]


def test_the_nearest_of_a_patent_are_those_found_by_hand(similar, vectors):
    for row in (0, 77, 299):
        check(similar.to_patent(id_of(row)), nearest_by_hand(vectors, vectors[row], 10, everyone_but(row)))


def test_a_neighbor_says_who_it_is(similar, vectors):
    (row, cosine), *_ = nearest_by_hand(vectors, vectors[5], 1, everyone_but(5))
    (found,) = similar.to_patent(id_of(5), top=1)
    assert (found.title, found.citations) == (f"patent {row}", row)
    assert found.cpc_class == ("G06", "H04", "A61")[row % 3]
    assert found.grant_date == DAY + datetime.timedelta(weeks=row)
    assert found.distance == pytest.approx(1 - found.similarity, abs=1e-9)
    assert found.similarity == pytest.approx(cosine, abs=HALF)


def test_the_family_is_left_out_unless_it_is_asked_for(similar, vectors):
    check(similar.to_patent(id_of(10), 5), nearest_by_hand(vectors, vectors[10], 5, everyone_but(*FAMILY)))
    found = similar.to_patent(id_of(10), 5, Filters(include_family=True))
    assert {each.patent_id for each in found[:4]} == {id_of(row) for row in FAMILY}
    assert found[0].patent_id == id_of(10)


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(granted_before=DAY + datetime.timedelta(weeks=200)), lambda row: row < 200),
        (Filters(granted_before=DAY + datetime.timedelta(weeks=40)), lambda row: row < 40),
        (Filters(classes=("H04",)), lambda row: row % 3 == 1),
        (Filters(classes=("H04", "G06")), lambda row: row % 3 < 2),
        (
            Filters(classes=("A61",), granted_before=DAY + datetime.timedelta(weeks=90)),
            lambda row: row % 3 == 2 and row < 90,
        ),
    ],
)
def test_filters_are_exact(similar, vectors, filters, passes):
    for asked in (10, 250):
        allowed = [
            row for row in range(ROWS) if passes(row) and row != asked and not (asked == 10 and row in FAMILY)
        ]
        check(
            similar.to_patent(id_of(asked), 10, filters),
            nearest_by_hand(vectors, vectors[asked], 10, allowed),
        )


def test_there_are_fewer_when_fewer_pass(similar):
    few = Filters(granted_before=DAY + datetime.timedelta(weeks=3))
    assert {each.patent_id for each in similar.to_patent(id_of(50), 10, few)} == {
        id_of(row) for row in range(3)
    }
    assert {each.patent_id for each in similar.to_patent(id_of(1), 10, few)} == {id_of(0), id_of(2)}
    assert similar.to_patent(id_of(50), 10, Filters(granted_before=DAY)) == []
    assert len(similar.to_patent(id_of(50), 1000)) == ROWS - 1


@pytest.mark.parametrize("spelling", ["7000042", "7,000,042", "US7000042B2", " 07000042 ", "7000042.0"])
def test_an_id_may_be_spelled_in_any_way(similar, spelling):
    assert similar.to_patent(spelling) == similar.to_patent("7000042")
    assert similar.answer(spelling).query.patent_id == "7000042"


def test_an_unknown_patent_is_an_error_and_so_is_what_is_none(similar):
    with raises(DataError, patent="7999999"):
        similar.to_patent("US 7,999,999 B1")
    with raises(DataError, patent="a pump"):
        similar.to_patent("a pump")


def test_an_unknown_class_is_an_error(similar):
    with raises(DataError, cpc_class="G6, Z99"):
        similar.to_patent(id_of(3), filters=Filters(classes=("Z99", "G06", "G6")))


def test_a_text_is_where_its_words_are(similar, vectors):
    counts = np.array([2, 1, *[0] * 10], np.float32)
    found, known = similar.to_text("W0 of w1, w0!", 10)
    assert known == 3
    check(found, nearest_by_hand(vectors, counts, 10, range(ROWS)))
    check(similar.to_vector(counts, WordCounts.identity), nearest_by_hand(vectors, counts, 10, range(ROWS)))


def test_a_text_without_a_known_word_is_an_error(similar):
    for text in ("", "nothing known"):
        with raises(DataError):
            similar.to_text(text)


def test_vectors_of_another_model_are_refused(similar, tmp_path, vectors):
    with raises(DataError, identity="another", index=WordCounts.identity):
        similar.to_vector(vectors[0], "another")
    index = small_index(tmp_path, vectors, identity="older")
    with raises(DataError, identity=WordCounts.identity, index="older"):
        SimilarPatents(index, WordCounts(12))
    assert SimilarPatents(index).to_patent(id_of(1))  # an indexed patent needs no model


def test_the_answer_follows_its_schema(similar):
    filters = Filters(datetime.date(2005, 1, 1), ("H04",), True)
    for answer in (
        similar.answer(id_of(4), top=3, filters=filters),
        similar.answer(text="w1 w2 unheard", top=3),
    ):
        printed = json.loads(answer.model_dump_json())
        assert printed.keys() == json_schema("SIMILAR")["properties"].keys()
        assert SimilarPatentsAnswer.model_validate(printed) == answer
    assert answer.query.known_words == 2 and answer.query.patent_id is None
    assert (answer.identity, answer.release_id, answer.patents, len(answer.neighbors)) == (
        "word-counts",
        "r2",
        ROWS,
        3,
    )


def test_the_table_for_a_terminal_has_a_line_for_each(similar):
    answer = similar.answer(id_of(4), top=3)
    lines = as_text(answer).splitlines()
    assert len(lines) == 5
    for line, each in zip(lines[2:], answer.neighbors, strict=True):
        assert {each.patent_id, str(each.grant_date), each.cpc_class, str(each.citations)} <= set(
            line.split()
        )
    assert len(as_text(similar.answer(id_of(4), filters=Filters(granted_before=DAY))).splitlines()) == 2


def test_threads_get_the_same_answers(similar):
    asked = [(id_of(row), Filters(classes=("H04", "G06")) if row % 2 else Filters()) for row in range(60)]
    expected = [similar.to_patent(patent, 10, filters) for patent, filters in asked]
    found = [None] * len(asked)

    def ask(first):
        for place in range(first, len(asked), 4):
            patent, filters = asked[place]
            found[place] = similar.to_patent(patent, 10, filters)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_a_selective_filter_is_searched_exactly_although_the_graph_is_narrow(vectors, tmp_path):
    """With a width of 1 the graph alone finds almost nothing."""
    index = small_index(tmp_path, vectors, search_width=1, **GRAPH | {"build_width": 4, "links": 2})
    filters = Filters(granted_before=DAY + datetime.timedelta(weeks=40))
    allowed = [row for row in range(40) if row != 20]
    check(
        SimilarPatents(index).to_patent(id_of(20), 10, filters),
        nearest_by_hand(vectors, vectors[20], 10, allowed),
    )


def test_an_index_of_another_version_is_an_error(vectors, tmp_path):
    index = small_index(tmp_path, vectors)
    index.about_file.write_text("{}")
    with raises(DataError, file=str(index.about_file)):
        SimilarPatents(IndexFolder(index.folder))
