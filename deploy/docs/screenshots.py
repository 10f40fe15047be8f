"""The pictures of the documentation: `python deploy/docs/screenshots.py WAREHOUSE`.

WAREHOUSE: made by these commands, with --config conf/demo.yaml:

    patent-spark refresh --accept audit="a demonstration"
    patent-spark index
    patent-spark sweep --set tasks=technology --set train.epochs=2 --grid model.units=16,64

Starts the service and MLflow's page on loopback, opens what people see in Debian's Chromium, and writes
docs/images.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from patent_spark.config import load_config
from patent_spark.core.store import Store
from patent_spark.tracking.ui import comparison_page, runs_page

ROOT = Path(__file__).parents[2]
DEMO = [ROOT / "conf" / "demo.yaml"]
IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
COLORS = 160
"""Of a picture: a third of the bytes, and nobody sees it."""


@contextlib.contextmanager
def server(*command: str, address: str) -> Iterator[None]:
    """A program that answers at an address, ended with the block."""
    started = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.5)
        yield
    finally:
        os.killpg(started.pid, signal.SIGTERM)  # MLflow's workers, too
        started.wait(30)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def keep(page: Page, name: str, top: float = 0, height: float | None = None) -> None:
    """A picture of a page or of a part of it, as PNG with few colours."""
    file = IMAGES / f"{name}.png"
    width = page.viewport_size["width"] if page.viewport_size else 1280
    clip: FloatRect = {"x": 0, "y": top, "width": width, "height": height or 0}
    page.screenshot(path=file, full_page=True, clip=clip if height else None)
    Image.open(file).convert("RGB").quantize(COLORS).save(file, optimize=True)
    print(file, file.stat().st_size)


def report_pages(browser: Browser, store: Store) -> None:
    """The three pages of a run, each from a heading down to a place where a part ends."""
    parts = (
        ("QUALITY", "quality", "What each rule drops", 425),
        ("REPORT", "report", "Predictions from a patent's text", 1000),
        ("AUDIT", "audit", "Audit: can the metrics be trusted?", 745),
    )
    for table, name, heading, height in parts:
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto((store.directory(table) / "report.html").as_uri())
        place = page.get_by_role("heading", name=heading).first.bounding_box()
        keep(page, name, max(0, place["y"] - 40) if place else 0, height)
        page.close()


def mlflow_pages(browser: Browser, warehouse: Path) -> None:
    """A run with its data sets and links, and two runs side by side."""
    uri = f"http://127.0.0.1:{free_port()}"
    command = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{warehouse}/mlflow/mlflow.db"]
    command += ["--artifacts-destination", f"{warehouse}/mlflow/artifacts", "--port", uri.rpartition(":")[2]]
    served, _ = load_config(DEMO, [f"warehouse.root={warehouse}", f"tracking.uri={uri}"])
    with server(*command, address=f"{uri}/health"):
        trained, swept = runs(uri)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(runs_page(served).replace("/runs?", f"/runs/{trained}?"))
        page.get_by_text("Registered models").first.wait_for()
        without_assistant(page)
        keep(page, "mlflow-run")
        page.goto(comparison_page(served, swept))
        page.get_by_text("Run details").first.wait_for()
        page.get_by_text("Visualizations").click()
        for switch in page.get_by_role("switch").all():
            switch.click()
        without_assistant(page)
        page.get_by_text("Run details").scroll_into_view_if_needed()
        keep(page, "mlflow-compare")


def without_assistant(page: Page) -> None:
    """Close MLflow's panel at the right, and let the page draw."""
    for close in page.get_by_role("button", name="Close").all():
        close.click()
    page.wait_for_timeout(4000)


def runs(uri: str) -> tuple[str, list[str]]:
    """The training of technology, and the two runs of the sweep."""
    import mlflow

    client = mlflow.MlflowClient(uri)
    found = client.search_runs([each.experiment_id for each in client.search_experiments()])
    swept = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    trained = [
        run for run in found if (run.info.run_name or "").startswith("technology ") and run not in swept
    ]
    return trained[-1].info.run_id, [run.info.run_id for run in swept[:2]]


def service_page(browser: Browser, warehouse: Path) -> None:
    """The service's page with the answer to a patent of the release."""
    port = free_port()
    settings = [f"warehouse.root={warehouse}", f"service.port={port}"]
    command = ["patent_spark.cli", "serve", "--config", str(ROOT / "conf" / "demo.yaml")]
    command += [part for setting in settings for part in ("--set", setting)]
    with server(*command, address=f"http://127.0.0.1:{port}/ready"):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page.goto(f"http://127.0.0.1:{port}/")
        title, abstract = patent(Store(warehouse))
        page.get_by_label("Title").fill(title)
        page.get_by_label("Abstract").fill(abstract)
        page.get_by_role("button", name="Predict").click()
        page.locator("#technology, #level").first.wait_for()
        page.get_by_role("button", name="Predict").and_(page.locator(":enabled")).wait_for()
        page.mouse.move(0, 0)
        page.wait_for_timeout(700)  # bars grow
        keep(page, "service")


def patent(store: Store) -> tuple[str, str]:
    """Title and abstract of the first patent with an abstract of 80 to 120 words."""
    titles = store.read_arrow("PATENTS", ["patent_key", "title"]).to_pandas()
    texts = store.read_arrow("ABSTRACTS", ["patent_key", "abstract"]).to_pandas()
    both = texts.merge(titles.dropna(), on="patent_key")
    first = both[both["abstract"].str.split().str.len().between(80, 120)].sort_values("patent_key").iloc[0]
    return str(first["title"]), str(first["abstract"])


def main() -> None:
    """Make all pictures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("warehouse", type=Path)
    warehouse = options.parse_args().warehouse.absolute()
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        report_pages(browser, Store(warehouse))
        mlflow_pages(browser, warehouse)
        service_page(browser, warehouse)
        browser.close()


if __name__ == "__main__":
    main()
