"""Progress on its way from rank 0 to the driver."""

from patent_spark.stages.train.launch.progress import ProgressReader, ProgressWriter


def test_progress_comes_once_and_in_whole_lines(tmp_path):
    reader, writer = ProgressReader(tmp_path), ProgressWriter(tmp_path)
    assert reader.read() == []
    writer.step(1, 3, "loss 2")
    writer.step(2, 3, "too soon after the first")
    writer.step(3, 3, "the last is always reported")
    assert [entry["done"] for entry in reader.read()] == [1, 3]
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('{"line": "half')
        file.flush()
        assert reader.read() == []
        file.write(' and half"}\n')
    assert reader.read() == [{"line": "half and half"}]
    assert reader.read() == []
