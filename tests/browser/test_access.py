"""Access control (IAM): the article's steps to grant a role, at each scope, and what a grant does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import Person, expect_refused, somebody
from tests.browser.portal import READABLE_PX, Portal, narrowest_cell, opened, scrolls_sideways
from tests.installation import ECHO, Installation, write_flow

SECRETS_READER = "Azure Machine Learning Workspace Connection Secrets Reader"
METRICS_WRITER = "AzureML Metrics Writer (preview)"
USER_ASSIGNED = "User-assigned managed identity"
ENDPOINT = "Machine learning online endpoint"
SCOPES = {
    "resource-group": "Resource group flowstead",
    "workspace": "Project (workspace) default",
    "registry": "Container registry flowstead",
    "storage": "Storage account flowstead",
}


@pytest.fixture(scope="module", autouse=True)
def identities(flowstead: Installation) -> None:
    """Each test grants on what is its own."""
    for name in ("iam-readers", "iam-pullers", "iam-agent", "iam-custom", "iam-watched"):
        flowstead.run("identity", "create", "--name", name)
    flowstead.run("online-endpoint", "create", "--name", "iam-own")


@pytest.fixture(scope="module")
def contributor(flowstead: Installation) -> Person:
    return somebody(flowstead, "iam-contributor", "Contributor", "resource-group")


@pytest.fixture(scope="module")
def reader(flowstead: Installation) -> Person:
    return somebody(flowstead, "iam-rita", "Reader", "resource-group")


@pytest.fixture
def page(portal: Portal) -> Iterator[Page]:
    yield portal.open("/access")


def add_role_assignment(page: Page, role: str, kind: str, name: str) -> None:
    """The article's steps, from the page of the scope to the review."""
    page.get_by_role("link", name="Add role assignment").click()
    page.get_by_label("Search by role name or description").fill(role)
    page.get_by_role("radio", name=role).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("radio", name="Managed identity").check()
    page.get_by_role("button", name="Select members").click()
    drawer = page.get_by_role("dialog", name="Select managed identities")
    drawer.get_by_role("combobox", name="Managed identity").click()
    page.get_by_role("option", name=kind).click()
    search = "Search by endpoint name" if kind == ENDPOINT else "Search by identity name"
    drawer.get_by_label(search).fill(name)
    expect(drawer.get_by_role("checkbox")).to_have_count(1)
    drawer.get_by_role("checkbox", name=name).check()
    drawer.get_by_role("button", name="Select", exact=True).click()
    page.get_by_role("button", name="Next").click()


