"""The dashboard as a person sees it: a real browser, a real tracking server, a real model server."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from services.serving.dashboard.conftest import MODEL, Platform
from tests.browser import phone

Shoot = Callable[[Page, str], Path]
_REMEMBER_PROGRESS = """() => {
    window.told = new Set();
    const bars = () => document.querySelectorAll('[data-testid=stProgress]');
    new MutationObserver(() => bars().forEach(bar => told.add(bar.textContent.trim())))
        .observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture(autouse=True)
def _as_before(platform: Platform) -> None:
    platform.reset()


@pytest.fixture
def quiet_page(page: Page, dashboard: str) -> Iterator[Page]:
    """A page that asks nobody but the dashboard, and shows no exception."""
    foreign: list[str] = []
    page.on("request", lambda asked: foreign.append(asked.url) if not _own(asked.url, dashboard) else None)
    yield page
    assert not foreign
    assert page.get_by_test_id("stException").count() == 0


def _own(url: str, dashboard: str) -> bool:
    return url.startswith((dashboard, "data:", "blob:"))


def sign_in(page: Page, username: str, password: str) -> None:
    page.locator("input[autocomplete=username]").fill(username)
    page.locator("input[type=password]").fill(password)
    page.locator("input[type=password]").press("Enter")


def drawn(page: Page) -> None:
    """Wait until the page is complete."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def open_signed_in(page: Page, url: str, platform: Platform, username: str) -> None:
    page.goto(url)
    sign_in(page, username, platform.password)
    expect(page.get_by_text(f"Signed in as {username}")).to_be_visible()


def test_anybody_sees_services_and_champion(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    quiet_page.goto(dashboard)
    expect(quiet_page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(quiet_page.get_by_text("Airflow does not answer.")).to_be_visible()
    expect(quiet_page.get_by_role("link", name="MLflow")).to_have_attribute("href", platform.mlflow.url)
    expect(quiet_page.get_by_text("LogisticRegression")).to_be_visible()
    expect(quiet_page.get_by_text("pipeline run 7")).to_be_visible()
    expect(quiet_page.get_by_text("accuracy")).to_be_visible()
    screenshot(quiet_page, "overview")


@pytest.mark.parametrize("path", ["predict", "experiments", "models"])
def test_other_pages_ask_to_sign_in(quiet_page: Page, dashboard: str, path: str) -> None:
    quiet_page.goto(f"{dashboard}/{path}")
    expect(quiet_page.get_by_label("User name")).to_be_visible()
    expect(quiet_page.get_by_text(MODEL)).to_have_count(0)
    expect(quiet_page.get_by_text("Promote")).to_have_count(0)


def test_a_wrong_password_is_told_and_stays_out(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    quiet_page.goto(f"{dashboard}/models")
    sign_in(quiet_page, platform.reader, "not the password")
    expect(quiet_page.get_by_text("MLflow does not know this user name and password.")).to_be_visible()
    screenshot(quiet_page, "sign-in-refused")


def test_credentials_are_in_no_url_cookie_or_storage_and_end_with_sign_out(
    quiet_page: Page, dashboard: str, platform: Platform
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/models", platform, platform.reader)
    kept = quiet_page.evaluate(
        "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
    )
    cookies = str(quiet_page.context.cookies())
    assert platform.password not in kept + cookies + quiet_page.url
    quiet_page.get_by_role("button", name="Sign out").click()
    expect(quiet_page.get_by_label("User name")).to_be_visible()
    quiet_page.reload()
    expect(quiet_page.get_by_label("User name")).to_be_visible()


def test_sliders_predict_at_once(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/predict", platform, platform.reader)
    petal_length = quiet_page.get_by_role("slider", name="Petal length (1 to 6.9 cm)")
    petal_length.focus()
    petal_length.press("End")
    expect(quiet_page.get_by_role("heading", name="Virginica")).to_be_visible()
    screenshot(quiet_page, "predict")
    petal_length.press("Home")
    expect(quiet_page.get_by_role("heading", name="Setosa")).to_be_visible()
    expect(quiet_page.get_by_role("img", name="in the colour of Setosa")).to_be_visible()
    expect(quiet_page.get_by_role("button", name="Show data: Probability of each class")).to_be_attached()


def test_exact_values_may_leave_the_range_and_that_is_told(
    quiet_page: Page, dashboard: str, platform: Platform
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/predict", platform, platform.reader)
    quiet_page.get_by_text("Exact values").click()
    width = quiet_page.get_by_role("spinbutton", name="Petal width (0.1 to 2.5 cm)")
    width.fill("9")
    width.press("Enter")
    expect(quiet_page.get_by_text("Outside the range of the training data.")).to_be_visible()
    expect(quiet_page.get_by_role("heading", name="Virginica")).to_be_visible()


def test_a_file_is_predicted_in_batches_and_comes_back_with_predictions(
    quiet_page: Page, dashboard: str, platform: Platform, tmp_path: Path, screenshot: Shoot
) -> None:
    flowers = [[5.1, 3.5, 1.4, 0.2, "a"], [6.7, 3.0, 5.9, 2.4, "b"]] * 10_000
    sent = tmp_path / "flowers.csv"
    with sent.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["sepal_length", "sepal_width", "petal_length", "petal_width", "note"], *flowers]
        )
    open_signed_in(quiet_page, f"{dashboard}/predict", platform, platform.reader)
    quiet_page.get_by_role("tab", name="CSV file").click()
    quiet_page.evaluate(_REMEMBER_PROGRESS)
    quiet_page.locator("input[type=file]").set_input_files(sent)
    expect(quiet_page.get_by_text(f"20,000 rows predicted by {MODEL}, version 1.")).to_be_visible()
    progress = "\n".join(quiet_page.evaluate("[...told]"))
    assert re.search(r"^[0-9,]+ of 20,000 rows$", progress, re.MULTILINE), progress
    screenshot(quiet_page, "predict-file")
    with quiet_page.expect_download() as download:
        quiet_page.get_by_role("button", name="Download with predictions").click()
    assert download.value.suggested_filename == "flowers-predictions.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == ["Setosa", "Virginica"] * 10_000
    assert [row["note"] for row in rows[:2]] == ["a", "b"]
    assert 0 < float(rows[0]["probability_Setosa"]) <= 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sepal_length,sepal_width\n5,3\n", "These columns are missing: petal_length, petal_width."),
        (
            "sepal_length,sepal_width,petal_length,petal_width\n5,3,1,wide\n",
            "1 · petal_width · 'wide'",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_told_in_words(
    quiet_page: Page, dashboard: str, platform: Platform, tmp_path: Path, content: str, words: str
) -> None:
    sent = tmp_path / "bad.csv"
    sent.write_text(content)
    open_signed_in(quiet_page, f"{dashboard}/predict", platform, platform.reader)
    quiet_page.get_by_role("tab", name="CSV file").click()
    quiet_page.locator("input[type=file]").set_input_files(sent)
    expect(quiet_page.get_by_text(words)).to_be_visible()


def test_experiments_show_runs_and_charts(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/experiments", platform, platform.reader)
    expect(quiet_page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(quiet_page.get_by_role("button", name="Show data: accuracy of each run")).to_be_attached()
    drawn(quiet_page)
    screenshot(quiet_page, "experiments")


def test_promoting_asks_first_and_cancelling_changes_nothing(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/models", platform, platform.editor)
    quiet_page.get_by_role("button", name="Promote").first.click()
    dialog = quiet_page.get_by_role("dialog")
    expect(dialog.get_by_role("row", name="champion")).to_have_text(re.compile(r"champion\s*1\s*3"))
    expect(dialog.get_by_role("row", name="previous")).to_have_text(re.compile(r"previous\s*none\s*1"))
    screenshot(quiet_page, "promote")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert platform.aliases() == {"champion": "1"}


def test_an_editor_promotes_and_rolls_back_and_the_audit_names_the_editor(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/models", platform, platform.editor)
    quiet_page.get_by_role("button", name="Promote").first.click()
    quiet_page.get_by_role("button", name="Confirm").click()
    expect(quiet_page.get_by_text(f"Version 3 of {MODEL} is now the champion.")).to_be_visible()
    assert platform.aliases() == {"champion": "3", "previous": "1"}
    tags = platform.registry().version(MODEL, "3").tags
    assert (tags["promoted_by"], tags["promotion"]) == (platform.editor, "dashboard")
    served = httpx.get(
        f"{platform.model_server}/models/{MODEL}/versions/champion/schema",
        headers={"X-API-Key": "a-key-for-tests-only"},
    )
    assert served.json()["version"] == "3"
    expect(quiet_page.get_by_text(re.compile(f"promoted by {platform.editor}"))).to_be_visible()
    screenshot(quiet_page, "models")
    quiet_page.get_by_role("button", name="Roll back to version 1").click()
    quiet_page.get_by_role("button", name="Confirm").click()
    expect(quiet_page.get_by_text(f"Version 1 of {MODEL} is now the champion.")).to_be_visible()
    assert platform.aliases() == {"champion": "1", "previous": "3"}


def test_a_reader_who_promotes_is_told_and_nothing_changes(
    quiet_page: Page, dashboard: str, platform: Platform, screenshot: Shoot
) -> None:
    open_signed_in(quiet_page, f"{dashboard}/models", platform, platform.reader)
    before = platform.registry().version(MODEL, "3").tags
    quiet_page.get_by_role("button", name="Promote").first.click()
    quiet_page.get_by_role("button", name="Confirm").click()
    expect(quiet_page.get_by_text(f"{platform.reader} has no right to change {MODEL}")).to_be_visible()
    screenshot(quiet_page, "promote-refused")
    assert platform.aliases() == {"champion": "1"}
    assert platform.registry().version(MODEL, "3").tags == before


def test_two_people_at_once_are_not_each_other(browser: Browser, dashboard: str, platform: Platform) -> None:
    pages = {
        name: browser.new_context(locale="en-US").new_page() for name in (platform.editor, platform.reader)
    }
    for name, page in pages.items():
        open_signed_in(page, f"{dashboard}/models", platform, name)
    for page in pages.values():
        page.get_by_role("button", name="Promote").first.click()
    pages[platform.reader].get_by_role("button", name="Confirm").click()
    expect(pages[platform.reader].get_by_text("has no right to change")).to_be_visible()
    pages[platform.editor].get_by_role("button", name="Confirm").click()
    expect(pages[platform.editor].get_by_text("is now the champion.")).to_be_visible()
    assert platform.registry().version(MODEL, "3").tags["promoted_by"] == platform.editor
    for page in pages.values():
        page.context.close()


def test_the_browsers_language_is_followed(browser: Browser, dashboard: str, screenshot: Shoot) -> None:
    with phone(browser, "pt-BR") as page:
        page.goto(dashboard)
        expect(page.get_by_role("heading", name="Visão geral")).to_be_visible()
        expect(page.get_by_text("3 fev 2026")).to_be_visible()
        screenshot(page, "overview-pt-phone")


def test_the_switch_changes_the_language(quiet_page: Page, dashboard: str) -> None:
    quiet_page.goto(dashboard)
    quiet_page.get_by_text("Português").click()
    expect(quiet_page.get_by_role("heading", name="Visão geral")).to_be_visible()
    quiet_page.get_by_role("link", name="Modelos", exact=True).click()
    expect(quiet_page.get_by_label("Usuário")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_in_portuguese(
    browser: Browser, dashboard: str, platform: Platform, screenshot: Shoot, scheme: Literal["light", "dark"]
) -> None:
    with phone(browser, "pt-BR", scheme) as page:
        page.goto(f"{dashboard}/predict")
        sign_in(page, platform.reader, platform.password)
        expect(page.get_by_role("slider", name="Comprimento da sépala (4,3 a 7,9 cm)")).to_be_visible()
        for path, title in {"predict": "Prever", "experiments": "Experimentos", "models": "Modelos"}.items():
            if path != "predict":
                page.get_by_test_id("stExpandSidebarButton").click()
                page.get_by_role("link", name=title, exact=True).click()
            expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
            expect(page.get_by_role("combobox").first).to_be_visible()
            drawn(page)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            screenshot(page, f"{path}-pt-phone-{scheme}")


def test_with_everything_away_each_page_says_so_in_words(
    page: Page, start_dashboard: Callable[..., str], screenshot: Shoot
) -> None:
    url = start_dashboard()
    page.goto(url)
    for service in ("MLflow", "Airflow", "Model server", "Prediction API"):
        expect(page.get_by_text(f"{service} does not answer.")).to_be_visible()
    screenshot(page, "everything-away")
    page.get_by_role("link", name="Models", exact=True).click()
    sign_in(page, "ana", "any password")
    expect(page.get_by_text("MLflow does not answer at")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_with_the_model_server_away_models_still_work(
    page: Page, platform: Platform, start_dashboard: Callable[..., str], screenshot: Shoot
) -> None:
    url = start_dashboard(
        MLFLOW_TRACKING_URI=platform.mlflow.url, MLFLOW_TRACKING_PASSWORD=platform.mlflow.dashboard_password
    )
    open_signed_in(page, f"{url}/predict", platform, platform.editor)
    expect(page.get_by_text("Model server does not answer at")).to_be_visible()
    screenshot(page, "predict-away")
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name="Promote").first.click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("It could not be confirmed that it is served.")).to_be_visible()
    assert platform.aliases() == {"champion": "3", "previous": "1"}


def test_a_wrong_key_for_the_model_server_is_told(
    page: Page, platform: Platform, start_dashboard: Callable[..., str]
) -> None:
    url = start_dashboard(
        MLFLOW_TRACKING_URI=platform.mlflow.url,
        MLFLOW_TRACKING_PASSWORD="wrong",
        MODEL_SERVER_URL=platform.model_server,
        MODEL_SERVER_API_KEY="wrong",
    )
    page.goto(url)
    expect(page.get_by_text("MLflow does not accept the dashboard's own user dashboard.")).to_be_visible()
    page.get_by_role("link", name="Predict", exact=True).click()
    sign_in(page, platform.reader, platform.password)
    expect(page.get_by_text("The model server does not accept the dashboard's key.")).to_be_visible()
