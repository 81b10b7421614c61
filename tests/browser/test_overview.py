"""The overview: what is going on, and the first steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.portal import opened, scrolls_sideways
from tests.installation import ECHO, Installation, write_flow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One of its own, that nothing is in."""
    installation = Installation(tmp_path_factory.mktemp("overview") / "h")
    installation.up()
    yield installation
    installation.down()


def test_from_an_empty_project_to_the_first_answer(browser: Browser, site: Installation, tmp_path: Path) -> None:
    with opened(browser, site) as portal:
        page = portal.open("/")
        steps = page.get_by_role("region", name="First steps")
        expect(steps.get_by_role("listitem")).to_have_count(4)
        expect(steps.get_by_label("Done")).to_have_count(0)
        counts = page.get_by_role("region", name="Counts")
        expect(counts).to_contain_text("0 of 500 cores")
        assert portal.accessibility_faults() == []

        flow = write_flow(tmp_path / "hello", ECHO)
        site.run("flow", "push", str(flow))
        expect(steps.get_by_label("Done")).to_have_count(1)
        site.run("deploy", str(flow), "--endpoint", "first-steps", "--deployment", "blue")
        expect(counts).to_contain_text("1 of 1 ready")
        expect(counts).to_contain_text("8 of 500 cores")
        expect(steps.get_by_label("Done")).to_have_count(3)
        changes = page.get_by_role("region", name="Latest changes")
        expect(changes).to_contain_text("onlineEndpoints/first-steps/deployments/blue")
        expect(page.get_by_role("region", name="Operations")).to_contain_text("first-steps/blue")

        assert site.score("first-steps", {"text": "x"}, site.keys("first-steps")["primaryKey"]).status_code == 200
        steps.get_by_role("link", name="Consume it").click()
        expect(page).to_have_url(f"{site.url}/portal/endpoints/first-steps/deployments/blue?tab=consume")


def test_the_registry_and_the_storage_lead_to_their_access_control(browser: Browser, site: Installation) -> None:
    with opened(browser, site) as portal:
        page = portal.page
        for scope, label in (("registry", "container registry"), ("storage", "storage account")):
            portal.open("/")
            page.get_by_role("link", name=f"Access control of the {label}").click()
            expect(page).to_have_url(f"{site.url}/portal/access?scope={scope}")
            expect(page.get_by_role("link", name="Add role assignment")).to_be_visible()


def test_what_failed_is_told_with_a_way_to_it(browser: Browser, site: Installation, tmp_path: Path) -> None:
    site.run("identity", "create", "--name", "powerless")
    endpoint = tmp_path / "endpoint.yml"
    assigned = "  type: user_assigned\n  user_assigned_identities:\n  - resource_id: powerless\n"
    endpoint.write_text(f"name: fails\nidentity:\n{assigned}")
    site.run("online-endpoint", "create", "--file", str(endpoint))
    flow = write_flow(tmp_path / "flow", ECHO)
    done = site.run("deploy", str(flow), "--endpoint", "fails", "--deployment", "blue", check=False)
    assert done.returncode == 1
    with opened(browser, site) as portal:
        page = portal.open("/")
        trouble = page.get_by_role("group").filter(has_text="fails/blue")
        expect(trouble).to_contain_text("Failed")
        expect(page.get_by_role("region", name="Counts")).to_contain_text("Failed")
        assert portal.accessibility_faults() == []
        trouble.get_by_role("link", name="View details").click()
        expect(page).to_have_url(f"{site.url}/portal/endpoints/fails/deployments/blue")


def test_on_a_phone_it_is_whole(browser: Browser, site: Installation) -> None:
    with opened(browser, site, size=(390, 844)) as portal:
        portal.open("/")
        expect(portal.page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(portal.page)
