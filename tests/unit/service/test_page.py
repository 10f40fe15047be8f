"""The page in a real browser: with mouse and keyboard, wide and narrow, light and dark."""

import csv
import io
import json

import numpy as np
import pytest

from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.service.indexes import SimilarIndexes
from tests.support.browser import chromium, page_of
from tests.support.http_service import TEXT, SlowPredictor, loaded_models, running_service
from tests.support.small_index import WordCounts, small_index

SECRET = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def usual_models(tmp_path_factory):
    """Models that know what is usual for H04."""
    folder = tmp_path_factory.mktemp("package")
    usual = {"H04": {"top1": 2, "top10": 18, "btm90": 120, "zerocite": 60}}
    facts = PredictionFacts.model_validate({"usual_levels": usual})
    (folder / "prediction_facts.json").write_text(facts.model_dump_json())
    return loaded_models(folder)


@pytest.fixture(scope="module")
def url(usual_models):
    with running_service(usual_models) as service:
        yield f"http://127.0.0.1:{service.port}/"


def ask(page, text=TEXT):
    page.get_by_label("Title").fill(text["title"])
    page.get_by_label("Abstract").fill(text["abstract"])
    page.get_by_role("button", name="Predict").click()


def test_a_text_is_answered(browser, url):
    with page_of(browser, url) as page:
        page.get_by_text("technology: version 3").wait_for()
        ask(page)
        page.locator("#technology").wait_for()
        assert page.locator("#technology .big").inner_text() == "H04"
        assert page.locator("#technology .bar").first.inner_text().split("\n")[-1] == "57.1 %"
        assert page.locator("#technology .fill").first.evaluate("bar => bar.style.width") == "57.14%"
        first = page.locator("#level .bar").first.inner_text()
        assert "top1" in first and "50.0 %" in first and "usual 1.0 %" in first
        assert page.locator("#level .usual-name").inner_text() == "usual in H04"
        assert "H04" in page.get_by_role("status").first.inner_text()
        assert page.complaints == []


def test_the_words_that_mattered_are_marked(browser, url):
    with page_of(browser, url) as page:
        ask(page)
        page.locator("#words").wait_for()
        marked = page.locator("#words mark")
        assert [(mark.inner_text(), mark.get_attribute("class")) for mark in marked.all()] == [
            ("network", "for3"), ("packet", "for1"), ("network", "for3"),
        ]  # fmt: skip
        assert page.locator("#marked-abstract").inner_text() == TEXT["abstract"]
        assert page.locator("#effects tbody tr").first.inner_text().split("\t")[0] == "network"
        page.get_by_text("Citation level", exact=True).last.click()
        assert {mark.inner_text() for mark in marked.all()} == {"network"}
        assert page.complaints == []


def test_html_in_a_text_stays_text(browser, url):
    evil = '<img src=x onerror="document.title=1"> network <script>document.title=2</script>'
    with page_of(browser, url) as page:
        before = page.title()
        ask(page, {"title": evil, "abstract": evil})
        page.locator("#words").wait_for()
        assert page.locator("#marked-abstract").inner_text() == evil
        assert page.locator("#marked-abstract img").count() == 0
        assert page.title() == before
        assert page.complaints == []


def test_an_error_is_shown_as_a_sentence(browser, url):
    with page_of(browser, url) as page:
        ask(page, {"title": "?", "abstract": "!"})
        alert = page.locator("#text-form").get_by_role("alert")
        alert.wait_for()
        assert alert.inner_text().startswith("Title and abstract have no word")
        page.get_by_text("Options").click()
        page.get_by_label("Only these classes").fill("h04; q99")
        ask(page)
        page.get_by_text("Limit_to has a class").wait_for()
        page.get_by_label("Only these classes").fill("f04, a61")
        ask(page)
        page.locator("#technology").wait_for()
        assert page.locator("#technology .bar").count() == 2
        assert not alert.is_visible()


def test_by_keyboard_alone(browser, url):
    with page_of(browser, url) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the answer"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "title"
        page.keyboard.type("A network")
        page.keyboard.press("Tab")
        page.keyboard.type("The packet of a network.")
        page.keyboard.press("Control+Enter")
        page.locator("#technology").wait_for()
        seen = set()
        for _ in range(20):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
            outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            # A radio button's label shows the outline; after the last element comes the browser itself.
            assert outlined != "none" or page.evaluate("document.activeElement.matches('[type=radio], body')")
        assert {"send", "example", "clear", "task-technology", "file", "Score the file", "API"} <= seen


def test_every_field_has_a_label(browser, url):
    with page_of(browser, url) as page:
        unnamed = "[...document.querySelectorAll('input, textarea, progress')].filter(e => !e.labels.length)"
        assert page.evaluate(f"{unnamed}.map(e => e.id)") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen_and_text_stands_out(browser, url, width, scheme):
    size = {"width": width, "height": 800}
    with page_of(browser, url, viewport=size, color_scheme=scheme) as page:
        ask(page)
        page.locator("#words").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRASTS) == []
        assert page.complaints == []


