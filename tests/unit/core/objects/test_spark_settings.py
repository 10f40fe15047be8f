"""Settings of s3a. Spark's jars here have no s3a, so only the settings themselves are compared."""

from pathlib import Path

import pyspark
import pytest

from patent_spark.config import Warehouse
from patent_spark.core.objects.spark_settings import spark_settings
from tests.support.object_server import KEYS


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


AWS = {
    "spark.jars.packages": "org.apache.hadoop:hadoop-aws:3.4.1",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
    "spark.hadoop.fs.s3a.aws.credentials.provider": (
        "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
    ),
}


def test_for_aws():
    assert spark_settings(Warehouse(root="s3://patents/w")) == AWS


@pytest.mark.parametrize(
    ("endpoint", "ssl"), [("http://127.0.0.1:8333", "false"), ("https://s3.example", "true")]
)
def test_for_another_server(endpoint, ssl, monkeypatch):
    expected = AWS | {
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": ssl,
    }
    assert spark_settings(Warehouse(root="s3://patents/w", endpoint=endpoint)) == expected
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert spark_settings(Warehouse(root="s3://patents/w")) == expected


def test_the_version_of_hadoop_is_that_of_sparks_jars():
    jars = [path.name for path in (Path(pyspark.__file__).parent / "jars").glob("hadoop-client-api-*.jar")]
    assert jars == ["hadoop-client-api-3.4.1.jar"]
