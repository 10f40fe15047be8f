"""What is known of a patent beside its text, in a request and in a file."""

import pytest

from patent_spark.config import Service
from patent_spark.service.file_columns import checked_csv
from patent_spark.service.requests import PredictRequest
from tests.support.http_service import TEXT

FEATURES = {"num_claims": 12, "examiner_citations": 0, "patent_type": "utility"}


def test_a_document_takes_what_is_known():
    request = {
        "documents": [{"title": "a pump", "features": FEATURES}, {"title": "a valve", "cpc_class": "F16"}]
    }
    first, second = PredictRequest.model_validate(request).checked(Service())
    assert (first.known, second.known) == (FEATURES, {"cpc_class": "F16"})
    (alone,) = PredictRequest.model_validate({"title": "a pump", "features": FEATURES}).checked(Service())
    assert alone.known == FEATURES


@pytest.mark.parametrize(
    "features",
    [{"num_claims": -1}, {"num_claims": "12"}, {"num_claims": 1.5}, {"citations_received": 3}, [], "claims"],
)
def test_a_bad_value_is_refused(service, features):
    assert service.post("/v1/predict", TEXT | {"features": FEATURES})[0] == 200
    assert service.post("/v1/predict", TEXT | {"features": features})[0] == 422


def test_a_file_has_them_in_columns():
    file = checked_csv(b"title,abstract,Num_Claims,family_size\na pump,,7,x\na valve,,,2\n", 10, 1000)
    assert [file.document(row).known for row in file.read()] == [{"num_claims": 7}, {"family_size": 2}]
