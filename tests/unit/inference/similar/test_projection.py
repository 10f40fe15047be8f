"""The projection: without the mean, half whitened, principal components, length 1, through a file."""

import numpy as np
import pytest

from patent_spark.inference.similar.projection import Projection
from tests.support.small_index import half_whitened, random_vectors

CROSS = np.array([[18, 0], [-14, 0], [2, 1], [2, -1]], np.float32)
"""Around (2, 0): variance 128 along the first axis, 0.5 along the second."""


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_vectors_lose_their_mean_and_half_of_the_spread_of_each_axis():
    projection = Projection.fit(CROSS, 0)
    np.testing.assert_allclose(projection.mean, [2, 0])
    # 128 ** (1 / 4) and 0.5 ** (1 / 4) differ by the factor 4.
    cosine = unit(np.array([[8 / 4, 1]])) @ unit(np.array([[16 / 4, 1]])).T
    projected = projection(np.array([[10, 1], [18, 1]], np.float32))
    assert projected[0] @ projected[1] == pytest.approx(cosine.item(), abs=1e-6)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), 1, rtol=1e-6)


def test_the_mean_itself_stays_zero():
    assert Projection.fit(CROSS, 0)(np.array([[2, 0]], np.float32)).tolist() == [[0, 0]]


def test_cosines_are_those_of_another_decomposition():
    vectors = random_vectors(300, 7) @ random_vectors(7, 7, seed=2)
    projected, expected = Projection.fit(vectors, 0)(vectors), unit(half_whitened(vectors, vectors))
    np.testing.assert_allclose(projected @ projected.T, expected @ expected.T, atol=1e-4)


def test_components_keep_the_cosines_of_vectors_that_lie_in_a_plane():
    plane = random_vectors(200, 2) @ random_vectors(2, 9, seed=2)
    reduced = Projection.fit(plane, 2)(plane)
    expected = unit(half_whitened(plane, plane)[:, :2])
    assert reduced.shape == (200, 2)
    np.testing.assert_allclose(reduced @ reduced.T, expected @ expected.T, atol=1e-4)


def test_the_largest_components_are_kept():
    vectors = random_vectors(500, 5) * np.array([1, 9, 1, 5, 1], np.float32)
    weights = np.abs(Projection.fit(vectors, 2).components)
    assert weights[:, 0].argmax() == 1
    assert weights[:, 1].argmax() == 3


def test_a_number_that_never_changes_does_no_harm():
    vectors = np.concatenate([random_vectors(100, 3), np.full((100, 1), 0.7, np.float32)], axis=1)
    with_it, without = Projection.fit(vectors, 0)(vectors), Projection.fit(vectors[:, :3], 0)(vectors[:, :3])
    np.testing.assert_allclose(with_it @ with_it.T, without @ without.T, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_sample_of_hardly_any_rows_gives_numbers(rows):
    vectors = random_vectors(rows, 9)
    assert np.isfinite(Projection.fit(vectors, 5)(vectors)).all()


@pytest.mark.parametrize(("most", "dimensions"), [(0, 9), (3, 3), (9, 9), (1000, 9)])
def test_at_most_so_many_dimensions_stay(most, dimensions):
    assert Projection.fit(random_vectors(50, 9), most).dimensions == dimensions


def test_a_file_keeps_it(tmp_path):
    projection = Projection.fit(random_vectors(50, 9), 4)
    projection.write(tmp_path / "projection.npz")
    read, vectors = Projection.read(tmp_path / "projection.npz"), random_vectors(7, 9, seed=3)
    np.testing.assert_array_equal(read(vectors), projection(vectors))
