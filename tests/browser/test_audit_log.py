"""The audit log, principals and identities in the portal; what people call things is only ever text."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.portal import Portal
from tests.installation import Installation

PROBE = "<img src=x onerror=\"document.title='hacked'\">"
SECRET = "audited-secret-4711"  # a mark to search for


def shown(page: Page, change: str, resource: str) -> None:
    """Open the newest change of that name of the resource."""
    row = page.get_by_role("row").filter(has_text=resource).filter(has_text=change).first
    row.get_by_role("button", name=change).click()


@pytest.fixture(scope="module", autouse=True)
def changes(flowstead: Installation) -> None:
    for description in ("first words", "second words"):
        body = {"location": "local", "properties": {"authMode": "Key", "description": description}}
        assert flowstead.api("PUT", "/onlineEndpoints/audited", body).status_code in (200, 201)
        flowstead.run("online-endpoint", "show", "--name", "audited")
    properties = {"category": "ApiKey", "authType": "ApiKey", "target": "-", "credentials": {"key": SECRET}}
    assert flowstead.api("PUT", "/connections/audited", {"properties": properties}).status_code in (200, 201)


def test_p9_a_change_shows_who_what_before_and_after(portal: Portal) -> None:
    page = portal.open("/access?tab=audit")
    page.get_by_label("Resource").fill("onlineEndpoints/audited")
    expect(page.get_by_role("row").filter(has_text="connections")).to_have_count(0)
    shown(page, "Update", "onlineEndpoints/audited")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Update by owner")
    row = dialog.get_by_role("row").filter(has_text="description")
    expect(row.get_by_role("cell").first).to_have_text("first words")
    expect(row.get_by_role("cell").last).to_have_text("second words")
    assert portal.accessibility_faults() == []


def test_p9_changes_are_found_by_person_and_outcome(portal: Portal) -> None:
    page = portal.open("/access?tab=audit")
    page.get_by_label("Person").fill("nobody-at-all")
    expect(page.get_by_text("There is nothing yet.")).to_be_visible()
    page.get_by_label("Person").fill("owner")
    expect(page.get_by_role("row").filter(has_text="owner").first).to_be_visible()
    page.get_by_role("combobox", name="Outcome").click()
    page.get_by_role("option", name="In progress").click()
    expect(page.get_by_role("row").filter(has_text="Succeeded")).to_have_count(0)
    expect(page).to_have_url(f"{portal.site.url}/portal/access?tab=audit&principal=owner&outcome=InProgress")


def test_p9_a_changed_secret_is_named_and_never_shown(portal: Portal) -> None:
    page = portal.open("/access?tab=audit&resource=connections/audited")
    shown(page, "Put secret", "connections/audited")
    expect(page.get_by_role("dialog")).to_contain_text("Put secret by owner")
    assert SECRET not in page.content()


def test_p9_the_log_goes_on_by_itself(portal: Portal) -> None:
    page = portal.open("/access?tab=audit&resource=connections/audited")
    expect(page.get_by_role("row").filter(has_text="Create").first).to_be_visible()
    assert portal.site.api("DELETE", "/connections/audited").status_code == 200
    expect(
        page.get_by_role("row").filter(has_text="Remove").or_(page.get_by_role("row").filter(has_text="Delete")).first
    ).to_be_visible()


def test_m27_an_identity_is_created_bound_and_deleted(portal: Portal) -> None:
    page = portal.open("/access?tab=identities")
    page.get_by_role("button", name="Create identity").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=False).first.fill("made-by-hand")
    dialog.get_by_role("switch", name="Sign in to another cloud with it").check()
    dialog.get_by_label("Tenant id").fill("their-tenant")
    dialog.get_by_label("Client id of the application").fill("their-app")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has_text="made-by-hand")
    expect(row).to_contain_text("their-app")
    assert portal.site.json("identity", "show", "--name", "made-by-hand")["name"] == "made-by-hand"
    row.get_by_role("button", name="Delete the identity made-by-hand").click()
    dialog.get_by_label("Type made-by-hand to confirm").fill("made-by-hand")
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_a_principals_secret_is_shown_once(portal: Portal) -> None:
    page = portal.open("/access?tab=principals")
    page.get_by_role("button", name="Create principal").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("made-for-ci")
    dialog.get_by_role("button", name="Create").click()
    shown_once = page.get_by_role("alertdialog", name="The secret of made-for-ci")
    secret = shown_once.get_by_label("Secret", exact=True)
    expect(secret).to_have_attribute("type", "password")
    shown_once.get_by_role("button", name="Show the secret").click()
    value = secret.input_value()
    assert len(value) > 20
    shown_once.get_by_role("button", name="Done").click()
    expect(shown_once).to_have_count(0)
    stored = page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")
    assert value not in page.content() + stored

    row = page.get_by_role("row").filter(has_text="made-for-ci")
    change(page, "Block")
    expect(row).to_contain_text("Blocked")
    change(page, "Unblock")
    expect(row).not_to_contain_text("Blocked")
    change(page, "Reset secret")
    assert secret.input_value() != value


def change(page: Page, verb: str) -> None:
    page.get_by_role("button", name="What can be done with made-for-ci").click()
    page.get_by_role("menuitem", name=verb, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def test_names_and_descriptions_are_text_and_nothing_else(portal: Portal) -> None:
    site = portal.site
    role = {
        "Name": f"Role {PROBE}",
        "Description": PROBE,
        "Actions": ["Microsoft.MachineLearningServices/workspaces/read"],
        "AssignableScopes": ["workspace"],
    }
    site.run("role", "definition", "create", "--role-definition", json.dumps(role))
    body = {"location": "local", "properties": {"authMode": "Key", "description": PROBE}, "tags": {"t": PROBE}}
    site.api("PUT", "/onlineEndpoints/audited", body)
    page = portal.open("/access?tab=roles")
    page.get_by_role("button", name=f"Role {PROBE}", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text(PROBE, exact=True)).to_be_visible()
    portal.open("/access/add")
    expect(page.get_by_role("radio", name=f"Role {PROBE}")).to_be_visible()
    portal.open("/access?tab=audit&resource=onlineEndpoints/audited")
    shown(page, "Update", "onlineEndpoints/audited")
    expect(page.get_by_role("dialog").get_by_text(PROBE).first).to_be_visible()
    portal.open(f"/access?scope={PROBE.replace(' ', '%20')}")
    assert "hacked" not in page.title()
    assert page.locator("img[src=x]").count() == 0
    portal.expected.append("400")
