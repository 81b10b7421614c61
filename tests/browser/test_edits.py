"""What somebody has entered is not lost silently, and neither is what another has changed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.flow_making import make_from_template
from tests.browser.people import somebody
from tests.browser.portal import Portal, opened
from tests.installation import Installation

ML = "Microsoft.MachineLearningServices/workspaces"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
ROLES_ASKED = {"api-version": "2022-04-01", "$filter": "atScopeAndBelow()"}


@pytest.fixture
def connection(flowstead: Installation) -> str:
    properties = {
        "category": "CustomKeys",
        "authType": "CustomKeys",
        "target": "https://one.example",
        "credentials": {"keys": {"key": "hidden"}},
        "metadata": {"host": "h1"},
    }
    flowstead.api("PUT", "/connections/edited", {"properties": properties})
    return "edited"


def test_an_edit_sends_what_was_edited_alone(portal: Portal, flowstead: Installation, connection: str) -> None:
    page = portal.open(f"/connections/{connection}")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    changed(flowstead, f"/connections/{connection}", {"properties": {"target": "https://two.example"}})
    expect(page.get_by_text("https://two.example").first).to_be_attached()
    form.get_by_label("Value of setting 1").fill("h2")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    now = flowstead.api("GET", f"/connections/{connection}").json()["properties"]
    assert (now["target"], now["metadata"]["host"]) == ("https://two.example", "h2")


def test_a_custom_role_keeps_what_another_has_taken_from_it(portal: Portal, flowstead: Installation) -> None:
    role = make_role(flowstead, "Edited by two")
    page = portal.open("/access?tab=roles")
    page.get_by_role("button", name="Edit the role Edited by two").click()
    dialog = page.get_by_role("dialog")
    secrets = f"{ML}/connections/listsecrets/action"
    properties = {**role["properties"], "permissions": [{**role["properties"]["permissions"][0]}]}
    properties["permissions"][0]["notActions"] = [secrets]
    roles_api(flowstead, "PUT", f"/{role['name']}", {"properties": properties})
    dialog.get_by_label("Description").fill("by me")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    now = roles_api(flowstead, "GET", f"/{role['name']}").json()["properties"]
    assert (now["description"], now["permissions"][0]["notActions"]) == ("by me", [secrets])


def test_what_is_typed_into_a_role_counts(browser: Browser, flowstead: Installation) -> None:
    owner = somebody(flowstead, "owner-of-the-workspace", "Owner", "workspace")
    with opened(browser, flowstead, link=owner.link) as portal:
        portal.expected.append("403")
        page = portal.open("/access?tab=roles")
        page.get_by_role("button", name="Create custom role").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Custom role name").fill("Typed role")
        actions = dialog.get_by_role("combobox", name="Actions", exact=True)
        actions.fill(f"{ML}/connections/*")
        actions.press("Enter")
        expect(dialog.get_by_role("list", name="Chosen actions", exact=True)).to_contain_text("connections/*")
        dialog.get_by_role("combobox", name="Not actions", exact=True).fill("no, action")
        expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
        dialog.get_by_role("combobox", name="Not actions", exact=True).fill(f"{ML}/connections/listsecrets/action")
        dialog.get_by_role("button", name="Create").click()
        expect(dialog).to_have_count(0)
    found = roles_api(flowstead, "GET", "").json()["value"]
    role = next(each for each in found if each["properties"]["roleName"] == "Typed role")
    permission = role["properties"]["permissions"][0]
    assert permission["actions"] == [f"{ML}/connections/*"]
    assert permission["notActions"] == [f"{ML}/connections/listsecrets/action"]


@pytest.mark.parametrize("way", ["escape", "beside"])
def test_what_is_entered_is_not_thrown_away_unasked(portal: Portal, connection: str, way: str) -> None:
    page = portal.open(f"/connections/{connection}")
    edit = page.get_by_role("button", name="Edit")
    edit.click()
    form = page.get_by_role("dialog")
    leave(page, way)
    expect(form).to_have_count(0)
    expect(edit).to_be_focused()
    edit.click()
    form.get_by_label("Value of setting 1").fill("precious")
    leave(page, way)
    expect(form).to_contain_text("What you have entered is not saved.")
    assert portal.accessibility_faults() == []
    form.get_by_role("button", name="Go on").click()
    expect(form.get_by_label("Value of setting 1")).to_have_value("precious")
    leave(page, way)
    form.get_by_role("button", name="Discard it").click()
    expect(form).to_have_count(0)
    expect(edit).to_be_focused()


def test_a_pair_without_a_name_or_with_that_of_another_is_refused(portal: Portal, flowstead: Installation) -> None:
    flowstead.run("online-endpoint", "create", "--name", "paired")
    page = portal.open("/endpoints/paired")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add tag").click()
    dialog.get_by_label("Value of tag 1").fill("orphan")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("The value has no name.")).to_be_visible()
    expect(dialog.get_by_label("Name of tag 1")).to_be_focused()
    dialog.get_by_label("Name of tag 1").fill("team")
    dialog.get_by_role("button", name="Add tag").click()
    dialog.get_by_label("Name of tag 2").fill("team")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("There is another tag of this name.").first).to_be_visible()
    dialog.get_by_role("button", name="Remove tag team").last.click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    assert flowstead.api("GET", "/onlineEndpoints/paired").json()["tags"] == {"team": "orphan"}


def test_an_upload_that_is_cancelled_registers_nothing(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(12_000_000))
    page = portal.open("/data")
    page.get_by_role("button", name="Upload").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("cancelled")
    form.locator("input[data-kind=file]").set_input_files(file)
    page.route("**/LocalUpload/**", lambda route: None)  # it is never through
    with page.expect_request("**/LocalUpload/**"):
        form.get_by_role("button", name="Upload").click()
    with page.expect_event("requestfailed", lambda request: "LocalUpload" in request.url):
        form.get_by_role("button", name="Cancel").click()
    page.unroute("**/LocalUpload/**")
    portal.go("Flows")
    expect(page.get_by_role("heading", level=1, name="Flows")).to_be_visible()
    assert flowstead.api("GET", "/data/cancelled").status_code == 404


def test_the_end_of_a_session_leaves_what_is_entered(browser: Browser, flowstead: Installation) -> None:
    make_from_template(flowstead, "kept-through", "standard")
    person = somebody(flowstead, "signs-in-again", "Owner", "/")
    with opened(browser, flowstead, link=person.link) as portal:
        portal.expected.append("401")
        page = portal.open("/flows/kept-through/deploy")
        name = page.get_by_label("Endpoint name")
        name.fill("typed-before")
        other = page.context.new_page()
        other.goto(f"{flowstead.url}/portal/connections?new=custom")
        drawer = other.get_by_role("dialog")
        drawer.get_by_role("textbox", name="Name", exact=True).fill("typed-too")
        end_sessions(flowstead, person.token())
        for each in (page, other):
            expect(each.get_by_text("Your session has ended.")).to_be_visible()
        page.get_by_label("Or sign in with a token").fill(person.token())
        page.get_by_role("button", name="Sign in").click()
        for each in (page, other):
            expect(each.get_by_text("Your session has ended.")).to_have_count(0)
        expect(name).to_have_value("typed-before")
        expect(drawer.get_by_role("textbox", name="Name", exact=True)).to_have_value("typed-too")
        expect(page.get_by_text("The server does not answer.")).to_have_count(0)


def leave(page: Page, way: str) -> None:
    if way == "escape":
        page.keyboard.press("Escape")
    else:
        page.mouse.click(5, 400)


def changed(site: Installation, path: str, body: dict[str, Any]) -> None:
    answer = site.api("PATCH", path, body)
    assert answer.is_success, answer.text


def make_role(site: Installation, name: str) -> dict[str, Any]:
    permission = {"actions": [f"{ML}/connections/*"], "notActions": [], "dataActions": [], "notDataActions": []}
    properties = {
        "roleName": name,
        "description": "",
        "type": "CustomRole",
        "permissions": [permission],
        "assignableScopes": [SUBSCRIPTION],
    }
    guid = "5b1c5a4e-6b0e-4a57-9d1e-0f1f6b1c5a4e"
    made: dict[str, Any] = roles_api(site, "PUT", f"/{guid}", {"properties": properties}).json()
    return made


def roles_api(site: Installation, method: str, path: str, body: Any = None) -> httpx.Response:
    """One call on the subscription's role definitions."""
    url = f"{site.url}{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions{path}"
    headers = {"Authorization": f"Bearer {site.token()}"}
    answer = httpx.request(method, url, params=ROLES_ASKED, json=body, headers=headers, timeout=30)
    assert answer.is_success, answer.text
    return answer


def end_sessions(site: Installation, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=30) as client:
        for each in client.get("/sessions").raise_for_status().json()["value"]:
            client.delete(f"/sessions/{each['id']}").raise_for_status()
