"""`patent-spark schema`: every document has a schema, and the names in the registry lead to records."""

import json

import pytest
from pydantic import BaseModel

from patent_spark.cli import main
from patent_spark.core.errors import DataError
from patent_spark.core.json_schemas import DOCUMENTS, json_schema, record_of
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import STAGE_METADATA
from patent_spark.core.store import Store
from patent_spark.pipeline import STAGES
from tests.support.errors import raises
from tests.support.factories import publish, stage_metadata


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_a_frozen_record_with_a_schema(name):
    record = record_of(name)
    assert issubclass(record, BaseModel) and record.model_config["frozen"]
    schema = json_schema(name)
    assert schema["type"] == "array" or schema["properties"]
    json.dumps(schema)


def test_every_stage_has_a_record():
    assert set(STAGE_METADATA) == set(STAGES)


def test_what_a_stage_published_is_what_the_schema_describes(tmp_path):
    manifest = publish(Store(tmp_path), "label", {}, stage_metadata("label", follow_up_months=(12,)))
    (path,) = tmp_path.glob("label/*/manifest.json")
    assert Manifest.model_validate_json(path.read_text()) == manifest
    written = json.loads(path.read_text())
    assert set(written) == set(json_schema("MANIFEST")["properties"])
    assert set(written["metadata"]) == set(json_schema("LABEL_METADATA")["properties"])


def test_a_schema_on_the_command_line(capsys):
    assert main(["schema", "MANIFEST"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema("MANIFEST")
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.split() == list(DOCUMENTS)


def test_an_unknown_name():
    with raises(DataError, schema="METRIC"):
        json_schema("METRIC")


def test_the_record_of_another_version_is_an_error_that_names_the_stage(tmp_path):
    store = Store(tmp_path)
    publish(store, "label", {}, {})
    (path,) = tmp_path.glob("label/*/manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metadata": {"pools": 3}}))
    with raises(DataError, stage="label"):
        store.metadata(STAGE_METADATA["label"])
