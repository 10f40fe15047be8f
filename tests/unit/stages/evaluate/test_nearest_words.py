import pyarrow as pa

from patent_spark.core.store import arrow_schema
from patent_spark.stages.evaluate.nearest_words import nearest_words

VECTORS = pa.Table.from_pylist(
    [
        {"word": "the", "count": 100, "vector": [1.0, 0.0]},
        {"word": "comprising", "count": 90, "vector": [1.0, 0.1]},
        {"word": "engine", "count": 50, "vector": [0.0, 2.0]},
        {"word": "motor", "count": 50, "vector": [3.0, 4.0]},
        {"word": "eye", "count": 9, "vector": [0.0, 5.0]},
        {"word": "empty", "count": 8, "vector": [0.0, 0.0]},
        {"word": "ph7x", "count": 8, "vector": [-1.0, 0.0]},
    ],
    schema=arrow_schema("VECTORS"),
)


def test_neighbours_by_hand():
    actual = nearest_words(VECTORS, probes=("eye", "ocean", "vacuum"), neighbours=2)
    # eye is in the vocabulary; the frequent content words engine and motor stand in for the others.
    assert [(each.word, each.count, each.from_paper) for each in actual] == [
        ("eye", 9, True),
        ("engine", 50, False),
        ("motor", 50, False),
    ]
    assert [(near.word, round(near.cosine, 4), near.count) for near in actual[0].nearest] == [
        ("engine", 1.0, 50),
        ("motor", 0.8, 50),
    ]
    assert {(near.word, round(near.cosine, 4)) for near in actual[2].nearest} == {
        ("engine", 0.8),
        ("eye", 0.8),
    }


def test_a_vocabulary_smaller_than_the_probes():
    actual = nearest_words(VECTORS.slice(2, 2))
    assert [(each.word, [near.word for near in each.nearest]) for each in actual] == [
        ("engine", ["motor"]),
        ("motor", ["engine"]),
    ]
