"""The projection: without the mean, principal components, length 1, through a file."""

import numpy as np
import pytest

from patent_spark.inference.similar.projection import Projection
from tests.support.small_index import random_vectors

SQUARE = np.array([[3, 1, 0], [1, 1, 0], [3, -1, 0], [1, -1, 0]], np.float32)
"""Around (2, 0, 0); nothing happens in the third dimension."""


def test_vectors_lose_their_mean_and_get_length_1():
    projection = Projection.fit(SQUARE, 0)
    np.testing.assert_allclose(projection.mean, [2, 0, 0])
    half = 0.5**0.5
    np.testing.assert_allclose(
        projection(SQUARE), np.array([[1, 1, 0], [-1, 1, 0], [1, -1, 0], [-1, -1, 0]]) * half
    )
    assert projection.dimensions == 3


def test_the_mean_itself_stays_zero():
    assert Projection.fit(SQUARE, 0)(np.array([[2, 0, 0]], np.float32)).tolist() == [[0, 0, 0]]


def test_components_keep_the_cosines_of_vectors_that_lie_in_a_plane():
    plane = random_vectors(200, 2) @ random_vectors(2, 9, seed=2)
    whole, reduced = Projection.fit(plane, 0)(plane), Projection.fit(plane, 2)
    assert reduced.dimensions == 2
    np.testing.assert_allclose(reduced(plane) @ reduced(plane).T, whole @ whole.T, atol=1e-5)


def test_the_largest_components_are_kept():
    vectors = random_vectors(500, 5) * np.array([1, 9, 1, 5, 1], np.float32)
    weights = np.abs(Projection.fit(vectors, 2).components)
    assert weights[:, 0].argmax() == 1
    assert weights[:, 1].argmax() == 3


@pytest.mark.parametrize("most", [0, 9, 10, 1000])
def test_all_dimensions_stay_when_no_fewer_are_asked_for(most):
    assert Projection.fit(random_vectors(50, 9), most).components is None


def test_a_sample_smaller_than_the_components_keeps_all_dimensions():
    assert Projection.fit(random_vectors(4, 9), 5).dimensions == 9


@pytest.mark.parametrize("most", [0, 2])
def test_a_file_keeps_it(tmp_path, most):
    projection = Projection.fit(random_vectors(50, 9), most)
    projection.write(tmp_path / "projection.npz")
    read, vectors = Projection.read(tmp_path / "projection.npz"), random_vectors(7, 9, seed=3)
    np.testing.assert_array_equal(read(vectors), projection(vectors))
