"""Vectors in a file: exact search against plain NumPy, the graph against exact search, masks, one file."""

import threading

import numpy as np
import pytest

from patent_spark.inference.similar.vector_index import (
    FLOAT16,
    FLOAT32,
    Graph,
    VectorIndex,
    VectorIndexWriter,
)
from tests.support.small_index import content_hash, random_vectors

HALF = 1e-3
"""How far a cosine of 16-bit vectors is from that of the vectors."""


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def written(path, vectors, graph=None, precision=FLOAT16, step=100):
    writer = VectorIndexWriter(vectors.shape[1], len(vectors), graph, precision, threads=1)
    for start in range(0, len(vectors), step):
        writer.add(vectors[start : start + step])
    writer.write(path)
    return VectorIndex(path)


@pytest.fixture
def vectors():
    return unit(random_vectors(700, 24))


GRAPH = Graph(links=8, build_width=64)


@pytest.mark.parametrize("graph", [None, GRAPH])
@pytest.mark.parametrize(("precision", "tolerance"), [(FLOAT32, 1e-6), (FLOAT16, HALF)])
def test_exact_search_gives_the_cosines_of_a_matrix_product(tmp_path, vectors, graph, precision, tolerance):
    index = written(tmp_path / "v", vectors, graph, precision)
    assert (index.rows, index.dimensions, index.has_graph) == (700, 24, graph is not None)
    cosines = vectors[:5] @ vectors.T
    similarities, rows = index.exact(vectors[:5], 10)
    expected = np.sort(cosines, axis=1)[:, : -10 - 1 : -1]
    np.testing.assert_allclose(similarities, expected, atol=tolerance)
    np.testing.assert_allclose(np.take_along_axis(cosines, rows, axis=1), expected, atol=tolerance)


def test_a_wide_search_of_the_graph_gives_what_exact_search_gives(tmp_path, vectors):
    index = written(tmp_path / "v", vectors, GRAPH)
    by_graph, exact = index.by_graph(vectors[:20], 10, 700), index.exact(vectors[:20], 10)
    np.testing.assert_array_equal(by_graph[1], exact[1])
    np.testing.assert_allclose(by_graph[0], exact[0], rtol=1e-6)


def test_only_allowed_rows_are_found_and_fewer_when_there_are_no_more(tmp_path, vectors):
    index = written(tmp_path / "v", vectors, GRAPH)
    allowed = np.zeros(700, bool)
    allowed[[3, 77, 501]] = True
    similarities, rows = index.exact(vectors[:1], 5, allowed)
    by_hand = sorted((3, 77, 501), key=lambda row: -float(vectors[0] @ vectors[row]))
    assert rows[0].tolist() == [*by_hand, -1, -1]
    np.testing.assert_allclose(similarities[0, :3], vectors[by_hand] @ vectors[0], atol=HALF)
    every_second = np.arange(700) % 2 == 1
    np.testing.assert_array_equal(
        index.by_graph(vectors[:9], 10, 700, every_second)[1], index.exact(vectors[:9], 10, every_second)[1]
    )
    assert (index.by_graph(vectors[:9], 10, 700, every_second)[1] % 2 == 1).all()


@pytest.mark.parametrize("graph", [None, GRAPH])
def test_a_vector_is_read_back_as_it_is_kept(tmp_path, vectors, graph):
    np.testing.assert_array_equal(written(tmp_path / "v", vectors, graph, FLOAT32).vector(699), vectors[699])
    half = vectors[699].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(written(tmp_path / "h", vectors, graph, FLOAT16).vector(699), half)
    assert (tmp_path / "v").stat().st_size - (tmp_path / "h").stat().st_size == pytest.approx(
        700 * 48, abs=200
    )


def test_one_thread_writes_the_same_file_again_whatever_was_reserved(tmp_path, vectors):
    written(tmp_path / "a", vectors, GRAPH)
    writer = VectorIndexWriter(24, 5000, GRAPH, FLOAT16, 1)
    for start in range(0, 700, 100):
        writer.add(vectors[start : start + 100])
    writer.write(tmp_path / "b")
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b")


def test_threads_search_at_once(tmp_path, vectors):
    index = written(tmp_path / "v", vectors, GRAPH)
    expected = index.by_graph(vectors, 10, 100)[1]
    found = np.zeros_like(expected)

    def search(part):
        for row in range(part, 700, 4):
            mask = np.ones(700, bool)
            found[row] = index.by_graph(vectors[row : row + 1], 10, 100, mask)[1][0]

    threads = [threading.Thread(target=search, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found, expected)
