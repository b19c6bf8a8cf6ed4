"""The web page of the local gateway in Debian's Chromium, with hostile names, by keyboard, and on a narrow screen."""

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from local_gateway.__main__ import prepare
from local_gateway.configuration import Configuration, own_configuration, sample_configuration
from local_gateway.page.application import Page
from local_gateway.page.overview import Overview
from local_gateway.report import outcome_text
from local_gateway.scenarios import SCENARIOS
from local_gateway.server import LOOPBACK, serve
from tests.pki.certificates import certificate_der, name, pem
from tests.platforms.debian_chromium import OPTIONS, find_chromium

sync_api = pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as BrowserPage

    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Pki
    from local_gateway.scenarios import Kind

CHROMIUM = find_chromium()
# A website whose name resolves to loopback.
REBINDING = "--host-resolver-rules=MAP rebinding.example 127.0.0.1"
MILLISECONDS = 20_000
NARROW = {"width": 320, "height": 640}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: unpack it with make browser"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Playwright's event loop
]

WATCH = """
window.events = [];
addEventListener("securitypolicyviolation", (event) => events.push(`${event.violatedDirective} ${event.blockedURI}`));
addEventListener("error", (event) => events.push(event.message));
addEventListener("unhandledrejection", (event) => events.push(String(event.reason)));
window.hacked = () => events.push("executed");
"""


class Served(NamedTuple):
    url: str
    overview: Overview


@contextmanager
def served(pki: Pki, endpoints: list[Endpoint], configuration: Configuration) -> Iterator[Served]:
    overview = Overview(prepare(SCENARIOS, configuration), configuration, endpoints)
    with serve(Page(overview, pki), None) as port:
        yield Served(f"http://{LOOPBACK}:{port}/", overview)


@pytest.fixture(scope="module")
def sample(pki: Pki, endpoints: list[Endpoint]) -> Iterator[Served]:
    configuration = sample_configuration(pki)
    with served(pki, endpoints, configuration) as sample:
        # Other tests play them.
        for result in sample.overview.results:
            result.outcomes.update({kind: result.scenario.expected_on(kind) for kind in result.scenario.kinds})
        sample.overview.finished = True
        yield sample


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS, REBINDING])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **options: object) -> Iterator[BrowserPage]:
    """Open a page. At the end, nothing was executed, blocked or logged that should not be."""
    context = browser.new_context(**options)
    context.set_default_timeout(MILLISECONDS)
    context.add_init_script(WATCH)
    page, messages = context.new_page(), list[str]()
    page.on("console", lambda message: messages.append(message.text))
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    try:
        page.goto(url)
        page.wait_for_selector("#scenarios table, #configuration dd")
        yield page
        assert page.evaluate("events") == []
        # Chromium logs responses such as 422.
        assert [message for message in messages if "Failed to load resource" not in message] == []
    finally:
        context.close()


def explain_pem(page: BrowserPage, text: str) -> None:
    page.check("#use-pem")
    # Playwright would take seconds to type a long text.
    page.locator("#pem").evaluate("(field, text) => { field.value = text; }", text)
    page.click("#submit")


def result_of(page: BrowserPage) -> str:
    page.wait_for_selector("#result:not([hidden])")
    return str(page.inner_text("#result"))


