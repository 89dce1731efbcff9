"""A real browser for tests: fixtures `browser` (one a module), `page` (one a test), `screenshot`."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

SCREENSHOTS = Path(__file__).parents[1] / "test-output" / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
PHONES_NAME = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium from PATH, else the one Playwright has downloaded.

    One a module: while Playwright runs, no other test of this process may call `asyncio.run`.
    """
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of desktop width in English with cookies and storage of its own.

    For another language or size, see `phone`.
    """
    context = browser.new_context(locale="en-US", viewport=DESKTOP)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@contextmanager
def phone(browser: Browser, locale: str, scheme: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """A page on a phone, which also says that it is one."""
    context = browser.new_context(
        locale=locale,
        color_scheme=scheme,
        viewport=PHONE,
        user_agent=PHONES_NAME,
        is_mobile=True,
        has_touch=True,
    )
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def screenshot() -> Callable[[Page, str], Path]:
    """`screenshot(page, "name")` keeps the whole page as test output and returns the picture's path."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> Path:
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take
