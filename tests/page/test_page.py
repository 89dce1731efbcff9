"""The web page in a real browser, on the real services."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP
from tests.mlflow_server import free_port
from tests.page.contrast import low_contrasts
from tests.page.serving import prediction_api_on

SETOSA = ("5.1", "3.5", "1.4", "0.2")
VERSICOLOR = ("5.9", "2.8", "4.2", "1.3")
VIRGINICA = ("6.5", "3", "5.6", "2")
SMALL_PHONE = {"width": 360, "height": 740}
Screenshot = Callable[[Page, str], Path]


@contextmanager
def visiting(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """The page in a browser like this; afterwards, nothing may have gone wrong in its console."""
    visitor = browser.new_context(**{"locale": "en-US", "viewport": DESKTOP} | context)
    visitor.set_default_timeout(20_000)
    page = visitor.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(url)
    yield page
    visitor.close()
    # The browser reports by itself what a test brings about; a refused script or style would be another text.
    brought_about = re.compile(r"status of 503|net::ERR_FAILED")
    assert [text for text in wrong if not brought_about.search(text)] == []


def enter(page: Page, values: tuple[str, ...]) -> None:
    """Fill in the four measurements, in their order."""
    for box, value in zip(page.get_by_role("textbox").all(), values, strict=True):
        box.fill(value)


def ready(page: Page) -> None:
    """Wait for the form."""
    expect(page.locator("form")).to_be_visible()


def test_a_flower_is_named_with_its_probabilities(
    browser: Browser, prediction_api: str, screenshot: Screenshot
) -> None:
    with visiting(browser, prediction_api) as page:
        ready(page)
        enter(page, SETOSA)
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_role("heading", name="The model says Setosa")).to_be_visible()
        shares = page.get_by_role("list", name="Probability of each class").get_by_role("listitem")
        expect(shares).to_have_count(3)
        expect(shares.first).to_contain_text(re.compile(r"Setosa 9\d(\.\d)?%"))
        assert page.locator("img").evaluate("image => image.naturalWidth") > 0
        bars = page.locator(".bar").evaluate_all(
            "bars => bars.map(bar => parseFloat(getComputedStyle(bar).backgroundSize) || 0)"
        )
        assert bars == sorted(bars, reverse=True)
        assert bars[0] > 90
        screenshot(page, "page-desktop")


def test_the_keyboard_alone_is_enough(browser: Browser, prediction_api: str) -> None:
    with visiting(browser, prediction_api) as page:
        ready(page)
        focused = "document.activeElement.matches(':focus-visible') && document.activeElement.textContent"
        for button in ("English", "Português"):
            page.keyboard.press("Tab")
            assert page.evaluate(focused) == button
        for label, value in zip(
            ("Sepal length", "Sepal width", "Petal length", "Petal width"), SETOSA, strict=True
        ):
            page.keyboard.press("Tab")
            expect(page.get_by_label(label)).to_be_focused()
            page.keyboard.type(value)
        page.keyboard.press("ArrowUp")
        expect(page.get_by_label("Petal width")).to_have_value("0.3")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Setosa")).to_be_visible()
        expect(page.get_by_label("Petal width")).to_be_focused()


def test_what_is_missing_is_said_above_and_beside(
    browser: Browser, prediction_api: str, screenshot: Screenshot
) -> None:
    with visiting(browser, prediction_api, viewport=SMALL_PHONE) as page:
        ready(page)
        enter(page, ("5.1", "", "many", "0.2"))
        page.get_by_role("button", name="Predict").click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        expect(summary.get_by_role("link")).to_have_text(
            ["Sepal width: Enter a value.", "Petal length: Enter a number, such as 4."]
        )
        width = page.get_by_label("Sepal width")
        expect(width).to_have_attribute("aria-invalid", "true")
        expect(width).to_have_accessible_description("Seen in training: 2 to 4.4 cm Enter a value.")
        screenshot(page, "page-error")
        summary.get_by_role("link").first.click()
        expect(width).to_be_focused()
        page.keyboard.type("3.5")
        page.get_by_label("Petal length").fill("1.4")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Setosa")).to_be_visible()
        expect(summary).to_be_hidden()
        expect(width).to_have_attribute("aria-invalid", "false")


def test_a_value_outside_the_range_is_a_warning_and_no_obstacle(
    browser: Browser, prediction_api: str
) -> None:
    with visiting(browser, prediction_api) as page:
        ready(page)
        enter(page, ("5.1", "3.5", "1.4", "99"))
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".answer")).to_be_visible()
        expect(page.get_by_label("Petal width")).to_have_accessible_description(
            re.compile("^Outside 0.1 to 2.5 cm")
        )


@pytest.mark.parametrize("values", [("6,5", "3", "5,6", "2"), VIRGINICA])
def test_a_comma_is_as_good_as_a_point(
    browser: Browser, prediction_api: str, screenshot: Screenshot, values: tuple[str, ...]
) -> None:
    with visiting(browser, prediction_api, locale="pt-BR") as page:
        ready(page)
        assert page.locator("html").get_attribute("lang") == "pt-BR"
        expect(page).to_have_title("Que íris é esta?")
        enter(page, values)
        page.get_by_role("button", name="Prever").click()
        expect(page.get_by_role("heading", name="O modelo diz Virginica")).to_be_visible()
        expect(page.get_by_text("Modelo iris-classifier, versão 1")).to_be_visible()
        screenshot(page, "page-pt-BR")


def test_the_chosen_language_is_remembered_and_what_was_typed_is_kept(
    browser: Browser, prediction_api: str
) -> None:
    with visiting(browser, prediction_api, locale="fr-FR") as page:
        ready(page)
        assert page.locator("html").get_attribute("lang") == "en"
        enter(page, SETOSA)
        switch = page.get_by_role("button", name="Português")
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", "true")
        expect(switch).to_be_focused()
        expect(page.get_by_label("Comprimento da sépala")).to_have_value("5.1")
        page.reload()
        expect(page.get_by_label("Comprimento da sépala")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "pt-BR"


def test_both_languages_say_the_same_things(browser: Browser, prediction_api: str) -> None:
    paths = """async () => {
        const { TEXTS } = await import('./texts.js');
        const walk = (value, path) => typeof value === 'string'
            ? [path + ' ' + (value.match(/\\{\\w+\\}/g) ?? []).sort()]
            : Object.keys(value).flatMap(key => walk(value[key], path + '/' + key));
        return Object.values(TEXTS).map(texts => walk(texts, '').sort());
    }"""
    with visiting(browser, prediction_api) as page:
        english, portuguese = page.evaluate(paths)
    assert english == portuguese


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_enough(browser: Browser, prediction_api: str, scheme: str) -> None:
    with visiting(browser, prediction_api, color_scheme=scheme) as page:
        ready(page)
        assert low_contrasts(page) == []
        enter(page, ("5.1", "", "99", "0.2"))
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert low_contrasts(page) == []
        enter(page, SETOSA)
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".answer")).to_be_visible()
        assert low_contrasts(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_phone_shows_it_all(
    browser: Browser, prediction_api: str, screenshot: Screenshot, scheme: str
) -> None:
    with visiting(browser, prediction_api, viewport=SMALL_PHONE, color_scheme=scheme, has_touch=True) as page:
        ready(page)
        enter(page, VERSICOLOR)
        page.get_by_role("button", name="Predict").tap()
        name = page.get_by_role("heading", name="Versicolor")
        expect(name).to_be_visible()
        assert name.evaluate("name => name.offsetHeight") < 80, "the name takes more than a line"
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE["width"]
        heights = page.locator("button, input").evaluate_all("all => all.map(one => one.offsetHeight)")
        assert min(height for height in heights if height) >= 44
        screenshot(page, f"page-phone-{scheme}")


def test_typical_values_are_one_key_away(browser: Browser, prediction_api: str) -> None:
    with visiting(browser, prediction_api) as page:
        ready(page)
        page.get_by_role("button", name="Fill in typical values").click()
        expect(page.get_by_role("button", name="Predict")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".answer")).to_be_visible()


def test_without_a_champion_the_page_says_so(
    browser: Browser, model_server: str, tmp_path: Path, screenshot: Screenshot
) -> None:
    with (
        prediction_api_on(model_server, tmp_path, model="nobody-trained-this") as url,
        visiting(browser, url) as page,
    ):
        expect(page.get_by_text("There is no model to ask yet")).to_be_visible()
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("form")).to_be_hidden()
        assert low_contrasts(page) == []
        screenshot(page, "page-no-champion")


def test_an_away_model_server_is_said_and_tried_again(
    browser: Browser, prediction_api: str, tmp_path: Path, screenshot: Screenshot
) -> None:
    with (
        prediction_api_on(f"http://127.0.0.1:{free_port()}", tmp_path) as url,
        visiting(browser, url) as page,
    ):
        words = page.get_by_text("The model cannot be reached right now.")
        expect(words).to_be_visible()
        screenshot(page, "page-away")
        # The model server comes back: the same page asks an API that reaches one.
        page.route("**/model", lambda route: route.continue_(url=f"{prediction_api}/model"))
        page.get_by_role("button", name="Try again").click()
        ready(page)
        expect(words).to_be_hidden()
        enter(page, SETOSA)
        page.get_by_role("button", name="Predict").click()
        expect(
            page.get_by_text("The model cannot be reached right now. Your values are kept.")
        ).to_be_visible()
        expect(page.get_by_label("Sepal length")).to_have_value("5.1")


def test_a_page_without_its_server_says_so(browser: Browser, prediction_api: str) -> None:
    with visiting(browser, prediction_api) as page:
        ready(page)
        page.get_by_role("button", name="Fill in typical values").click()
        page.route("**/predict", lambda route: route.abort())
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_text("This page cannot reach its server.")).to_be_visible()
        page.unroute("**/predict")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".answer")).to_be_visible()


def test_the_page_is_light(browser: Browser, prediction_api: str) -> None:
    with visiting(browser, "about:blank") as page:
        answers: list[int] = []
        page.on("response", lambda answer: answers.append(len(answer.body())))
        page.goto(prediction_api, wait_until="networkidle")
        assert sum(answers) < 40_000
        hosts = page.evaluate(
            "performance.getEntriesByType('resource').map(entry => new URL(entry.name).origin)"
        )
        assert set(hosts) == {prediction_api}
