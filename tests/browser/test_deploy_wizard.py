"""The deploy wizard's pages and its review, before anything is created."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.flow_making import make_flow
from tests.browser.portal import NARROW, WIDE, Portal, opened, scrolls_sideways
from tests.browser.wizard import (
    FLOW,
    PAGES,
    Sent,
    choose,
    code,
    go_on,
    heading,
    open_wizard,
    put_connection,
    review,
    reviewed,
)
from tests.installation import Installation

PROBE = '<img src=x onerror="window.hit = 1">'


@pytest.fixture(scope="module")
def flow(flowstead: Installation) -> str:
    make_flow(flowstead, "wizard-pages", {"flow.dag.yaml": FLOW, "say.py": code("one")})
    put_connection(flowstead, "wizard_one", "one")
    put_connection(flowstead, "wizard_two", "two")
    return "wizard-pages"


@pytest.fixture(scope="module")
def signed_in(browser: Browser, flowstead: Installation) -> Iterator[Portal]:
    with opened(browser, flowstead) as portal:
        # A page that has something entered asks before it is left.
        portal.page.on("dialog", lambda dialog: dialog.accept())
        yield portal


@pytest.fixture
def wizard(signed_in: Portal) -> Iterator[Portal]:
    """One browser for all tests, each of which answers for what it makes the browser complain of."""
    yield signed_in
    signed_in.page.goto("about:blank")
    complaints, signed_in.complaints = signed_in.complaints, []
    assert complaints == []


def test_the_defaults_are_sensible(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    expect(page.get_by_label("Endpoint name")).to_have_value("wizard-pages")
    expect(page.get_by_label("Deployment name")).to_have_value("blue")
    expect(page.get_by_role("combobox", name="Virtual machine")).to_have_text("Standard_F4s_v2")
    expect(page.get_by_label("Instance count")).to_have_value("1")
    expect(page.get_by_label("Inference data collection")).not_to_be_checked()


def test_m7_both_ways_end_in_the_same_review_and_the_same_bodies(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    sent = Sent.by(page)
    review(page)
    short = page.get_by_role("main").locator("dl").all_inner_texts()
    open_wizard(wizard, flow)
    for title in PAGES[1:]:
        go_on(page)
        expect(heading(page, title)).to_be_focused()
    expect(page.get_by_role("button", name="Next", exact=True)).to_have_count(0)
    review(page)
    assert page.get_by_role("main").locator("dl").all_inner_texts() == short
    assert sent.plans[0] == sent.plans[-1]
    assert [each["id"] for each in sent.plans[0]["resources"]] == [
        "onlineEndpoints/wizard-pages",
        "models/wizard-pages/versions/1",
        "onlineEndpoints/wizard-pages/deployments/blue",
        "onlineEndpoints/wizard-pages",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Enter a name for the endpoint."),
        ("my endpoint", "letters, digits and dashes only"),
        ("1st", "begins with a letter"),
        ("end-", "ends with a letter or digit"),
        ("ab", "at least 3 characters"),
        ("portal", "reserved"),
    ],
)
def test_m15_a_bad_endpoint_name_blocks_the_way_and_is_said_at_the_field(
    wizard: Portal, flow: str, name: str, said: str
) -> None:
    page = open_wizard(wizard, flow)
    field = page.get_by_label("Endpoint name")
    field.fill(name)
    for button in ("Next", "Review + Create"):
        go_on(page, button)
        expect(heading(page, PAGES[0])).to_be_visible()
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("alert").get_by_text(said)).to_be_visible()


def test_m15_existing_lists_the_endpoints_also_those_that_come_meanwhile(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    page.get_by_label("Endpoint name").fill("wizard-late")
    body = {"properties": {"authMode": "Key"}}
    assert wizard.site.api("PUT", "/onlineEndpoints/wizard-late", body).status_code == 201
    expect(page.get_by_text("There is an endpoint wizard-late.")).to_be_visible()
    page.get_by_label("Existing", exact=True).click()
    go_on(page)
    expect(page.get_by_text("Select an endpoint.")).to_be_visible()
    choose(page, "Existing endpoint", "wizard-late")
    go_on(page)
    expect(page.get_by_text("The endpoint wizard-late exists, and a deployment does not change")).to_be_visible()
    review(page)
    expect(reviewed(page, "Endpoint").first).to_have_text("wizard-late (existing)")
    rows = page.get_by_role("list", name="What will happen").get_by_role("listitem")
    expect(rows.first).to_contain_text("Model wizard-pages, version 1")
    page.goto("about:blank")
    wizard.site.run("online-endpoint", "delete", "--name", "wizard-late", "--yes")


def test_m18_sizes_tell_cores_memory_and_the_quota_that_is_left(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    page.get_by_role("combobox", name="Virtual machine").click()
    option = page.get_by_role("option", name="Standard_NC4as_T4_v3")
    expect(option).to_contain_text("4 cores, 28 GiB memory, 1 GPU; quota for")
    option.click()
    expect(page.get_by_text("4 cores, 28 GiB memory, 1 GPU.")).to_be_visible()
    expect(page.get_by_text("of 500 cores of the quota are left.")).to_be_visible()


def test_m19_less_than_three_instances_are_advised_against(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    advice = page.get_by_text("For high availability, set the value to at least 3.")
    expect(advice).to_be_visible()
    page.get_by_label("Instance count").fill("3")
    expect(advice).to_have_count(0)
    expect(page.get_by_text("3 instances + 20 % for upgrades = 4 × 4 cores = 16 cores.")).to_be_visible()


def test_m20_more_than_the_quota_with_the_reserve_is_refused_with_the_sum(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    choose(page, "Virtual machine", "Standard_D96as_v4")
    count = page.get_by_label("Instance count")
    count.fill("5")
    expect(page.get_by_text("5 instances + 20 % for upgrades = 6 × 96 cores = 576 cores, and")).to_be_visible()
    go_on(page, "Review + Create")
    expect(heading(page, PAGES[0])).to_be_visible()
    expect(count).to_be_focused()
    count.fill("1")
    review(page)
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_enabled()


def test_m23_m24_m25_m35_m36_what_can_be_chosen(wizard: Portal, flow: str) -> None:
    """Everything is shown in the review, and sent."""
    page = open_wizard(wizard, flow, endpoint="wizard-never")
    sent = Sent.by(page)
    page.get_by_label("Inference data collection").click()
    go_on(page)
    expect(page.get_by_label("Enforce access to connection secrets (preview)")).to_be_checked()
    expect(page.get_by_label("Key-based authentication")).to_be_checked()
    page.get_by_label("Microsoft Entra token-based authentication").click()
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Name of tag 1").fill("probe")
    page.get_by_label("Value of tag 1").fill(PROBE)
    go_on(page)
    page.get_by_label("Custom environment").click()
    go_on(page)
    expect(page.get_by_text("Select an environment and a version, or use the flow's own.")).to_be_visible()
    choose(page, "Custom environment", "flowstead-runtime")
    page.get_by_role("button", name="Add environment variable").click()
    page.get_by_label("Name of environment variable 1").fill("SOME_SECRET")
    page.get_by_label("Value of environment variable 1").fill("not-to-be-seen")
    page.get_by_label("Request time-out").fill("30")
    page.get_by_label("Queue length per instance").fill("1001")
    page.get_by_label("Requests per second").fill("25")
    go_on(page)
    expect(page.get_by_text("Enter a whole number from 0 to 1,000.")).to_be_visible()
    page.get_by_label("Queue length per instance").fill("0")
    go_on(page)
    for output in ("said", "asked"):
        expect(page.get_by_label(f"{output} (string)")).to_be_checked()
    page.get_by_label("said (string)").click()
    page.get_by_label("asked (string)").click()
    go_on(page, "Review + Create")
    expect(page.get_by_text("Select at least one output.")).to_be_visible()
    page.get_by_label("said (string)").click()
    choose(page, "wizard_one", "wizard_two")
    review(page)
    for label, shown in {
        "Inference data collection": "On: inputs and outputs are kept in data assets",
        "Authentication type": "Microsoft Entra token-based authentication",
        "Endpoint tags": f"probe = {PROBE}",
        "Environment variables": "SOME_SECRET = ••••••••",
        "Request time-out": "30 s",
        "Queue length per instance": "None waits",
        "Requests per second": "25",
        "Outputs in the response": "said",
        "Connections": "wizard_one → wizard_two",
    }.items():
        expect(reviewed(page, label)).to_have_text(shown)
    expect(reviewed(page, "Environment").first).to_contain_text("flowstead-runtime, version ")
    assert wizard.accessibility_faults() == []
    assert page.evaluate("window.hit") is None
    endpoint, _, deployment, _ = (each["body"] for each in sent.plans[-1]["resources"])
    assert (endpoint["properties"]["authMode"], endpoint["tags"]) == ("AADToken", {"probe": PROBE})
    properties = deployment["properties"]
    assert properties["environmentVariables"] == {
        "SOME_SECRET": "not-to-be-seen",
        "PROMPTFLOW_RESPONSE_INCLUDED_FIELDS": '["said"]',
        "wizard_one": "wizard_two",
    }
    settings = properties["requestSettings"]
    assert (settings["requestTimeout"], settings["queueLength"], settings["requestsPerSecond"]) == ("PT30S", 0, 25)
    assert "/environments/flowstead-runtime/versions/" in properties["environmentId"]


def test_m36_a_missing_connection_is_said_with_a_way_to_make_it(wizard: Portal) -> None:
    files = {"flow.dag.yaml": FLOW.replace("wizard_one", "wizard_gone"), "say.py": code("one")}
    make_flow(wizard.site, "wizard-missing", files)
    page = open_wizard(wizard, "wizard-missing")
    review(page)
    expect(page.get_by_text("A connection is missing: wizard_gone. The deployment would fail.")).to_be_visible()
    put_connection(wizard.site, "wizard_gone", "here")
    expect(page.get_by_text("A connection is missing")).to_have_count(0)


def test_m37_each_value_has_a_way_back_to_it(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow, endpoint="wizard-back")
    review(page)
    labels = [each.inner_text() for each in page.get_by_role("main").locator("dt").all()]
    assert len(labels) == 19
    for label, field in {
        "Instance count": page.get_by_label("Instance count"),
        "Authentication type": page.get_by_label("Key-based authentication"),
        "Request time-out": page.get_by_label("Request time-out"),
        "Connections": page.get_by_role("heading", level=3, name="Connections"),
    }.items():
        page.get_by_role("button", name=f"Change {label}", exact=True).click()
        expect(field).to_be_focused()
        review(page)
    expect(reviewed(page, "Endpoint").first).to_have_text("wizard-back (new)")


def test_what_is_entered_survives_going_back_and_forth(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow, endpoint="wizard-kept")
    go_on(page)
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Name of tag 1").fill("team")
    go_on(page)
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Endpoint name")).to_have_value("wizard-kept")
    page.go_forward()
    expect(page.get_by_label("Name of tag 1")).to_have_value("team")
    go_on(page, "Back")
    expect(page.get_by_label("Endpoint name")).to_have_value("wizard-kept")


def test_leaving_with_something_entered_asks(wizard: Portal, flow: str) -> None:
    page = open_wizard(wizard, flow)
    go_on(page, "Cancel")
    expect(page).to_have_url(f"{wizard.site.url}/portal/flows/{flow}")
    open_wizard(wizard, flow, endpoint="wizard-left")
    wizard.go("Data")
    expect(page.get_by_role("alertdialog", name="Leave without deploying?")).to_be_visible()
    assert wizard.accessibility_faults() == []
    page.get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Endpoint name")).to_have_value("wizard-left")
    wizard.go("Data")
    page.get_by_role("button", name="Leave", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Data")).to_be_visible()


def test_m29_without_the_right_to_secrets_the_review_refuses_and_says_the_grant(
    browser: Browser, flowstead: Installation, flow: str, tmp_path: Path
) -> None:
    role = {
        "Name": "Wizard without secrets",
        "Actions": ["Microsoft.MachineLearningServices/workspaces/*"],
        "NotActions": ["Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"],
        "AssignableScopes": ["workspace"],
    }
    flowstead.run("role", "definition", "create", "--role-definition", json.dumps(role))
    grant = ("--role", role["Name"], "--scope", "workspace")
    made = flowstead.json("principal", "create", "--name", "wizard-eve", *map(str, grant))
    eve = replace(flowstead, home=tmp_path / "eve")
    options = ("--tenant", made["tenantId"], "--client-id", made["clientId"], "--client-secret", made["clientSecret"])
    eve.run("login", flowstead.url, *options)
    with opened(browser, eve) as portal:
        portal.expected.append("403")
        page = open_wizard(portal, flow, endpoint="wizard-eve")
        review(page)
        expect(page.get_by_text("AuthorizationFailed")).to_be_visible()
        expect(page.get_by_text("flowstead role assignment create --role").first).to_be_visible()
        expect(page.get_by_role("button", name="Copy the grant command").first).to_be_visible()
        expect(page.get_by_role("button", name="Create", exact=True)).to_be_disabled()
        # A role that is lost between the review and Create.
        page.route("**/plan?*", _accept)
        page.get_by_role("button", name="Check again").first.click()
        go_on(page, "Create")
        expect(page.get_by_role("main").get_by_text("Nothing has been created.")).to_be_visible()
        stages = page.get_by_role("main").get_by_role("list", name="Stages")
        expect(stages.get_by_role("listitem")).to_have_count(3)
        portal.check()
    assert flowstead.api("GET", "/onlineEndpoints/wizard-eve").status_code == 404
    assert flowstead.api("GET", f"/models/{flow}").status_code == 404


def _accept(route: Route) -> None:
    quota = {"limit": 500, "taken": 0, "takenAfter": 8, "left": 492, "unit": "cores"}
    route.fulfill(json={"accepted": True, "resources": [], "quota": quota})


def test_a_flow_with_mistakes_is_not_deployed(wizard: Portal) -> None:
    broken = f"inputs: {{}}\noutputs: {{}}\nnodes:\n- name: {json.dumps(PROBE)}\n  type: python\n"
    make_flow(wizard.site, "wizard-broken", {"flow.dag.yaml": broken})
    page = wizard.open("/flows/wizard-broken/deploy")
    expect(page.get_by_role("heading", name="The flow has mistakes")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Open the flow")).to_be_visible()
    assert page.evaluate("window.hit") is None


def test_a_flow_that_is_changed_meanwhile_is_deployed_as_it_was_until_one_says_so(wizard: Portal) -> None:
    files = {"flow.dag.yaml": FLOW, "say.py": code("one")}
    make_flow(wizard.site, "wizard-moving", files)
    page = open_wizard(wizard, "wizard-moving")
    sent = Sent.by(page)
    review(page)
    make_flow(wizard.site, "wizard-moving", {**files, "say.py": code("two")})
    page.get_by_role("button", name="Deploy version 2").click()
    expect(page.get_by_role("button", name="Deploy version 2")).to_have_count(0)
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_enabled()
    uris = [each["resources"][1]["body"]["properties"]["modelUri"] for each in sent.plans]
    assert uris[0].endswith("/versions/1")
    assert uris[-1].endswith("/versions/2")


def test_a_flow_that_is_not_there_is_said(wizard: Portal) -> None:
    page = wizard.open("/flows/wizard-nowhere/deploy")
    expect(page.get_by_text("This is not here.")).to_be_visible()
    wizard.complaints = [each for each in wizard.complaints if "404" not in each]


def test_names_of_a_flow_are_text(wizard: Portal) -> None:
    hostile = FLOW.replace("  asked:", f"  {json.dumps(PROBE)}:")
    make_flow(wizard.site, "wizard-hostile", {"flow.dag.yaml": hostile, "say.py": code("one")})
    page = open_wizard(wizard, "wizard-hostile")
    page.get_by_role("button", name="Outputs & Connections", exact=True).click()
    expect(page.get_by_text(PROBE)).to_be_visible()
    page.get_by_label("said (string)").click()
    review(page)
    expect(reviewed(page, "Outputs in the response")).to_have_text(PROBE)
    assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_way_on_is_in_sight_and_covers_no_field_that_is_filled_in(
    browser: Browser, flowstead: Installation, flow: str, size: tuple[int, int]
) -> None:
    with opened(browser, flowstead, size=size) as portal:
        page = open_wizard(portal, flow)
        for button in ("Review + Create", "Cancel"):
            expect(page.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)
        go_on(page)
        go_on(page)
        expect(heading(page, PAGES[2])).to_be_focused()
        expect(page.get_by_role("button", name="Back", exact=True)).to_be_in_viewport(ratio=1)
        assert _covered_while_tabbing(page) == []


def _covered_while_tabbing(page: Page) -> list[str]:
    """What has the focus and lies below the buttons, from the page's title to the last of them."""
    where = """() => {
      const one = document.activeElement, {bottom} = one.getBoundingClientRect();
      const foot = [...document.querySelectorAll("main button")].find((each) => each.textContent === "Back");
      const covered = !foot.parentElement.contains(one) && bottom > foot.parentElement.getBoundingClientRect().top;
      return [one.textContent, covered ? one.outerHTML : ""];
    }"""
    found = []
    for _ in range(60):
        page.keyboard.press("Tab")
        text, covered = page.evaluate(where)
        if covered:
            found.append(covered)
        if text == "Cancel":
            return found
    raise AssertionError("the last button is not come to")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_all_pages_fit_and_are_accessible(
    browser: Browser, flowstead: Installation, flow: str, scheme: str
) -> None:
    with opened(browser, flowstead, size=NARROW, scheme=scheme) as portal:
        page = open_wizard(portal, flow, endpoint="x")
        page.get_by_label("Instance count").fill("0")
        _check_fits(portal)
        page.get_by_label("Endpoint name").fill("wizard-phone")
        page.get_by_label("Instance count").fill("1")
        go_on(page)
        page.get_by_label("User assigned").click()
        page.get_by_role("button", name="Create an identity").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        _check_fits(portal)
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_label("System assigned").click()
        for title in PAGES[2:]:
            _check_fits(portal)
            go_on(page)
            expect(heading(page, title)).to_be_visible()
        _check_fits(portal)
        review(page)
        _check_fits(portal)


def _check_fits(portal: Portal) -> None:
    assert portal.accessibility_faults() == []
    assert not scrolls_sideways(portal.page), "the page scrolls sideways"
