"""Many tabs of one browser: it keeps six connections to a host, and a stream of events takes one for good."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.deployed import deploy
from tests.browser.portal import Portal
from tests.installation import Installation

TABS = 8


def test_any_number_of_tabs_is_kept_fresh_whichever_of_them_goes(portal: Portal, flowstead: Installation) -> None:
    tabs = [portal.page, *(portal.page.context.new_page() for _ in range(TABS - 1))]
    for tab in tabs:
        tab.goto(f"{flowstead.url}/portal/connections")
        expect(tab.get_by_role("heading", level=1, name="Connections")).to_be_visible()
    connect(flowstead, "first")
    for tab in tabs:
        expect(tab.get_by_role("link", name="first", exact=True)).to_be_visible()
    for tab in tabs[: TABS // 2]:  # with the one that has followed for all
        tab.close()
    connect(flowstead, "second")
    for tab in tabs[TABS // 2 :]:
        expect(tab.get_by_role("link", name="second", exact=True)).to_be_visible()


def test_all_tabs_know_that_the_server_is_away_and_back(portal: Portal, flowstead: Installation) -> None:
    tabs = [portal.page, portal.page.context.new_page(), portal.page.context.new_page()]
    for tab in tabs:
        tab.goto(f"{flowstead.url}/portal/connections")
        expect(tab.get_by_role("heading", level=1, name="Connections")).to_be_visible()
    flowstead.down()
    for tab in tabs:
        expect(tab.get_by_text("The server does not answer.")).to_be_visible()
    flowstead.up()
    connect(flowstead, "third")
    for tab in tabs:
        expect(tab.get_by_text("The server does not answer.")).to_have_count(0, timeout=30_000)
        expect(tab.get_by_role("link", name="third", exact=True)).to_be_visible()
    # What a browser says of a server that is not there.
    portal.expected += ["ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING", "503"]


def test_a_log_that_nobody_looks_at_takes_no_connection(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    deploy(flowstead, tmp_path, "unseen", "blue")
    page = portal.page
    page.clock.install()
    portal.open("/endpoints/unseen/deployments/blue?tab=logs")
    expect(page.get_by_role("status").filter(has_text="Live.")).to_be_visible()
    look_away(page, hidden=True)
    with page.expect_event("requestfailed", lambda request: "followLogs" in request.url):
        page.clock.fast_forward(61_000)
    with page.expect_request(lambda request: "followLogs" in request.url):
        look_away(page, hidden=False)
        page.clock.fast_forward(2_000)


def connect(flowstead: Installation, name: str) -> None:
    credentials = {"keys": {"key": "hidden"}}
    properties = {"category": "CustomKeys", "authType": "CustomKeys", "target": "-", "credentials": credentials}
    answer = flowstead.api("PUT", f"/connections/{name}", {"properties": properties})
    assert answer.is_success, answer.text


def look_away(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
