"""What becomes of pages when the server is away, when what they show goes, and for those who may do little."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.deployed import deploy
from tests.browser.people import somebody
from tests.browser.portal import NARROW, Portal, opened, scrolls_sideways
from tests.installation import Installation

AWAY = "The server does not answer."


def test_a_page_that_was_never_opened_comes_when_the_server_is_back(
    browser: Browser, own_flowstead: Installation
) -> None:
    with opened(browser, own_flowstead) as portal:
        page = portal.open("/settings")
        own_flowstead.down()
        portal.go("Connections")
        expect(page.get_by_text(AWAY)).to_be_visible()
        own_flowstead.up()
        expect(page.get_by_role("heading", level=1, name="Connections")).to_be_visible(timeout=30_000)
        expect(page.get_by_text(AWAY)).to_have_count(0)
        # What a browser says of a server that is not there.
        portal.expected += ["ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING", "503"]


def test_what_is_deleted_elsewhere_is_shown_no_longer(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    deploy(flowstead, tmp_path, "going", "blue")
    page = portal.open("/endpoints/going/deployments/blue")
    expect(page.get_by_role("button", name="Edit")).to_be_visible()
    flowstead.run("online-endpoint", "delete", "--name", "going", "--yes")
    portal.expected.append("404")
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)


def test_who_has_no_role_is_told_so_and_not_that_the_server_is_away(browser: Browser, flowstead: Installation) -> None:
    nobody = somebody(flowstead, "without-roles")
    with opened(browser, flowstead, link=nobody.link, size=NARROW) as portal:
        page = portal.open("/connections")
        refusal = page.get_by_role("alert")
        expect(refusal).to_contain_text("Your roles do not allow this.")
        expect(refusal).to_contain_text("flowstead role assignment create")
        expect(page.get_by_text(AWAY)).to_have_count(0)
        assert not scrolls_sideways(page), "the remedy can be read"
        box = refusal.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= NARROW[0]
