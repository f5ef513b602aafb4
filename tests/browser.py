"""Pages in a real browser: Chromium without a window, and what axe-core finds in them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SYSTEMS = ("chromium", "chromium-browser", "google-chrome")
SERIOUS = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser: the one that `playwright install chromium` has brought, or the system's; skip without any."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright, which drives the browser")
    with playwright.sync_playwright() as tools:
        own = tools.chromium.executable_path
        found = own if Path(own).exists() else next(filter(None, map(shutil.which, SYSTEMS)), None)
        if found is None:
            pytest.skip("no Chromium: playwright install chromium, or install the system's package chromium")
        browser = tools.chromium.launch(executable_path=found, args=["--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Any, url: str, *, width: int = 1400, dark: bool = False) -> tuple[Any, list[str]]:
    """Open a page for a visitor of its own.

    Returns:
        The page, and the addresses outside of it that it asks for, as it does.
    """
    scheme = "dark" if dark else "light"
    visitor = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = visitor.new_page()
    page.set_default_timeout(60_000)  # tests share cores
    outside: list[str] = []
    own = ("data:", "blob:", "file:", url)
    page.on("request", lambda request: outside.append(request.url) if not request.url.startswith(own) else None)
    page.goto(url)
    return page, outside


def serious_findings(page: Any) -> list[str]:
    """Return what axe-core finds to be serious or critical for people who see, hear or move otherwise."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    violations = axe.Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {node['html'][:120]}"
        for found in violations
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


def fits(page: Any) -> bool:
    """Return whether the page is no wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
