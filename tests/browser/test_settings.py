"""Settings: the server's facts, sessions, keys, quota, clean-up, themes."""

from __future__ import annotations

import ast
import ssl

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import Person, expect_refused, somebody
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import WORKSPACE, Installation

TABS = ("Project", "Sessions", "Keys", "Quota", "Clean up", "Appearance")


@pytest.fixture(scope="module")
def reader(flowstead: Installation) -> Person:
    return somebody(flowstead, "settings-reader", "Reader", "workspace")


def test_the_project_tells_how_programs_find_it(portal: Portal) -> None:
    page = portal.open("/settings")
    expect(page.get_by_role("region", name="Project")).to_contain_text(WORKSPACE)
    expect(page.get_by_role("region", name="Project")).to_contain_text("0.1.0")
    page.get_by_role("button", name="Copy the code").click()
    code = page.evaluate("navigator.clipboard.readText()")
    ast.parse(code)
    assert f'authority="{portal.site.url}"' in code
    with page.expect_download() as download:
        page.get_by_role("link", name="Download ca.pem").click()
    authority = ssl.create_default_context(cafile=str(download.value.path()))
    assert httpx.get(f"{portal.site.tls_url}/health", verify=authority).status_code == 200


def test_another_browser_is_signed_in_by_a_link_and_ended(browser: Browser, portal: Portal) -> None:
    page = portal.open("/settings?tab=sessions")
    rows = page.get_by_role("table", name="My sessions").get_by_role("row")
    expect(rows.filter(has_text="(this one)")).to_have_count(1)
    page.get_by_role("button", name="Make a sign-in link").click()
    link = page.get_by_label("Sign-in link", exact=True).input_value()
    before = rows.count()
    with opened(browser, portal.site, link=lambda: link) as other:
        other.expected.append("401")
        expect(rows).to_have_count(before + 1)
        rows.nth(1).get_by_role("button", name="End session").click()
        page.get_by_role("dialog").get_by_role("button", name="End session").click()
        expect(rows).to_have_count(before)
        other.page.get_by_role("navigation", name="Main").get_by_role("link", name="Data", exact=True).click()
        expect(other.page.get_by_text("Your session has ended.")).to_be_visible()
    page.get_by_role("tab", name="Keys").click()
    assert "code=" not in page.content(), "the link outlives its page"


def test_the_keys_are_rotated_and_the_server_goes_on(portal: Portal) -> None:
    page = portal.open("/settings?tab=keys")
    issuer, master = (page.get_by_role("region", name=name) for name in ("Issuer keys", "Master key"))
    expect(issuer).not_to_contain_text("Verifies still")
    issuer.get_by_role("button", name="Rotate issuer key").click()
    assert portal.accessibility_faults() == []
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(issuer).to_contain_text("Verifies still")
    expect(master).to_contain_text("Never")
    master.get_by_role("button", name="Rotate master key").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(master).not_to_contain_text("Never")


def test_a_reader_is_refused_what_he_may_not(browser: Browser, flowstead: Installation, reader: Person) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        page = portal.open("/settings?tab=keys")
        expect(page.get_by_role("alert")).to_contain_text("may not perform Microsoft.Authorization/issuerKeys/read")
        expect_refused(page.get_by_role("button", name="Rotate master key"), "masterKey/write")
        page.get_by_role("tab", name="Clean up").click()
        expect_refused(page.get_by_role("button", name="Look what can be removed"), "garbageCollection/action")


def test_the_quota_follows_what_is_deployed(portal: Portal) -> None:
    page = portal.open("/settings?tab=quota")
    row = page.get_by_role("table", name="Usage").get_by_role("row").filter(has_text="upgrade reserve")
    expect(row).to_contain_text("500")
    sizes = page.get_by_role("table", name="Virtual machine sizes")
    expect(sizes.get_by_role("row").filter(has_text="Standard_DS1_v2")).to_contain_text("3.5 GiB")


def test_a_clean_up_looks_before_it_removes(portal: Portal) -> None:
    page = portal.open("/settings?tab=clean-up")
    page.get_by_role("button", name="Look what can be removed").click()
    expect(page.get_by_role("status").filter(has_text="remove").or_(page.get_by_text("thing")).first).to_be_visible()


def test_a_theme_is_chosen_and_left_to_the_system_again(portal: Portal) -> None:
    page = portal.open("/settings?tab=appearance")
    page.get_by_role("radio", name="Dark").check()
    expect(page.get_by_role("button", name="Use the light theme")).to_be_visible()
    page.reload()
    page.get_by_role("radio", name="As the system has it").check()
    expect(page.get_by_role("button", name="Use the dark theme")).to_be_visible()


def test_on_a_phone_every_tab_is_whole(narrow_portal: Portal) -> None:
    page = narrow_portal.open("/settings")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page), tab
        assert narrow_portal.accessibility_faults() == [], tab
