"""The texts that a package keeps: test patents of the release, in the fields that the model reads."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.core.store import Store
from patent_spark.inference.sample_texts import sample_texts
from tests.support.factories import publish

TEST, TRAIN = range(5_000_010, 5_000_020), range(5_000_000, 5_000_010)


def published(root, fields=("title", "abstract"), claims="first"):
    """Ten training and ten test patents; the last test patent has neither title nor abstract."""
    store = Store(root)
    everyone = [*TRAIN, *TEST]
    publish(
        store,
        "ingest",
        {
            "PATENTS": [
                {"patent_key": key, "title": f"Title {key}" if key != TEST[-1] else None} for key in everyone
            ],
            "ABSTRACTS": [{"patent_key": key, "abstract": f"Abstract, {key}."} for key in everyone[:-1]],
            "CLAIMS": [
                {"patent_key": TEST[0], "claim_sequence": sequence, "claim_text": text}
                for sequence, text in ((2, "Third."), (0, "First."), (0, "First."), (1, None))
            ],
        },
    )

    def fill_examples(draft):
        for split, keys in {"train": TRAIN, "test_2011": TEST[:5], "test_2012": TEST[5:]}.items():
            folder = draft.path("EXAMPLES") / "technology" / split
            folder.mkdir(parents=True)
            column = pa.array([*reversed(keys), -1, -2], pa.int64())  # padding has no patent
            pq.write_table(pa.table({"patent_key": column}), folder / "group-00000.parquet")

    def fill_model(draft):
        (draft.path("MODEL") / "technology").mkdir()
        TaskDescription(
            task="technology",
            labels=("A", "B"),
            max_tokens=8,
            min_tokens=1,
            text=TextSource(fields=fields, claims=claims),
            vocabulary_digest="",
            run_id="",
            release_id="tiny",
            key="",
            kept_epoch=1,
        ).write(draft.path("MODEL") / "technology")

    publish(store, "shard", {}, fill=fill_examples)
    publish(store, "train", {}, {"tasks": {}}, fill=fill_model)
    return store


def test_test_patents_that_follow_each_other_and_a_text_without_a_word(tmp_path):
    texts = sample_texts(published(tmp_path), ["technology"], count=4)
    assert [text.patent_id for text in texts] == ["", "5000013", "5000014", "5000015", "5000016"]
    assert texts[0].fields == {"title": "", "abstract": ""}
    assert texts[2].fields == {"title": "Title 5000014", "abstract": "Abstract, 5000014."}


def test_a_patent_without_a_title_counts_as_empty(tmp_path):
    texts = sample_texts(published(tmp_path), ["technology"])
    assert len(texts) == 11
    assert texts[-1].fields == {"title": "", "abstract": ""}


@pytest.mark.parametrize(("which", "claims"), [("first", "First."), ("all", "First. Third.")])
def test_claims_as_the_model_reads_them(tmp_path, which, claims):
    store = published(tmp_path, ("abstract", "claims"), which)
    texts = sample_texts(store, ["technology"])
    assert texts[1].fields == {"abstract": "Abstract, 5000010.", "claims": claims}
    assert texts[2].fields["claims"] == ""
