"""Makes docs/images/service.png: python -m tests.support.service_picture http://127.0.0.1:8000/ FILE [TEXT]

The service must be running. TEXT: a file with the title in its first line, then the abstract; without it the
page is asked the example that it offers.
"""

import sys
from pathlib import Path

from PIL import Image

from tests.support.browser import chromium, page_of


def main(url, file, text=None, scheme="light", width=1280):
    """A picture of the page with the answer to a text."""
    size = {"width": int(width), "height": 900}
    with chromium() as browser, page_of(browser, url, viewport=size, color_scheme=scheme) as page:
        page.get_by_role("button", name="Example").click()
        if text:
            title, _, abstract = Path(text).read_text().partition("\n")
            page.get_by_label("Title").fill(title)
            page.get_by_label("Abstract").fill(abstract.strip())
        page.get_by_role("button", name="Predict").click()
        page.locator("#technology, #level").first.wait_for()
        page.get_by_role("button", name="Predict").and_(page.locator(":enabled")).wait_for()
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)  # bars grow
        page.screenshot(path=file, full_page=True)
    Image.open(file).convert("RGB").quantize(128).save(file, optimize=True)  # a third of the size


if __name__ == "__main__":
    main(*sys.argv[1:])
