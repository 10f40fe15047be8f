"""The index that a warehouse has, opened for the models that answer."""

import pytest

from patent_spark.config import load_config
from patent_spark.inference.model_source import open_models
from patent_spark.pipeline import run_stage
from patent_spark.service.champions import Champions
from patent_spark.service.indexes import index_version, open_indexes
from patent_spark.service.reload import ChampionPoller
from patent_spark.service.serve import first_champions
from tests.support.http_service import running_service
from tests.support.index_warehouse import publish_texts
from tests.support.served_registry import ServedRegistry, served_config, small_packages
from tests.support.small_index import FIRST

TEXTS = [["network", "antenna", "w0"], ["battery", "cell", "w1"], ["wheel", "engine", "w2"], ["laser", "w3"]]
"""Row r is patent FIRST + r. The models know the plain words, the word vectors w0 to w5."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return small_packages(tmp_path_factory.mktemp("packages"))[:2]


def make_index(config, model, *sets):
    run_stage("index", with_model(config, model, *sets), force=True)


def with_model(config, model, *sets):
    own = [f"warehouse.root={config.warehouse.root}", f"index.model={model}", "index.threads=1"]
    return load_config(sets=[*own, *sets])[0]


def test_vectors_are_searched_by_the_model_that_made_them_alone(tmp_path, packages):
    config = load_config(sets=[f"warehouse.root={tmp_path}"])[0]
    publish_texts(config.warehouse.root, TEXTS)
    assert open_indexes(config, open_models(config, str(packages[0]))).version == index_version(config) == ""
    make_index(config, packages[0], "index.vectors=[document, words]")
    ours, others = (open_indexes(config, open_models(config, str(package))) for package in packages)
    assert ours.version == others.version == index_version(config) != ""
    assert (ours.by_kind.keys(), others.by_kind.keys()) == ({"document", "words"}, {"words"})
    nearest = ours.by_kind["document"].to_text("network antenna", 1)[0][0]
    assert nearest.patent_id == str(FIRST)


def test_a_new_index_is_searched_without_a_restart(tmp_path, packages):
    config = served_config(tmp_path)
    publish_texts(config.warehouse.root, TEXTS)
    ServedRegistry(config, tmp_path).promote(packages[0], 1)
    champions = Champions(config)
    poller = ChampionPoller(champions, 3600)
    with running_service(first_champions(champions)) as service:
        poller.start(service.live, service.application.metrics)
        asked = {"title": "network antenna", "abstract": "", "top": 1}
        assert service.post("/v1/similar", asked)[0] == 404
        make_index(config, packages[0])
        poller.look()
        status, answer = service.post("/v1/similar", asked)
        assert (status, answer["neighbors"][0]["patent_id"]) == (200, str(FIRST))
        assert "/" not in answer["model"]  # the name of its folder, not its path
        before = service.live.current
        poller.look()
        assert service.live.current is before
    poller.stop()