def wait_until(page: BrowserPage, condition: Callable[[], object]) -> None:
    """Wait without an expression in the page, which its policy forbids."""
    for _ in range(MILLISECONDS // 20):
        if condition():
            return
        page.wait_for_timeout(20)
    pytest.fail("timed out")


def scroll_width(page: BrowserPage) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.mark.usefixtures("log")
def test_every_scenario_is_reachable_and_explained(browser: Browser, sample: Served) -> None:
    columns = cycle(range(3))
    with opened(browser, sample.url) as page:
        assert "111 of 111 requests sent. 0 unexpected results." in page.inner_text("#progress")
        for scenario in SCENARIOS:
            kind = cast("Kind", list(scenario.kinds)[next(columns)])
            expected = scenario.expected_on(kind)
            label = f"{scenario.name}, {kind}: {outcome_text(expected)}. Explain"
            page.evaluate("document.getElementById('result').hidden = true")
            page.locator(f"#scenarios button[aria-label={json.dumps(label)}]").first.click()
            text = result_of(page)
            if expected.status is None:
                assert "Rejected in the TLS handshake: " in text
                assert "alert" in text
            else:
                verdict = "Allowed" if expected.status == 200 else "Denied"
                assert f"{verdict}: HTTP {expected.status}" in text
            if expected.authorizer_invoked:
                assert expected.reason is None or f'"reason": "{expected.reason}"' in text
                assert '"decision": ' in text
                assert "The authorizer's checks" in text
            assert all(value in text for value in expected.context.values() if "[" not in value)


HOSTILE = [
    "<img src=x onerror=hacked()>",
    '"><script>hacked()</script><svg onload=hacked()>',
    "javascript:hacked()",
    "&lt;b&gt; </textarea><iframe srcdoc='<script>parent.hacked()</script>'>",
    "${hacked()} {{constructor.constructor('hacked()')()}}",
]


def test_hostile_names_are_shown_and_execute_nothing(browser: Browser, sample: Served) -> None:
    with opened(browser, sample.url, viewport=NARROW) as page:
        for text in HOSTILE:
            certificate = certificate_der(name(("O", text), ("CN", text)), name(("CN", text)))
            page.evaluate("document.getElementById('result').hidden = true")
            explain_pem(page, pem(certificate))
            assert text in result_of(page).replace("\\", "")
            assert page.locator("#result img, #result script, #result iframe, #result svg").count() == 0
        assert scroll_width(page) <= NARROW["width"]


def test_control_characters_and_changes_of_direction_are_shown_as_escapes(browser: Browser, sample: Served) -> None:
    subject = name(("CN", "abc\u202e\u2066fed\u200b\u00a0\x1b[31m\u0007ü"))
    with opened(browser, sample.url) as page:
        explain_pem(page, pem(certificate_der(subject, subject)))
        text = result_of(page)
    # Between the cells of tables there are tabs.
    assert not re.search(
        r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00a0\u200b-\u200f\u2028-\u202e\u2066-\u2069]", text
    )
    assert "202e" in text.lower()


def test_very_long_names_are_shortened_and_leave_the_page_narrow(browser: Browser, sample: Served) -> None:
    subject = name(("O", "W" * 30_000), ("CN", "شركة" * 3_000))
    with opened(browser, sample.url, viewport=NARROW) as page:
        explain_pem(page, pem(certificate_der(subject, name(("CN", "x")))))
        text = result_of(page)
        assert scroll_width(page) <= NARROW["width"]
    assert re.search(r"… \([0-9,]+ characters\)", text)
    assert len(text) < 60_000


def test_with_an_own_truststore_and_hostile_rules_only_certificates_can_be_pasted_and_nothing_is_executed(
    browser: Browser, pki: Pki, endpoints: list[Endpoint]
) -> None:
    rule = {"name": "hostile", "match": {"common_name": HOSTILE[0]}, "context": {"tenant": HOSTILE[1]}}
    variables = {"AUTHORIZER_RULES": json.dumps({"rules": [rule]})}
    with served(pki, endpoints, own_configuration(pki, variables, None, pki.untrusted_ca)) as own:
        own.overview.finished = True
        with opened(browser, own.url) as page:
            assert HOSTILE[0] in page.inner_text("#configuration")
            assert page.inner_text("#progress").endswith("so no scenario is run.")
            assert page.is_visible("#pem")
            subject = name(("CN", HOSTILE[0]))
            explain_pem(page, pem(certificate_der(subject, subject)))
            assert "hacked" in result_of(page)