def row_of(page: Page, name: str) -> Locator:
    """Of the person or identity of just that name."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def assign(page: Page) -> None:
    page.get_by_role("button", name="Review + assign").click()
    expect(page.get_by_role("heading", level=1, name="Access control (IAM)")).to_be_visible()


def grants_of(site: Installation, name: str) -> set[tuple[str, str]]:
    """Role and the last name of the scope."""
    found = site.json("role", "assignment", "list", "--assignee", name)
    return {(each["roleDefinitionName"], each["scope"].rpartition("/")[2]) for each in found}


@pytest.mark.parametrize(("kind", "name"), [(USER_ASSIGNED, "iam-readers"), (ENDPOINT, "iam-own")])
def test_m44_a_role_is_granted_to_an_identity_by_the_articles_steps(portal: Portal, kind: str, name: str) -> None:
    page = portal.open("/access")
    add_role_assignment(page, SECRETS_READER, kind, name)
    expect(page.get_by_role("list", name="Members")).to_contain_text(name)
    assert portal.accessibility_faults() == []
    assign(page)
    row = row_of(page, name).filter(has_text=SECRETS_READER)
    expect(row).to_contain_text("This resource")
    assert (SECRETS_READER, "default") in grants_of(portal.site, name)


@pytest.mark.parametrize(("scope", "role"), [("registry", "AcrPull"), ("storage", "Storage Blob Data Reader")])
def test_m45_registry_and_storage_grant_to_a_user_assigned_identity(portal: Portal, scope: str, role: str) -> None:
    page = portal.open("/access")
    page.get_by_role("combobox", name="Scope").click()
    page.get_by_role("option", name=SCOPES[scope]).click()
    expect(page.get_by_text(f"Who may do what on: {SCOPES[scope]}.")).to_be_visible()
    add_role_assignment(page, role, USER_ASSIGNED, "iam-pullers")
    assign(page)
    expect(row_of(page, "iam-pullers")).to_contain_text("This resource")
    assert (role, "flowstead") in grants_of(portal.site, "iam-pullers")


def test_m46_the_metrics_writer_is_granted_at_the_workspace(page: Page, flowstead: Installation) -> None:
    add_role_assignment(page, METRICS_WRITER, USER_ASSIGNED, "iam-pullers")
    assign(page)
    assert (METRICS_WRITER, "default") in grants_of(flowstead, "iam-pullers")


@pytest.mark.parametrize("scope", [*SCOPES, "endpoint:iam-own"])
def test_each_scope_has_its_address(portal: Portal, scope: str) -> None:
    page = portal.open(f"/access?scope={scope}")
    expect(page.get_by_role("combobox", name="Scope")).to_have_value(SCOPES.get(scope, "Endpoint iam-own"))
    expect(row_of(page, "owner").first).to_contain_text("Inherited")


def test_m42_who_is_no_owner_is_told_so_in_the_servers_words(
    browser: Browser, flowstead: Installation, contributor: Person
) -> None:
    with opened(browser, flowstead, link=contributor.link) as portal:
        page = portal.open(f"/access/add?role={SECRETS_READER}&member={contributor.object_id}")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("may not perform Microsoft.Authorization/roleAssignments/write")
        expect(alert).to_contain_text("Ask an owner to grant a role")
        expect_refused(page.get_by_role("button", name="Review + assign"), "roleAssignments/write")
        assert portal.accessibility_faults() == []
    assert grants_of(flowstead, "iam-watched") == set()


def test_a_person_is_found_by_name_and_checked_before(portal: Portal, reader: Person) -> None:
    page = portal.open("/access/add?scope=connection:none-yet")
    page.get_by_role("combobox", name="Scope").click()
    page.get_by_role("option", name=SCOPES["storage"]).click()
    page.get_by_role("radio", name="Storage Blob Data Reader").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Select members").click()
    page.get_by_label("Search by name or object id").fill(reader.name)
    page.get_by_role("checkbox", name=reader.name).check()
    page.get_by_role("button", name="Select", exact=True).click()
    expect(page.get_by_role("button", name="Select members")).to_be_focused()
    for other in ("resource-group", "storage"):  # loses nothing that was chosen
        page.get_by_role("combobox", name="Scope").click()
        page.get_by_role("option", name=SCOPES[other]).click()
        expect(page.get_by_text(f"On: {SCOPES[other]}.")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Selected role: Storage Blob Data Reader")
        expect(page.get_by_role("table", name="Members")).to_contain_text(reader.name)
    page.get_by_role("button", name="Next").click()
    assign(page)
    page.get_by_role("tab", name="Check access").click()
    page.get_by_role("combobox", name="Who").click()
    page.get_by_role("combobox", name="Who").fill(reader.name)
    page.get_by_role("option", name=reader.name).click()
    expect(page.get_by_role("region", name="Roles that hold here")).to_contain_text("Storage Blob Data Reader")
    page.get_by_label("Filter actions").fill("blobs/read")
    expect(page.get_by_role("row").filter(has_text="containers/blobs/read")).to_contain_text("Yes")


def test_m32_a_custom_role_of_one_action_is_enough(portal: Portal, tmp_path: Path) -> None:
    """And what failed for want of the grant succeeds when it is tried again (M30, M31)."""
    site = portal.site
    action = "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"
    page = portal.open("/access?tab=roles")
    page.get_by_role("button", name="Create custom role").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Custom role name").fill("IAM secrets only")
    dialog.get_by_role("combobox", name="Actions", exact=True).click()
    dialog.get_by_role("combobox", name="Actions", exact=True).fill("connections/listsecrets")
    page.get_by_role("option", name=action).click()
    expect(dialog.get_by_role("list", name="Chosen actions", exact=True)).to_contain_text(action)
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_have_count(0)

    flow = deployment_of(site, tmp_path, "iam-custom")
    for scope, role in (("registry", "AcrPull"), ("storage", "Storage Blob Data Reader")):
        site.run("role", "assignment", "create", "--role", role, "--assignee", "iam-custom", "--scope", scope)
    refused = site.run(*flow, check=False)
    assert refused.returncode == 1
    assert "Access denied to list workspace secret" in refused.stdout + refused.stderr

    portal.open("/access")
    add_role_assignment(page, "IAM secrets only", USER_ASSIGNED, "iam-custom")
    assign(page)
    site.run(*flow)
    assert site.score("iam-custom", {"text": "x"}, site.keys("iam-custom")["primaryKey"]).status_code == 200
    site.run("online-endpoint", "delete", "--name", "iam-custom", "--yes")


def deployment_of(site: Installation, folder: Path, identity: str) -> tuple[str, ...]:
    """A deployment that reads a secret, on an endpoint of that identity and of its name: the command that makes it."""
    properties = {"category": "ApiKey", "authType": "ApiKey", "target": "-", "credentials": {"key": "k"}}
    site.api("PUT", "/connections/iam-guarded", {"properties": properties})
    endpoint = folder / "endpoint.yml"
    assigned = f"type: user_assigned\n  user_assigned_identities:\n  - resource_id: {identity}\n"
    endpoint.write_text(f"name: {identity}\nidentity:\n  {assigned}")
    site.run("online-endpoint", "create", "--file", str(endpoint))
    secret = "KEY=${{azureml://connections/iam-guarded/credentials/key}}"
    return ("deploy", str(write_flow(folder / "flow", ECHO)), "--endpoint", identity, "--env", secret)


def test_a_second_browser_sees_a_grant_and_its_end(browser: Browser, portal: Portal) -> None:
    page = portal.open("/access?scope=resource-group")
    expect(row_of(page, "owner")).to_be_visible()
    row = row_of(page, "iam-agent")
    with opened(browser, portal.site) as other:
        theirs = other.open("/access?scope=resource-group")
        add_role_assignment(theirs, "AcrPull", USER_ASSIGNED, "iam-agent")
        assign(theirs)
        expect(row).to_contain_text("AcrPull")
        theirs.get_by_role("button", name="Delete the role AcrPull of iam-agent").click()
        theirs.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(row_of(theirs, "iam-agent")).to_have_count(0)
        expect(row).to_have_count(0)
    assert grants_of(portal.site, "iam-agent") == set()


def test_grants_above_and_below_the_scope_are_told_apart(portal: Portal) -> None:
    page = portal.open("/access?scope=resource-group")
    expect(row_of(page, "owner")).to_contain_text("Inherited")
    below = row_of(page, "iam-own").filter(has_text="AcrPull")
    expect(below).to_have_count(0)
    page.get_by_role("switch", name="Also below this scope").check()
    expect(below).to_contain_text("Container registry flowstead")
    page.get_by_label("Filter role assignments").fill("iam-own")
    expect(page.get_by_role("row").filter(has_text="Everything")).to_have_count(0)


def test_a_reader_sees_who_may_what_and_changes_nothing(
    browser: Browser, flowstead: Installation, reader: Person
) -> None:
    with opened(browser, flowstead, link=reader.link) as portal:
        page = portal.open("/access?scope=resource-group")
        expect(row_of(page, "iam-rita")).to_contain_text("Reader")
        page.get_by_role("tab", name="Principals").click()
        expect(page.get_by_role("alert")).to_contain_text("may not perform Microsoft.Authorization/principals/read")
        page.get_by_role("tab", name="Identities").click()
        expect_refused(
            page.get_by_role("button", name="Delete the identity iam-watched"), "userAssignedIdentities/delete"
        )
        assert reader.secret not in page.content()


def test_who_gives_up_his_own_role_is_told_so_and_sees_no_more(browser: Browser, flowstead: Installation) -> None:
    owner = somebody(flowstead, "iam-leaving", "Owner", "workspace")
    with opened(browser, flowstead, link=owner.link) as portal:
        portal.expected.append("403")
        page = portal.open("/access")
        page.get_by_role("button", name="Delete the role Owner of iam-leaving").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("You lose your own role Owner")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("main").get_by_role("alert").first).to_contain_text("Your roles do not allow this.")
        expect(page.get_by_role("row")).to_have_count(0)


def test_on_a_phone_a_role_is_granted_too(narrow_portal: Portal) -> None:
    page = narrow_portal.open("/access?scope=storage")
    assert not scrolls_sideways(page), "the page scrolls sideways"
    add_role_assignment(page, "Storage Blob Data Reader", USER_ASSIGNED, "iam-readers")
    assert not scrolls_sideways(page), "the page scrolls sideways"
    assert narrow_portal.accessibility_faults() == []
    assign(page)
    expect(row_of(page, "iam-readers")).to_be_visible()
    narrow_portal.open("/access?scope=storage")
    expect(row_of(page, "iam-readers")).to_contain_text("Storage Blob Data Reader")
    assert narrowest_cell(page) >= READABLE_PX
