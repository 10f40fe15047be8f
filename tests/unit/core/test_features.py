"""Features as numbers: an encoding that is fitted on training patents, computed here by hand."""

import math
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.config.sections.training import FeatureName
from patent_spark.core.features import (
    CATEGORY_COLUMNS,
    FEATURES,
    TABLE_COLUMNS,
    encode,
    fit_encoding,
    values_of_rows,
    values_of_table,
)
from patent_spark.core.metadata import EncodedColumn
from patent_spark.core.schemas import TABLES


def test_the_setting_the_registry_and_the_table_name_the_same():
    assert set(get_args(FeatureName)) == set(FEATURES)
    columns = {name: type(kind).__name__ for name, kind, _ in TABLES["FEATURES"].columns}
    assert set(TABLE_COLUMNS) == columns.keys() - {"patent_id", "patent_key"}
    assert set(CATEGORY_COLUMNS) == {name for name in TABLE_COLUMNS if columns[name] == "StringType"}
    tables = {table for feature in FEATURES.values() for table in feature.tables}
    assert tables <= set(TABLES)


ROWS = [{"num_claims": 0}, {"num_claims": 7}, {"num_claims": None}, {}]


def test_a_count_is_a_standardised_logarithm_and_whether_it_is_unknown():
    """log(1 + 0) = 0 and log(1 + 7) = 3 log 2: their mean is 1.5 log 2, and so is their deviation."""
    encoding = fit_encoding(["claims"], values_of_rows(ROWS, ["num_claims"]))
    (column,) = encoding.columns
    assert (column.mean, column.scale) == pytest.approx((1.5 * math.log(2), 1.5 * math.log(2)))
    assert (column.known, column.is_category, encoding.width) == (2, False, 2)
    encoded = encode(encoding, values_of_rows([*ROWS, {"num_claims": 1}], ["num_claims"]))
    expected = [[-1, 0], [1, 0], [0, 1], [0, 1], [math.log(2) / (1.5 * math.log(2)) - 1, 0]]
    assert encoded == pytest.approx(np.array(expected), abs=1e-6)
    assert encoded.dtype == np.float32


@pytest.mark.parametrize("rows", [[{}, {}], [{"num_claims": 5}, {"num_claims": 5}]])
def test_a_count_without_two_values_stays_finite(rows):
    encoding = fit_encoding(["claims"], values_of_rows(rows, ["num_claims"]))
    assert np.isfinite(encode(encoding, values_of_rows([{"num_claims": 9}, {}], ["num_claims"]))).all()
    assert not encoding.columns[0].is_category


def test_a_category_has_a_column_for_each_frequent_value():
    """H04 and A61 have twenty patents, B60 has nineteen; it counts as another one, like what is new."""
    classes = ["H04"] * 20 + ["A61"] * 20 + ["B60"] * 19 + [None] * 3
    encoding = fit_encoding(
        ["class"], values_of_rows([{"cpc_class": each} for each in classes], ["cpc_class"])
    )
    assert encoding.columns == (EncodedColumn(column="cpc_class", values=("A61", "H04"), known=59),)
    rows = [{"cpc_class": each} for each in ("H04", "B60", "Y02", "", None, "A61")]
    assert encode(encoding, values_of_rows(rows, ["cpc_class"])).tolist() == [
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
        [1, 0, 0, 0],
    ]


def test_hidden_values_are_encoded_as_unknown_ones():
    rows = [{"num_claims": 3, "cpc_class": "H04"}] * 20 + [{"num_claims": 8, "cpc_class": "H04"}] * 20
    values = values_of_rows(rows, ["num_claims", "cpc_class"])
    encoding = fit_encoding(["claims", "class"], values)
    hidden = np.zeros((40, 2), bool)
    hidden[0, 0] = hidden[1, 1] = True
    encoded, plain = encode(encoding, values, hidden), encode(encoding, values)
    assert encoded[0].tolist() == [0, 1, 1, 0, 0]
    assert encoded[1].tolist() == [plain[1, 0], 0, 0, 0, 1]
    assert (encoded[2:] == plain[2:]).all()


def test_values_of_a_table_are_those_of_its_rows():
    rows = [
        {"num_claims": 3, "cpc_class": None}, {"num_claims": None, "cpc_class": "H04"},
        {"num_claims": 0, "cpc_class": "A61"},
    ]  # fmt: skip
    schema = pa.schema({"num_claims": pa.int32(), "cpc_class": pa.string()})
    columns = ["num_claims", "cpc_class"]
    one, other = values_of_table(pa.Table.from_pylist(rows, schema), columns), values_of_rows(rows, columns)
    assert one["num_claims"] == pytest.approx(other["num_claims"], nan_ok=True)
    assert one["cpc_class"].tolist() == other["cpc_class"].tolist() == ["", "H04", "A61"]
