"""Settings with which a Spark session reads the files of a bucket itself, by Hadoop's s3a."""

from __future__ import annotations

from patent_spark.config import Warehouse
from patent_spark.core.objects.environment import endpoint_of, region

_HADOOP = "3.4.1"
"""That of Spark 4.0's own jars; any other version of hadoop-aws fails within a task."""
_FILE_SYSTEM = "spark.hadoop.fs.s3a"


def spark_settings(warehouse: Warehouse) -> dict[str, str]:
    """Settings of a session that opens addresses such as s3://bucket/key; credentials are in none of them.

    Executors take them from their environment, as the driver does.
    """
    endpoint = endpoint_of(warehouse.endpoint)
    settings = {
        "spark.jars.packages": f"org.apache.hadoop:hadoop-aws:{_HADOOP}",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        f"{_FILE_SYSTEM}.endpoint.region": region(),
        f"{_FILE_SYSTEM}.aws.credentials.provider": (
            "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
        ),
    }
    if endpoint:
        settings[f"{_FILE_SYSTEM}.endpoint"] = endpoint
        settings[f"{_FILE_SYSTEM}.path.style.access"] = "true"
        settings[f"{_FILE_SYSTEM}.connection.ssl.enabled"] = str(endpoint.startswith("https:")).lower()
    return settings
