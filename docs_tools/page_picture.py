"""``make page-picture``: take a picture of the local gateway's page for the documentation, in a browser."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from local_gateway.__main__ import demonstrate, prepare
from local_gateway.configuration import sample_configuration
from local_gateway.deployment import deploy
from local_gateway.page.application import Page
from local_gateway.page.overview import Overview
from local_gateway.pki.certificates import make_pki
from local_gateway.scenarios import CLIENTS, SCENARIOS
from local_gateway.server import LOOPBACK, serve
from tests.platforms.debian_chromium import OPTIONS, find_chromium

PICTURE = Path(__file__).parents[1] / "docs" / "local-gateway.png"

_VIEWPORT = {"width": 1000, "height": 1400}
_SHOWN = "... requests /hello/private, REST API: 403. Explain"


def main() -> None:
    """Take the picture: a reader who asks for a route that its rule does not name."""
    with tempfile.TemporaryDirectory() as folder:
        pki = make_pki(Path(folder), CLIENTS)
        configuration = sample_configuration(pki)
        with deploy(pki) as endpoints:
            overview = Overview(prepare(SCENARIOS, configuration), configuration, endpoints)
            demonstrate(overview.results, endpoints, pki, configuration)
            overview.finished = True
            with serve(Page(overview, pki), None) as port:
                _take(f"http://{LOOPBACK}:{port}/")


def _take(url: str) -> None:
    chromium = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        page = browser.new_page(viewport=_VIEWPORT, color_scheme="light")
        page.goto(url)
        page.get_by_role("button", name=_SHOWN, exact=True).click()
        page.wait_for_selector("#result:not([hidden])")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
