"""What surrounds every page: navigation, signing in and out, themes, recovery."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.portal import NARROW, WIDE, Portal, opened, scrolls_sideways
from tests.installation import Installation

PAGES = {
    "Overview": "Overview",
    "Flows": "Flows",
    "Models + endpoints": "Models + endpoints",
    "Connections": "Connections",
    "Environments": "Environments",
    "Data": "Data",
    "Access control (IAM)": "Access control (IAM)",
    "Settings": "Settings",
}
"""Label in the navigation → heading of its page."""


def test_the_navigation_leads_to_each_page(portal: Portal) -> None:
    for label, heading in PAGES.items():
        portal.go(label)
        expect(portal.page.get_by_role("heading", level=1, name=heading, exact=True)).to_be_visible()
        current = portal.page.get_by_role("navigation", name="Main").locator("[aria-current=page]")
        expect(current).to_have_text(label)


def test_on_a_phone_the_navigation_is_a_drawer(narrow_portal: Portal) -> None:
    page = narrow_portal.open("/")
    opener = page.get_by_role("button", name="Navigation", exact=True)
    opener.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    page.get_by_role("dialog").get_by_role("link", name="Flows").click()
    expect(page.get_by_role("heading", level=1, name="Flows")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not scrolls_sideways(page), "the page scrolls sideways"


def test_who_wants_no_motion_sees_each_state_at_once(portal: Portal) -> None:
    """A colour that is on its way is that of the state before, until the next frame: too faint on what can be used."""
    page = portal.open("/")
    changing = """[...document.querySelectorAll("*")]
      .filter((each) => getComputedStyle(each).transitionDuration.split(", ").some((time) => parseFloat(time) > 0))
      .map((each) => each.outerHTML.slice(0, 100))"""
    assert page.evaluate(changing) == []


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_toast_covers_nothing_to_select(browser: Browser, flowstead: Installation, size: tuple[int, int]) -> None:
    with opened(browser, flowstead, size=size) as portal:
        page = portal.open("/flows")
        page.route("**/signout", lambda route: route.abort())
        portal.expected.append("ERR_FAILED")
        page.get_by_role("button", name="Signed in as owner").click()
        page.get_by_role("menuitem", name="Sign out").click()
        toast = page.locator(".fui-Toast")
        expect(toast).to_contain_text("Not signed out.")
        assert portal.accessibility_faults() == []
        covered = """(toast) => {
          const box = toast.getBoundingClientRect();
          return [...document.querySelectorAll("#root a, #root button, #root input")]
            .filter((each) => !toast.contains(each) && each.checkVisibility())
            .filter((each) => {
              const {left, right, top, bottom} = each.getBoundingClientRect();
              return left < box.right && right > box.left && top < box.bottom && bottom > box.top;
            }).map((each) => each.outerHTML);
        }"""
        assert toast.evaluate(covered) == []
        box, main = toast.bounding_box(), page.get_by_role("main").bounding_box()
        assert box is not None
        assert main is not None
        assert size == NARROW or box["x"] + box["width"] <= main["x"], "it lies beside the page"
        toast.get_by_role("button", name="Dismiss").click()
        expect(toast).to_have_count(0)


def test_by_tab_one_comes_through_a_toast(portal: Portal) -> None:
    page = portal.open("/flows")
    page.route("**/signout", lambda route: route.abort())
    portal.expected.append("ERR_FAILED")
    page.get_by_role("button", name="Signed in as owner").click()
    page.get_by_role("menuitem", name="Sign out").click()
    dismiss = page.get_by_role("button", name="Dismiss")
    expect(dismiss).to_be_visible()
    dismiss.focus()
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate("Boolean(document.activeElement.closest('.fui-Toast'))")
    dismiss.focus()
    page.keyboard.press("Tab")
    assert not page.evaluate("Boolean(document.activeElement.closest('.fui-Toast'))")


def test_who_comes_to_a_page_goes_on_from_its_title(portal: Portal) -> None:
    page = portal.open("/")
    for label in ("Flows", "Connections"):
        portal.go(label)
        expect(page.get_by_role("heading", level=1, name=label, exact=True)).to_be_focused()
    portal.expected.append("401")
    page.context.clear_cookies()
    page.reload()
    page.get_by_label("Or sign in with a token").fill(portal.site.token())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Connections")).to_be_focused()


def test_what_closes_gives_the_focus_back(portal: Portal) -> None:
    page = portal.open("/flows")
    for opener in (
        page.get_by_role("button", name="Notifications", exact=True),
        page.get_by_role("button", name="Create", exact=True).first,
    ):
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(opener).to_be_focused()


def test_signing_out_leaves_nothing_open(portal: Portal) -> None:
    page = portal.open("/connections")
    portal.expected.append("401")
    page.get_by_role("button", name="Signed in as owner").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You are not signed in.")).to_be_visible()


def test_a_token_signs_in_where_one_is(portal: Portal) -> None:
    page = portal.open("/data")
    portal.expected.append("401")
    page.context.clear_cookies()
    page.reload()
    field = page.get_by_label("Or sign in with a token")
    field.fill("no-token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status")).to_contain_text("The token is not valid")
    expect(page.get_by_role("status")).to_contain_text("Copy all of what flowstead token prints")
    expect(page.get_by_text("Bearer")).to_have_count(0)
    field.fill(portal.site.token())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Data")).to_be_visible()


def test_the_theme_is_remembered(portal: Portal) -> None:
    page = portal.open("/")
    page.get_by_role("button", name="Use the dark theme").click()
    page.reload()
    expect(page.get_by_role("button", name="Use the light theme")).to_be_visible()


def test_the_first_load_is_light(portal: Portal) -> None:
    page = portal.page
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
    page.context.clear_cookies()
    portal.expected.append("401")
    page.goto(f"{portal.site.url}/portal/")
    expect(page.get_by_text("You are not signed in.")).to_be_visible()
    assert 100_000 < sum(sizes) <= 300_000, sizes
