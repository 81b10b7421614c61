"""What somebody with a lesser role sees: what is not his cannot be used and says what it takes; a role that he is given
is of use at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import Person, expect_refused, newcomer, somebody
from tests.browser.portal import Portal, opened
from tests.installation import ECHO, Installation, write_flow

HELD = "held"
"""Of a connection, an endpoint, a flow, a model, a data asset and an environment."""
OF_A_READER = {
    "/": {"Deploy a flow": "deployments/write"},
    "/flows": {"Create": "flows/write"},
    f"/flows/{HELD}": {
        "Save": "flows/write",
        "Deploy": "deployments/write",
        "Add a file": "flows/write",
        "Upload files": "flows/write",
    },
    "/endpoints": {"Deploy a flow": "deployments/write"},
    f"/endpoints/{HELD}": {
        "Edit": "onlineEndpoints/write",
        "Delete": "onlineEndpoints/delete",
        "Regenerate primary key": "regenerateKeys/action",
    },
    "/connections": {"New connection": "connections/write"},
    f"/connections/{HELD}": {
        "Edit": "connections/write",
        "Rotate secret": "connections/write",
        "Delete": "connections/delete",
    },
    "/environments": {"New environment": "environments/versions/write"},
    f"/environments/{HELD}": {
        "New version": "environments/versions/write",
        "Archive": "environments/write",
        "Delete": "environments/delete",
        "Archive version 1": "environments/versions/write",
        "Delete version 1": "environments/versions/delete",
    },
    "/data": {"Upload": "data/versions/write"},
    f"/data/{HELD}": {"New version": "data/versions/write", "Archive": "data/write", "Delete": "data/delete"},
    "/access": {
        "Add role assignment": "roleAssignments/write",
        "Delete the role Reader of roles-reader": "roleAssignments/delete",
    },
    "/access?tab=roles": {"Create custom role": "roleDefinitions/write"},
    "/settings?tab=keys": {"Rotate issuer key": "issuerKeys/write", "Rotate master key": "masterKey/write"},
    "/settings?tab=clean-up": {"Look what can be removed": "garbageCollection/action"},
}
"""Page → what a Reader of the workspace may not use there, and what it takes."""


@pytest.fixture(scope="module", autouse=True)
def held(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("held")
    properties = {"category": "ApiKey", "authType": "ApiKey", "target": "-", "credentials": {"key": "k"}}
    flowstead.api("PUT", f"/connections/{HELD}", {"properties": properties})
    built = {
        "image": "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest",
        "condaFile": "dependencies: [{pip: [six]}]",
    }
    flowstead.api("PUT", f"/environments/{HELD}/versions/1", {"properties": built}).raise_for_status()
    (folder / "rows.jsonl").write_text("{}\n")
    flowstead.run("data", "create", "--name", HELD, "--version", "1", "--path", str(folder / "rows.jsonl"))
    flowstead.run("flow", "push", str(write_flow(folder / HELD, ECHO)))
    flowstead.run("online-endpoint", "create", "--name", HELD)


@pytest.fixture(scope="module")
def reader(flowstead: Installation) -> Person:
    return somebody(flowstead, "roles-reader", "Reader", "workspace")


@pytest.fixture(scope="module")
def contributor(flowstead: Installation) -> Person:
    return somebody(flowstead, "roles-contributor", "Contributor", "workspace")


def control(page: Page, name: str) -> Locator:
    """A button, or a link that looks like one."""
    return (
        page.get_by_role("main")
        .locator("button, a.fui-Button")
        .and_(page.get_by_role("button", name=name, exact=True).or_(page.get_by_role("link", name=name, exact=True)))
    )


def test_what_a_reader_may_not_use_says_what_it_takes(
    browser: Browser, flowstead: Installation, reader: Person
) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        for path, refused in OF_A_READER.items():
            page = portal.open(path)
            for name, action in refused.items():
                expect_refused(control(page, name), action)
        page.get_by_role("button", name="Look what can be removed").focus()
        expect(page.get_by_role("tooltip").filter(has_text="garbageCollection/action")).to_be_visible()
        assert portal.accessibility_faults() == []


def test_what_is_in_menus_is_refused_too(browser: Browser, flowstead: Installation, reader: Person) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        page = portal.open("/flows")
        page.get_by_role("button", name=f"Actions on {HELD}").click()
        for name, action in {
            "Delete": "flows/delete",
            "Duplicate": "flows/write",
            "Deploy": "deployments/write",
        }.items():
            expect_refused(page.get_by_role("menuitem", name=name), action)
        expect(page.get_by_role("menuitem", name="Open")).to_be_enabled()
        assert portal.accessibility_faults() == []


def test_a_readers_editor_takes_no_text(browser: Browser, flowstead: Installation, reader: Person) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        page = portal.open(f"/flows/{HELD}")
        editor = page.get_by_role("textbox", name="flow.dag.yaml")
        expect(editor).to_have_attribute("contenteditable", "false")


def test_a_contributor_may_all_of_that_but_grant_roles(
    browser: Browser, flowstead: Installation, contributor: Person
) -> None:
    not_his = {"/access", "/access?tab=roles", "/settings?tab=keys"}
    with opened(browser, flowstead, link=contributor.link) as portal:
        for path in OF_A_READER.keys() - not_his:
            page = portal.open(path)
            for name in OF_A_READER[path].keys() - {"Save"}:  # there is nothing to be saved
                expect(control(page, name)).to_be_enabled()
        page = portal.open("/access")
        expect_refused(control(page, "Add role assignment"), "roleAssignments/write")
        expect_refused(control(page, "Delete the role Contributor of roles-contributor"), "roleAssignments/delete")
        portal.open(f"/environments/{HELD}")
        control(page, "Archive").click()
        expect(control(page, "Restore")).to_be_visible()
        control(page, "Restore").click()
        expect(control(page, "Archive")).to_be_visible()


def test_names_that_may_not_be_seen_are_not_called_unknown(
    browser: Browser, flowstead: Installation, reader: Person
) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        page = portal.open("/access")
        owner = page.get_by_role("row").filter(has_text="Owner").first
        expect(owner).to_contain_text("Your roles do not show names")
        expect(page.get_by_text("Not known here")).to_have_count(0)


def test_a_role_that_is_given_in_a_second_browser_is_of_use_at_once_until_it_is_taken(
    browser: Browser, flowstead: Installation, portal: Portal
) -> None:
    person = somebody(flowstead, "roles-newcomer", "Reader", "workspace")
    with opened(browser, flowstead, link=person.link) as theirs:
        page = theirs.open(f"/connections/{HELD}")
        edit = control(page, "Edit")
        expect_refused(edit, "connections/write")
        given = portal.open(f"/access/add?scope=connection:{HELD}&role=Contributor&member={person.object_id}")
        given.get_by_role("button", name="Review + assign").click()
        expect(edit).to_be_enabled()
        edit.click()
        page.get_by_role("button", name="Cancel").click()
        given.get_by_role("button", name="Delete the role Contributor of roles-newcomer").click()
        given.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect_refused(edit, "connections/write")


def test_what_was_refused_is_shown_once_the_role_is_there(browser: Browser, flowstead: Installation) -> None:
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as portal:
        page = portal.open("/settings?tab=keys")
        name = page.get_by_role("alert").inner_text().split(" (object id", 1)[0].split()[-1]
        expect(page.get_by_role("alert")).to_contain_text("issuerKeys/read")
        grant = ("--role", "Reader", "--assignee", name, "--scope", "subscription")
        flowstead.run("role", "assignment", "create", *grant)
        expect(page.get_by_text("Signs since")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_role_on_one_endpoint_is_of_use_on_it(browser: Browser, flowstead: Installation) -> None:
    scope = str(flowstead.api("GET", f"/onlineEndpoints/{HELD}").json()["id"])
    person = somebody(flowstead, "roles-of-one", "Contributor", scope)
    with opened(browser, flowstead, link=person.link) as portal:
        page = portal.open(f"/endpoints/{HELD}")
        expect(control(page, "Edit")).to_be_enabled()
        control(page, "Show primary key").click()
        expect(control(page, "Hide primary key")).to_be_visible()
        expect(page.get_by_role("region", name="Deployments")).to_contain_text("may not perform")
