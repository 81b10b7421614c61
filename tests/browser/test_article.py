"""The article from its first step to its last, as a newcomer takes them: a home where nothing is yet, a browser, and
nothing else."""

from __future__ import annotations

import subprocess
import time

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.portal import NARROW, WIDE, Portal, opened
from tests.installation import Installation

MAX_CLICKS = 8
MAX_SECONDS = 60.0
ROLE = "Cognitive Services OpenAI User"
"""One that a new endpoint does not have from the beginning."""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "phone"])
def test_from_the_first_step_to_the_last(browser: Browser, own_flowstead: Installation, size: tuple[int, int]) -> None:
    with opened(browser, own_flowstead, size=size) as portal:
        make_a_chat_and_talk_to_it(portal)
        make_a_flow(portal)
        deploy_and_ask(portal)
        read_the_notification(portal)
        use_the_sample(portal)
        grant_a_role(portal)
        delete_the_endpoint(portal)
    assert own_flowstead.instance_pids("counting") == []


def make_a_chat_and_talk_to_it(portal: Portal) -> None:
    """Test the flow before it is deployed; there is no endpoint yet."""
    make_from_template(portal, "Chat flow", "talk")
    page = portal.page
    page.get_by_role("button", name="Chat", exact=True).click()
    page.get_by_role("textbox", name="question").fill("What is a flow?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log", name="Messages")).to_contain_text("What is a flow?", timeout=60_000)
    expect(page.get_by_role("article", name="Answer")).to_be_visible()


def make_a_flow(portal: Portal) -> None:
    make_from_template(portal, "Standard flow", "counting")


def make_from_template(portal: Portal, template: str, name: str) -> None:
    page = portal.open("/flows")
    page.get_by_role("button", name="Create", exact=True).first.click()
    page.get_by_role("tab", name="Template").click()
    page.get_by_role("radio", name=template).check()
    page.get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()


def deploy_and_ask(portal: Portal) -> None:
    """With the defaults: from Deploy to an answer in a few clicks and well under a minute."""
    page, began, clicks = portal.page, time.monotonic(), 0
    steps: list[Locator] = [
        page.get_by_role("link", name="Deploy", exact=True),
        page.get_by_role("button", name="Review + Create"),
        page.get_by_role("button", name="Create", exact=True),
        page.get_by_role("main").get_by_role("link", name="View details"),
        page.get_by_role("tab", name="Test", exact=True),
        page.get_by_role("button", name="Test", exact=True),
    ]
    for step in steps:
        step.click(timeout=45_000)
        clicks += 1
    expect(page.get_by_role("region", name="Result")).to_contain_text("has 6 words.")
    assert clicks <= MAX_CLICKS
    assert time.monotonic() - began < MAX_SECONDS


def read_the_notification(portal: Portal) -> None:
    page = portal.page
    page.get_by_role("button", name="Notifications").click()
    told = page.get_by_role("dialog").get_by_role("listitem").filter(has_text="Prompt flow deployment").first
    for stage in ("Creating an endpoint", "Registering a model", "Creating a deployment"):
        expect(told).to_contain_text(stage)
    told.get_by_role("link", name="View details").click()
    expect(page.get_by_role("heading", level=1, name="blue")).to_be_visible()


def use_the_sample(portal: Portal) -> None:
    """The curl line of the Consume tab, pasted into a shell."""
    page = portal.page
    page.get_by_role("tab", name="Consume", exact=True).click()
    expect(page.get_by_role("textbox", name="REST endpoint")).to_have_value(
        f"{portal.site.url}/endpoints/counting/score"
    )
    page.get_by_role("tab", name="curl", exact=True).click()
    page.get_by_role("switch", name="Fill in the primary key").click()
    page.get_by_role("region", name="Sample code").get_by_role("button", name="Copy").click()
    sample = copied(page)
    done = subprocess.run(["bash", "-c", sample], capture_output=True, text=True, check=False)
    assert '"words":' in done.stdout, done.stdout + done.stderr


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def grant_a_role(portal: Portal) -> None:
    """Access control (IAM) → Add role assignment → role → managed identity → members."""
    page = portal.open("/access")
    page.get_by_role("link", name="Add role assignment").click()
    page.get_by_label("Search by role name or description").fill(ROLE)
    page.get_by_role("radio", name=ROLE).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("radio", name="Managed identity").check()
    page.get_by_role("button", name="Select members").click()
    drawer = page.get_by_role("dialog", name="Select managed identities")
    drawer.get_by_role("combobox", name="Managed identity").click()
    page.get_by_role("option", name="Machine learning online endpoint").click()
    drawer.get_by_label("Search by endpoint name").fill("counting")
    drawer.get_by_role("checkbox", name="counting").check()
    drawer.get_by_role("button", name="Select", exact=True).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Review + assign").click()
    expect(page.get_by_role("row").filter(has_text="counting").filter(has_text=ROLE)).not_to_have_count(0)


def delete_the_endpoint(portal: Portal) -> None:
    page = portal.open("/endpoints/counting")
    page.get_by_role("button", name="Delete", exact=True).click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("Type counting to confirm").fill("counting")
    asked.get_by_role("button", name="Delete", exact=True).click()
    portal.open("/endpoints")
    expect(page.get_by_role("link", name="counting", exact=True)).to_have_count(0, timeout=30_000)
