"""A warehouse in a bucket needs a tracking server elsewhere: a database cannot be in a bucket."""

from patent_spark.config import ConfigError, load_config
from patent_spark.tracking.server import tracking_uri
from tests.support.errors import raises

ROOT = "warehouse.root=s3://patents/warehouse"


def test_without_a_server_the_user_is_told():
    with raises(ConfigError, setting="tracking.uri"):
        tracking_uri(load_config(sets=[ROOT])[0])


def test_with_a_server_it_is_used():
    config = load_config(sets=[ROOT, "tracking.uri=http://mlflow:5000"])[0]
    assert tracking_uri(config) == "http://mlflow:5000"
