"""Metadata of earlier versions is read under the field names of today."""

from patent_spark.core.metadata import InterimLabel, ShardMetadata


def test_the_number_of_virtual_shards_was_once_called_lanes():
    values = {"vocabulary_digest": "v", "lanes": 4, "tasks": {}}
    metadata = ShardMetadata.model_validate(values)
    assert metadata.virtual_shards == 4
    assert metadata.to_json()["virtual_shards"] == 4


def test_the_months_of_a_follow_up_window_were_once_called_exposure():
    values = {"label": "top1@12", "exposure_months": 12, "level": "top1", "likelihood": [1.0]}
    assert InterimLabel.model_validate(values).follow_up_months == 12
