"""What a version of a stage comes from, read from manifests."""

from patent_spark.core.lineage import lineage_of
from patent_spark.core.store import Store
from tests.support.lineage_warehouse import FILE, publish_chain, publish_stage


def test_all_stages_behind_a_version_are_named_each_after_what_it_read(tmp_path):
    versions = publish_chain(tmp_path)
    lineage = lineage_of(Store(tmp_path), {"shard": versions["shard"], "text": versions["text"]})
    assert {stage.stage: stage.version for stage in lineage.stages} == versions
    names = [stage.stage for stage in lineage.stages]
    assert names[0] == "ingest" and names[-1] == "shard"
    for stage in lineage.stages:
        assert all(names.index(read) < names.index(stage.stage) for read in stage.inputs if read != "source")
    assert [stage.key for stage in lineage.stages] == [f"key of {name}" for name in names]


def test_the_release_is_named_with_the_checksums_of_its_files(tmp_path):
    release = lineage_of(Store(tmp_path), {"shard": publish_chain(tmp_path)["shard"]}).release
    assert (release.release_id, str(release.data_to_date), release.simulated) == ("r-7", "2020-06-30", False)
    assert (release.folder, release.source) == ("/data/r-7", "https://api.example/products/P")
    assert release.files == {"g_patent.tsv.zip": FILE}


def test_the_versions_that_were_read_count_and_not_the_current_ones(tmp_path):
    versions = publish_chain(tmp_path)
    newer = publish_stage(Store(tmp_path), "label", {"ingest": versions["ingest"]}).version
    lineage = lineage_of(Store(tmp_path), {"shard": versions["shard"]})
    assert newer != versions["label"]
    assert {stage.stage: stage.version for stage in lineage.stages} == versions


def test_what_the_warehouse_no_longer_keeps_is_left_out(tmp_path):
    lineage = lineage_of(Store(tmp_path), {"shard": "long gone"})
    assert (lineage.stages, lineage.release) == ((), None)
