"""A headless Chromium of the machine; tests that need it are skipped where there is none."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium():
    """A browser. Skips the test when the machine has none, or playwright is missing."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM} (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def page_of(browser, url, **options):
    """A new page at an address, and what it complained about: errors, blocked loads, requests elsewhere."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: _complain(page, message))
    origin = "/".join(url.split("/")[:3]) + "/"
    page.on("request", lambda request: _outside(page, origin, request))
    page.goto(url)
    yield page
    context.close()


def _complain(page, message):
    # A status of 4xx is the page's business; it shows the sentence.
    if message.type in ("error", "warning") and "status of 4" not in message.text:
        page.complaints.append(message.text)


def _outside(page, origin, request):
    if not request.url.startswith((origin, "blob:", "data:")):
        page.complaints.append(f"asked for {request.url}")