def test_the_content_security_policy_stops_code_that_a_mistake_in_the_script_would_execute(
    browser: Browser, sample: Served
) -> None:
    page = browser.new_page()
    try:
        page.add_init_script(WATCH)
        page.goto(sample.url)
        with pytest.raises(sync_api.Error, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<img src=x onerror=hacked()>'")
        page.evaluate(
            """() => {
              for (const [name, src] of [["img", "/x"], ["iframe", "/"]]) {
                document.body.append(Object.assign(document.createElement(name), {src}));
              }
            }"""
        )
        wait_until(page, lambda: len(page.evaluate("events")) >= 2)
        events = page.evaluate("events")
        assert {event.split()[0] for event in events} >= {"img-src", "frame-src"}
        assert "executed" not in events
    finally:
        page.close()


def test_it_is_usable_by_keyboard_alone(browser: Browser, sample: Served) -> None:
    with opened(browser, sample.url) as page:
        reached = []
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached == ["use-client", "client", "kind", "method", "path", "default", "submit", ""]
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("listed CN, REST API")
        page.keyboard.press("Enter")
        result_of(page)
        sync_api.expect(page.locator("#result-title")).to_be_focused()
        assert "Allowed: HTTP 200" in page.text_content("[role=status]")

        page.focus("#client")
        page.keyboard.type("expired")
        page.focus("#path")
        page.keyboard.press("Enter")
        sync_api.expect(page.locator("#status")).to_contain_text("certificate expired")
        page.focus("#use-client")
        page.keyboard.press("ArrowDown")
        assert page.is_visible("#pem")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "pem"


def test_every_field_has_a_name_and_focus_is_visible(browser: Browser, sample: Served) -> None:
    with opened(browser, sample.url) as page:
        page.select_option("#kind", "CloudFront")
        page.check("#use-pem")
        for field in page.locator("select, input, textarea, button").element_handles():
            named = field.evaluate("(each) => (each.labels && each.labels[0] || each).textContent.trim()")
            assert named or field.get_attribute("aria-label")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_both_schemes(browser: Browser, sample: Served, scheme: str) -> None:
    with opened(browser, sample.url, color_scheme=scheme, viewport=NARROW) as page:
        page.get_by_role("button", name="... requests /hello/private, REST API: 403. Explain").click()
        result_of(page)
        lightness = page.evaluate(
            """() => {
              const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
              const linear = (part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
              const light = ([red, green, blue]) =>
                .2126 * linear(red / 255) + .7152 * linear(green / 255) + .0722 * linear(blue / 255);
              const behind = (element) => {
                for (let each = element; each; each = each.parentElement) {
                  const fill = parse(getComputedStyle(each).backgroundColor);
                  if (fill.length === 3 || fill[3] === 1) return fill;
                }
              };
              const texts = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility()
                && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
              const ratios = texts.map((each) => {
                const colours = [behind(each), parse(getComputedStyle(each).color)];
                const [low, high] = colours.map(light).sort((a, b) => a - b);
                return (high + .05) / (low + .05);
              });
              return {texts: texts.length, worst: Math.min(...ratios), page: light(behind(document.body))};
            }"""
        )
        assert lightness["texts"] > 100
        assert lightness["worst"] >= 4.5
        assert (lightness["page"] < 0.1) is (scheme == "dark")
        assert scroll_width(page) <= NARROW["width"]


def test_a_pasted_key_is_neither_sent_nor_kept(browser: Browser, sample: Served, pki: Pki) -> None:
    with opened(browser, sample.url) as page:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        for text in ((pki.folder / "listed-cn.pem").read_text(), "PuTTY-User-Key-File-3\nPrivate-Lines: 1\nAAAA"):
            explain_pem(page, text)
            sync_api.expect(page.locator("#status")).to_contain_text("private key")
            assert page.input_value("#pem") == ""
            assert page.evaluate("document.activeElement.id") == "pem"
            page.evaluate("say('')")
        assert requests == []
        # Base64 alone cannot be recognized as a key; it is no certificate either.
        explain_pem(page, "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg")
        sync_api.expect(page.locator("#status")).to_contain_text("Paste a certificate")
        assert "MIGH" not in page.text_content("[role=status]")


def test_the_table_fills_while_the_scenarios_are_played(
    browser: Browser, pki: Pki, endpoints: list[Endpoint], sample: Served
) -> None:
    with (
        served(pki, endpoints, sample_configuration(pki)) as filling,
        opened(browser, filling.url) as page,
    ):
        assert "0 of 111 requests sent" in page.inner_text("#progress")
        assert page.locator("#scenarios button").count() == 0
        filling.overview.results[0].outcomes.update(sample.overview.results[0].outcomes)
        sync_api.expect(page.locator("#progress")).to_contain_text("3 of 111 requests sent")
        page.locator("#scenarios button").nth(1).focus()
        for result, played in zip(filling.overview.results, sample.overview.results, strict=True):
            result.outcomes.update(played.outcomes)
        filling.overview.finished = True
        sync_api.expect(page.locator("#progress")).to_contain_text("111 of 111 requests sent")
        assert "HTTP API, IAM" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_websites_whose_names_resolve_to_loopback_are_rejected(browser: Browser, sample: Served) -> None:
    page = browser.new_page()
    try:
        response = page.goto(sample.url.replace(LOOPBACK, "rebinding.example"))
        assert response.status == 421
        assert "authorized-client" not in page.content()
    finally:
        page.close()


class _Website(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def test_other_websites_are_rejected(browser: Browser, sample: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "local_gateway")
    website = ThreadingHTTPServer((LOOPBACK, 0), _Website)
    thread = Thread(target=website.serve_forever, args=(0.05,))
    thread.start()
    page = browser.new_page()
    try:
        page.goto(f"http://{LOOPBACK}:{website.server_port}/")
        for options in ("{mode: 'no-cors'}", "{mode: 'no-cors', method: 'POST', body: '{}'}"):
            page.evaluate(f"fetch('{sample.url}inspect', {options}).catch(() => null)")
        page.evaluate(f"document.body.append(Object.assign(document.createElement('iframe'), {{src: '{sample.url}'}}))")
        wait_until(page, lambda: len(caplog.messages) == 3)
        requests = ["GET /inspect", "POST /inspect", "GET /"]
        assert caplog.messages == [f"{request} HTTP/1.1 -> 403" for request in requests]
    finally:
        page.close()
        website.shutdown()
        thread.join()
        website.server_close()
