"""What the axes of a confusion matrix name."""

import numpy as np
import pytest

from patent_spark.stages.evaluate import plots


@pytest.fixture
def names_on(monkeypatch, tmp_path):
    def names_on(labels):
        figures = []
        monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
        matrix = np.eye(len(labels), dtype=np.int64)
        plots.draw_confusion(tmp_path / "matrix.png", matrix, labels, "row")
        (axes, _) = figures[0].axes
        names = [tick.label1.get_text() for tick in axes.xaxis.get_major_ticks()]
        return names, axes.get_xticks().tolist()

    return names_on


def test_each_label_has_its_name(names_on):
    labels = [f"A{number:02d}" for number in range(40)]
    assert names_on(labels) == (labels, list(range(40)))


def test_too_many_subclasses_share_the_name_of_their_class(names_on):
    """100 classes of two subclasses, the last one of three: places 198 to 200."""
    labels = [f"A{number:02d}{letter}" for number in range(100) for letter in "BC"] + ["A99D"]
    names, places = names_on(labels)
    assert names == [f"A{number:02d}" for number in range(100)]
    assert places == [0.5 + 2 * number for number in range(99)] + [199]