CONTRASTS = """
() => {
  const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = numbers(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  const texts = "p, h1, h2, h3, label, button, td, th, .label, .value, small, summary, a";
  for (const e of document.querySelectorAll(texts)) {
    if (!e.checkVisibility() || !e.textContent.trim() || e.closest(".hidden, .skip")) continue;
    const [a, b] = [luminance(numbers(getComputedStyle(e).color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${e.tagName} ${e.className} ${e.textContent}: ${ratio}`);
  }
  return low;
}
"""
"""Elements whose text has a contrast below 4.5 (WCAG AA)."""


def test_a_file_is_scored_and_downloaded(browser, url, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("id,title,abstract\n" + "1,A network,The packet\n2,=pump,\n" * 50)
    with page_of(browser, url) as page:
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Score the file").click()
        page.get_by_text("All 100 rows are scored").wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the scored file").click()
        assert download.value.suggested_filename == "scored.csv"
        text = download.value.path().read_bytes().decode("utf-8-sig")
        assert page.complaints == []
    rows = [*csv.DictReader(io.StringIO(text))]
    assert len(rows) == 100
    assert (rows[0]["predicted_class"], rows[1]["predicted_class"], rows[1]["title"]) == (
        "H04",
        "F04",
        "'=pump",
    )


def test_progress_is_shown_and_a_file_can_be_stopped(browser, tmp_path):
    models = loaded_models(tmp_path)
    predictor = SlowPredictor(models.predictor)
    file = tmp_path / "mine.csv"
    file.write_text("title,abstract\n" + "A network,b\n" * 100)
    slow = loaded_models(tmp_path, predictor=predictor)
    with running_service(slow) as service, page_of(browser, f"http://127.0.0.1:{service.port}/") as page:
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Score the file").click()
        page.get_by_text("0 of 100 rows").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.locator("#file-progress").wait_for(state="hidden")
        predictor.free.set()
        assert page.locator("#file-form .error").is_hidden()
        file.write_text("title\nA network\n")
        page.get_by_label("File", exact=True).set_input_files(file)
        page.get_by_role("button", name="Score the file").click()
        page.get_by_text("must name the columns title and abstract").wait_for()


def test_the_nearest_patents_are_shown(browser, tmp_path):
    from playwright.sync_api import expect

    vectors = np.array([[4, 0, 0], [0, 4, 0], [0, 0, 4], [3, 1, 0]], np.float32)
    index = SimilarPatents(small_index(tmp_path, vectors), WordCounts(3))
    models = loaded_models(tmp_path, similar=SimilarIndexes("v1", {"document": index}))
    with running_service(models) as service, page_of(browser, f"http://127.0.0.1:{service.port}/") as page:
        ask(page, {"title": "w0 w0 w0 w1 network", "abstract": ""})
        row = page.locator("#similar tbody tr")
        row.first.wait_for()
        assert row.first.inner_text().split("\t")[:4] == ["7000003", "patent 3", "G06", "2001-01-23"]
        page.get_by_text("Options").click()
        page.get_by_label("Neighbours granted before").fill("2001-01-23")
        ask(page, {"title": "w0 w0 w0 w1 network", "abstract": ""})
        expect(row).to_have_count(3)  # a function would be refused by the policy of the page
        assert row.first.inner_text().startswith("7000000")
        ask(page)  # the index knows none of these words
        page.locator("#similar").wait_for(state="hidden")
        assert page.locator("#technology").is_visible()
        assert page.complaints == []


def test_the_page_asks_for_the_token_and_keeps_it_for_the_tab(browser, usual_models):
    with running_service(usual_models, token=SECRET) as service:
        with page_of(browser, f"http://127.0.0.1:{service.port}/") as page:
            page.get_by_label("Token of this service").fill("wrong-wrong-wrong-wrong")
            page.get_by_role("button", name="Use this token").click()
            page.get_by_text("The service does not accept this token.").wait_for()
            page.get_by_label("Token of this service").fill(SECRET)
            page.keyboard.press("Enter")
            page.locator("#token-form").wait_for(state="hidden")
            ask(page)
            page.locator("#technology").wait_for()
            page.reload()
            page.get_by_text("technology: version 3").wait_for()
            assert not page.locator("#token-form").is_visible()
            kept = page.evaluate("JSON.stringify([localStorage, document.cookie, location.href])")
            assert SECRET not in kept
        assert json.dumps(SECRET) not in service.request("GET", "/")[2].decode()


def test_a_service_that_went_away_is_told(browser, url):
    with page_of(browser, url) as page:
        page.get_by_text("technology: version 3").wait_for()
        page.route("**/v1/**", lambda route: route.abort())
        ask(page)
        page.get_by_text("The service does not answer.").wait_for()


def test_the_api_page(browser, url):
    with page_of(browser, f"{url}docs") as page:
        assert "POST /v1/predict" in page.inner_text("main")
        assert page.complaints == []
