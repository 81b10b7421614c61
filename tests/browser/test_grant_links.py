"""From a refusal for want of a role to the grant, and on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.flow_making import make_flow
from tests.browser.portal import NARROW, Portal, opened, scrolls_sideways
from tests.browser.wizard import FLOW, code, put_connection
from tests.installation import Installation

SECRETS_READER = "Azure Machine Learning Workspace Connection Secrets Reader"
NAME = "unlocked"
"""Of the flow and of its endpoint."""
PAGE = f"/endpoints/{NAME}/deployments/blue"
DEPLOY = ("deploy", "--flow", NAME, "-e", NAME, "--no-enforce-access")


@pytest.fixture(scope="module", autouse=True)
def refused(browser: Browser, flowstead: Installation) -> Iterator[None]:
    """A deployment whose endpoint may not read its connection's secrets."""
    put_connection(flowstead, "wizard_one", "one")
    make_flow(flowstead, NAME, {"flow.dag.yaml": FLOW, "say.py": code("at last")})
    with opened(browser, flowstead) as portal:
        page = portal.open("/")
        assert flowstead.run(*DEPLOY, check=False).returncode != 0
        _the_toast_leads_to_the_deployment(page)
    yield
    flowstead.run("online-endpoint", "delete", "--name", NAME, "--yes", check=False)


def _the_toast_leads_to_the_deployment(page: Page) -> None:
    """Here, since a toast goes by itself: whoever looks for it must be there when the deployment ends."""
    toast = page.locator(".fui-Toast").filter(has_text=f"{NAME}/blue")
    expect(toast).to_contain_text("failed")
    toast.get_by_role("link", name="View details").click()
    expect(page).to_have_url(re.compile(f"{PAGE}$"))


def identity_of(site: Installation) -> str:
    return str(site.api("GET", f"/onlineEndpoints/{NAME}").json()["identity"]["principalId"])


def asked(link: Locator) -> dict[str, list[str]]:
    """What the link fills in."""
    return parse_qs(urlsplit(str(link.get_attribute("href"))).query)


def test_the_notification_leads_to_the_grant(portal: Portal, flowstead: Installation) -> None:
    page = portal.open("/")
    page.get_by_role("button", name=re.compile("^Notifications")).click()
    drawer = page.get_by_role("dialog")
    told = drawer.get_by_role("listitem").filter(has_text=f"{NAME}/blue").filter(has_text="AccessDenied").first
    expect(told.locator("pre")).to_contain_text("flowstead role assignment create --role")
    assert portal.accessibility_faults() == []
    link = told.get_by_role("link", name="Add role assignment")
    assert asked(link)["member"] == [identity_of(flowstead)]
    link.click()
    expect(drawer).to_have_count(0)
    expect(page.get_by_role("heading", level=1, name="Add role assignment")).to_be_visible()


def test_what_an_address_names_that_is_not_there_is_told_as_text(portal: Portal) -> None:
    page = portal.open("/access/add?scope=registry&role=<img src=x>&member=<b>nobody</b>")
    expect(page.get_by_text("There is no role <img src=x> to be granted here.")).to_be_visible()
    expect(page.get_by_text("Nobody here is just <b>nobody</b>")).to_be_visible()
    expect(page.get_by_role("tab", name="Role")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    assert portal.accessibility_faults() == []


def test_on_a_phone_the_failure_fits_and_is_accessible(narrow_portal: Portal) -> None:
    page = narrow_portal.open(PAGE)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Add role assignment")).to_be_visible()
    assert page.viewport_size == {"width": NARROW[0], "height": NARROW[1]}
    assert not scrolls_sideways(page)
    assert narrow_portal.accessibility_faults() == []


def test_m30_after_the_grant_a_retry_succeeds_and_all_of_it_in_the_portal(
    portal: Portal, flowstead: Installation
) -> None:
    before = _settings(flowstead)
    page = portal.open(PAGE)
    failed = page.get_by_role("main").locator(".fui-MessageBar").filter(has_text="The last change failed.")
    command = failed.locator("pre").inner_text()
    failed.get_by_role("button", name="Copy the grant command").click()
    assert page.evaluate("navigator.clipboard.readText()") == command
    link = failed.get_by_role("link", name="Add role assignment")
    assert asked(link)["role"] == [SECRETS_READER]
    link.click()
    main = page.get_by_role("main")
    expect(page.get_by_role("tab", name="Review + assign")).to_have_attribute("aria-selected", "true")
    for text in (SECRETS_READER, "Project (workspace) default", NAME, identity_of(flowstead)):
        expect(main).to_contain_text(text)
    page.get_by_role("tab", name="Role").click()
    expect(page.get_by_role("radio", name=re.compile(SECRETS_READER))).to_be_checked()
    page.get_by_role("tab", name="Members").click()
    expect(page.get_by_role("radio", name="Managed identity")).to_be_checked()
    expect(page.get_by_role("table", name="Members")).to_contain_text(NAME)
    page.get_by_role("tab", name="Review + assign").click()
    page.get_by_role("button", name="Review + assign").click()
    expect(page.get_by_role("heading", level=1, name="Access control (IAM)")).to_be_visible()
    portal.open(PAGE)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Settings")).to_contain_text("Succeeded")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(failed).to_have_count(0)
    assert _settings(flowstead) == before


def _settings(site: Installation) -> dict[str, Any]:
    """What was asked for, without what has come of it."""
    found = site.api("GET", PAGE.replace("/endpoints/", "/onlineEndpoints/")).json()
    come = {"provisioningState", "provisioningError", "conditions"}
    properties = {name: value for name, value in found["properties"].items() if name not in come}
    return {"properties": properties, "sku": found["sku"], "tags": found.get("tags")}
