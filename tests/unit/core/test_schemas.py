"""The schemas as Spark has them."""

import subprocess
import sys

from pyspark.sql import types

from patent_spark.core.schemas import LABELS, PREDICTIONS, TABLES


def test_columns_become_sparks_types():
    kinds = {field.name: field.dataType for field in LABELS.schema}
    assert kinds["grant_date"] == types.DateType()
    assert kinds["q90"] == types.DoubleType()
    assert kinds["window_complete"] == types.BooleanType()
    assert PREDICTIONS.schema["probabilities"].dataType == types.ArrayType(types.FloatType(), True)


def test_every_column_is_nullable_and_described():
    for table in TABLES.values():
        assert [field.name for field in table.schema] == [name for name, _, _ in table.columns]
        assert all(field.nullable and "comment" in field.metadata for field in table.schema)


def test_reading_the_schemas_does_not_import_pyspark():
    code = "import sys, patent_spark.core.schemas; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
