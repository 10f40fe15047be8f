"""The addresses that patent-spark prints and writes, opened in a real MLflow UI by a browser."""

import pytest

from patent_spark.config import load_config
from patent_spark.tracking.datasets import example_sets
from patent_spark.tracking.runs import create_run
from patent_spark.tracking.ui import artifact_link, comparison_page, runs_page
from tests.support.browser import chromium
from tests.support.tracking_server import TrackingServer
from tests.support.training_warehouse import publish_examples

MODEL_TRAINING = "Model registry"
"""Stands in the menu of the part Model training, and not in that of the other part."""


@pytest.mark.slow
def test_data_sets_links_and_comparisons_are_where_the_addresses_say(tmp_path):
    store = publish_examples(tmp_path / "w", train=100, development=20)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<h1>Predictions from a text</h1>")
    with chromium() as browser, TrackingServer(tmp_path) as server:
        config, _ = load_config(sets=[f"warehouse.root={store.root}", f"tracking.uri={server.uri}"])
        runs = [create_run(config, "technology", {"release_id": f"r{number}"}) for number in (7, 8)]
        runs[0].log_datasets(example_sets(store, "technology", ("train", "development")))
        runs[0].log_report(tmp_path / "report")
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(60_000)

        page.goto(runs_page(config))
        for text in ("technology r7", "tiny train", MODEL_TRAINING):
            page.get_by_text(text).first.wait_for()

        page.goto(comparison_page(config, [run.run_id for run in runs]))
        for text in ("Comparing 2 Runs from 1 Experiment", runs[0].run_id, runs[1].run_id, MODEL_TRAINING):
            page.get_by_text(text).first.wait_for()

        page.goto(f"{server.uri}/{artifact_link('1', runs[0].run_id, '')}".replace("/artifacts/", ""))
        with page.context.expect_page() as opened:
            page.get_by_text("evaluation report").click()
        report = opened.value.frame_locator("iframe").get_by_text("Predictions from a text")
        report.wait_for(timeout=60_000)
