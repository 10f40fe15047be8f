"""What the driver passes to the ranks, and what it forgets of an earlier attempt."""

from patent_spark.config import load_config
from patent_spark.core.model_files import TextSource
from patent_spark.stages.train.launch.failures import Failure
from patent_spark.stages.train.launch.job import Job, request_stop, stop_requested
from patent_spark.stages.train.launch.progress import ProgressReader, ProgressWriter
from tests.support.factories import stage_metadata


def test_a_job_and_its_configuration_come_back_and_an_earlier_attempt_is_forgotten(tmp_path):
    settings = ["train.epochs=9", "release.data_to_date=2020-02-29", f"warehouse.root={tmp_path}"]
    config, _ = load_config(sets=settings)
    folder = tmp_path / "job"
    job = Job(
        model="technology",
        run_id="run",
        release_id="r1",
        key="key",
        examples="/e",
        vectors="/v",
        shards=stage_metadata("shard", virtual_shards=4),
        text=TextSource(fields=("title",), claims="first"),
        folder=str(folder),
    )
    assert not Job.is_in(folder)
    job.write(config)
    ProgressWriter(folder).line("from the first attempt")
    Failure.of(ValueError("no")).write(folder, 1)
    request_stop(folder)
    job.mark_done()
    job.write(config)
    assert Job.is_in(folder)
    assert Job.read(folder) == (job, config)
    assert ProgressReader(folder).read() == []
    assert Failure.read(folder, 1) is None
    assert not stop_requested(folder)
    assert {path.name for path in folder.iterdir()} == {"job.json", "config.yaml"}
