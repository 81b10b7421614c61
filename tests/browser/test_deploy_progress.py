"""Create in the deploy wizard: what is sent, what is made of it, how its progress is told."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from flowstead.cli.running import run
from flowstead.client import Session
from tests.browser.flow_making import make_flow
from tests.browser.portal import NARROW, Portal, opened, scrolls_sideways
from tests.browser.wizard import (
    FLOW,
    Sent,
    choose,
    code,
    create,
    go_on,
    heading,
    open_wizard,
    put_connection,
    review,
)
from tests.installation import WORKSPACE, Installation

STAGES = ("Creating an endpoint", "Registering a model", "Creating a deployment")
SECRETS_READER = "Azure Machine Learning Workspace Connection Secrets Reader"
FLOW_NAME = "made"
"""Also the name of the endpoint that it gets by default."""


@pytest.fixture(scope="module")
def site(flowstead: Installation) -> Installation:
    make_flow(flowstead, FLOW_NAME, {"flow.dag.yaml": FLOW, "say.py": code("first")})
    put_connection(flowstead, "wizard_one", "one")
    put_connection(flowstead, "wizard_two", "two")
    return flowstead


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Installation) -> Iterator[Portal]:
    with opened(browser, site) as portal:
        yield portal


@pytest.fixture(scope="module")
def by_default(signed_in: Portal) -> Sent:
    """What was sent for a deployment with nothing but defaults, the endpoint's first."""
    page = open_wizard(signed_in, FLOW_NAME)
    sent = Sent.by(page)
    review(page)
    create(page)
    return sent


@pytest.fixture(scope="module")
def by_choice(signed_in: Portal) -> str:
    """The endpoint of a deployment for which all has been chosen that can be."""
    page = open_wizard(signed_in, FLOW_NAME, endpoint="chosen")
    page.get_by_label("Inference data collection").click()
    choose(page, "Virtual machine", "Standard_F2s_v2")
    go_on(page)
    page.get_by_label("Azure Machine Learning token-based authentication").click()
    _add(page, "tag", "of", "endpoint")
    go_on(page)
    _add(page, "tag", "team", "search")
    page.get_by_label("Custom environment").click()
    choose(page, "Custom environment", "flowstead-runtime")
    page.get_by_label("Request time-out").fill("30")
    go_on(page)
    page.get_by_label("asked (string)").click()
    choose(page, "wizard_one", "wizard_two")
    review(page)
    create(page)
    return "chosen"


def _add(page: Page, noun: str, name: str, value: str) -> None:
    page.get_by_role("button", name=f"Add {noun}").click()
    page.get_by_label(f"Name of {noun} 1").fill(name)
    page.get_by_label(f"Value of {noun} 1").fill(value)


def test_m2_m8_the_bodies_are_those_of_the_command_line(
    site: Installation, by_default: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, Any]] = []
    send = Session.request

    def recorded(session: Session, method: str, path: str, **options: Any) -> Any:
        if method == "PUT":
            sent.append((path.partition(WORKSPACE)[2], options["body"]))
        return send(session, method, path, **options)

    monkeypatch.setattr(Session, "request", recorded)
    assert run(["deploy", "--flow", FLOW_NAME, "-e", "made-here", "--home", str(site.home)]) == 0
    monkeypatch.undo()
    assert len(by_default.puts) == 4
    for (path, body), (cli_path, cli_body) in zip(by_default.puts[:3], sent[:3], strict=True):
        here = json.dumps([cli_path, cli_body], sort_keys=True).replace("made-here", FLOW_NAME)
        expected = json.dumps([path, body], sort_keys=True)
        # The same files again are the model's next version.
        assert here.replace("versions/2", "versions/1") == expected.replace(
            "flows/made/versions/2", "flows/made/versions/1"
        )
    (path, traffic), (cli_path, cli_traffic) = by_default.puts[3], sent[3]
    assert (path, cli_path) == (f"/onlineEndpoints/{FLOW_NAME}", "/onlineEndpoints/made-here")
    assert traffic["properties"]["traffic"] == cli_traffic["properties"]["traffic"] == {"blue": 100}
    assert sorted(traffic["properties"]) == sorted(cli_traffic["properties"])
    assert set(traffic) == set(cli_traffic) - {"etag"}, "what GET shows; its ETag the browser sends as If-Match"


def test_m24_m26_m28_an_endpoint_by_default_has_keys_an_identity_and_access_to_secrets(
    site: Installation, by_default: Sent
) -> None:
    assert by_default.puts
    keys = site.keys(FLOW_NAME)
    for key in keys.values():
        answer = site.score(FLOW_NAME, {"text": "hi"}, key)
        assert answer.json() == {"said": "first hi by one", "asked": "hi"}
    endpoint = site.api("GET", f"/onlineEndpoints/{FLOW_NAME}").json()
    assert endpoint["identity"]["type"] == "SystemAssigned"
    assert endpoint["identity"]["principalId"]
    assert endpoint["properties"]["traffic"] == {"blue": 100}
    roles = site.json("role", "assignment", "list", "--assignee", FLOW_NAME, "--scope", "workspace")
    assert SECRETS_READER in {each["roleDefinitionName"] for each in roles}


def test_m39_m40_m47_the_notification_tells_the_stages_and_leads_to_the_deployment(
    site: Installation, signed_in: Portal, by_default: Sent
) -> None:
    assert by_default.puts
    page = signed_in.open("/")
    page.get_by_role("button", name="Notifications").click()
    told = (
        page.get_by_role("dialog").get_by_role("listitem").filter(has_text=f"Prompt flow deployment {FLOW_NAME}/blue")
    )
    expect(told.first).to_contain_text("Succeeded")
    stages = told.first.get_by_role("list", name="Stages").get_by_role("listitem")
    expect(stages).to_have_count(3)
    for stage, name in zip(stages.all(), STAGES, strict=True):
        expect(stage).to_contain_text(name)
        expect(stage).to_contain_text("Succeeded")
    told.first.get_by_role("link", name="View details").click()
    expect(page).to_have_url(f"{site.url}/portal/endpoints/{FLOW_NAME}/deployments/blue")
    expect(page.get_by_role("heading", level=1, name="blue")).to_be_focused()
    page.goto(f"{site.url}/portal/flows/{FLOW_NAME}/deploy?page=progress&endpoint={FLOW_NAME}&deployment=blue")
    expect(page.get_by_role("heading", name=f"Prompt flow deployment {FLOW_NAME}/blue")).to_be_visible()
    assert signed_in.accessibility_faults() == []
    page.get_by_role("main").get_by_role("link", name="View details").click()
    expect(page).to_have_url(f"{site.url}/portal/endpoints/{FLOW_NAME}/deployments/blue")
    # By Models + endpoints one comes to the same page.
    signed_in.go("Models + endpoints")
    page.locator(f"main a[href='/portal/endpoints/{FLOW_NAME}/deployments/blue']").first.click()
    expect(page.get_by_role("heading", level=1, name="blue")).to_be_visible()


def test_one_deployment_is_one_notification(site: Installation, signed_in: Portal, by_default: Sent) -> None:
    """Its endpoint's creation and its first traffic are stages of it."""
    assert by_default.puts
    page = signed_in.open("/")
    page.get_by_role("button", name="Notifications").click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text(f"Prompt flow deployment {FLOW_NAME}/blue", exact=True)).to_have_count(1)
    for verb in ("Creating", "Updating"):
        expect(drawer.get_by_text(f"{verb} the endpoint {FLOW_NAME}", exact=True)).to_have_count(0)


def test_m17_overwriting_is_warned_of_and_fails_no_request(
    site: Installation, signed_in: Portal, by_default: Sent
) -> None:
    assert by_default.puts
    make_flow(site, FLOW_NAME, {"flow.dag.yaml": FLOW, "say.py": code("second")})
    page = open_wizard(signed_in, FLOW_NAME)
    # The endpoint of the flow's name is there: it is deployed to again.
    expect(page.get_by_label("Existing", exact=True)).to_be_checked()
    warning = page.get_by_text(f"The deployment blue of the endpoint {FLOW_NAME} exists and will be overwritten")
    expect(warning).to_be_visible()
    page.get_by_label("Deployment name").fill("green")
    expect(warning).to_have_count(0)
    page.get_by_label("Deployment name").fill("Blue")
    review(page)
    expect(warning).to_be_visible()
    page.get_by_role("button", name="Change Deployment name").click()
    page.get_by_label("Deployment name").fill("blue")
    review(page)
    rows = page.get_by_role("list", name="What will happen").get_by_role("listitem")
    expect(rows.filter(has_text=f"Deployment {FLOW_NAME}/blue")).to_contain_text("will be overwritten")
    with _load(site, FLOW_NAME) as answers:
        create(page)
    assert {status for status, _ in answers} == {200}
    words = [word for _, word in answers]
    assert (words[0], words[-1]) == ("first", "second")
    assert words == sorted(words), "once the new answers come, no old one comes any more"


class _load:
    """Requests one after the other until the end, and a last one after it: their statuses and first words."""

    def __init__(self, site: Installation, endpoint: str) -> None:
        self._site, self._endpoint, self._key = site, endpoint, site.keys(endpoint)["primaryKey"]
        self._answers: list[tuple[int, str]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> list[tuple[int, str]]:
        self._ask()
        self._thread.start()
        return self._answers

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._ask()

    def _run(self) -> None:
        while not self._ending.wait(0.02):
            self._ask()

    def _ask(self) -> None:
        answer = self._site.score(self._endpoint, {"text": "x"}, self._key)
        self._answers.append((answer.status_code, str(answer.json().get("said", "")).partition(" ")[0]))


def test_m21_m22_m23_what_was_chosen_for_the_deployment(site: Installation, by_choice: str) -> None:
    shown = site.api("GET", f"/onlineEndpoints/{by_choice}/deployments/blue").json()
    properties = shown["properties"]
    assert shown["tags"] == {"team": "search"}
    assert "/environments/flowstead-runtime/versions/" in properties["environmentId"]
    assert properties["instanceType"] == "Standard_F2s_v2"
    assert properties["requestSettings"]["requestTimeout"] == "PT30S"
    collections = properties["dataCollector"]["collections"]
    assert {name for name, each in collections.items() if each["dataCollectionMode"].lower() == "enabled"} == {
        "model_inputs", "model_outputs",
    }  # fmt: skip
    assert site.api("GET", f"/onlineEndpoints/{by_choice}").json()["tags"] == {"of": "endpoint"}


def test_m25_m35_m36_a_token_opens_it_and_the_answer_is_as_chosen(site: Installation, by_choice: str) -> None:
    token = site.api("POST", f"/onlineEndpoints/{by_choice}/token").json()["accessToken"]
    answer = site.score(by_choice, {"text": "hi"}, token).json()
    assert set(answer) == {"said"}
    assert answer["said"].endswith("hi by two")


def test_m27_m31_an_identity_of_ones_own_is_told_what_it_lacks_until_it_has_it(
    site: Installation, signed_in: Portal
) -> None:
    page = open_wizard(signed_in, FLOW_NAME, endpoint="owned")
    go_on(page)
    enforce = page.get_by_label("Enforce access to connection secrets (preview)")
    expect(enforce).to_be_checked()
    page.get_by_label("User assigned").click()
    expect(enforce).to_have_count(0)
    go_on(page)
    expect(page.get_by_text("Select an identity, or create one.")).to_be_visible()
    page.get_by_role("button", name="Create an identity").click()
    page.get_by_label("Identity name").fill("wizard-own")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    commands = page.get_by_role("main").locator("pre")
    expect(commands).to_contain_text("AcrPull")
    to_run = commands.inner_text().splitlines()
    assert len(to_run) == 3
    review(page)
    expect(page.get_by_text("AccessDenied")).to_be_visible()
    # The review asks again by itself when something changes.
    said = page.get_by_role("main").locator("pre")
    expect(said).to_have_count(3)
    assert sorted(said.all_inner_texts()) == sorted(to_run)
    expect(page.get_by_role("link", name="Add role assignment")).to_have_count(3)
    for left in (2, 1, 0):
        command = said.first.inner_text()
        assert command in to_run
        site.run(*shlex.split(command)[1:])
        expect(said).to_have_count(left)
    expect(page.get_by_text("AccessDenied")).to_have_count(0)
    create(page)
    identity = site.api("GET", "/onlineEndpoints/owned").json()["identity"]
    assert identity["type"] == "UserAssigned"
    assert [each.rpartition("/")[2] for each in identity["userAssignedIdentities"]] == ["wizard-own"]


def test_m28_without_enforcement_the_deployment_can_be_created_and_waits_for_the_grant(
    site: Installation, signed_in: Portal
) -> None:
    page = open_wizard(signed_in, FLOW_NAME, endpoint="unenforced")
    go_on(page)
    page.get_by_label("Enforce access to connection secrets (preview)").click()
    review(page)
    expect(page.get_by_text("AccessDenied")).to_be_visible()
    go_on(page, "Create")
    failed = page.get_by_role("main").get_by_role("alert")
    expect(failed).to_contain_text("Access denied to list workspace secret 'wizard_one'")
    stages = page.get_by_role("main").get_by_role("list", name="Stages").get_by_role("listitem")
    expect(stages.filter(has_text="Failed")).to_contain_text("Creating a deployment")
    expect(stages.filter(has_text="Succeeded")).to_have_count(2)
    assert signed_in.accessibility_faults() == []
    # In a tab of its own: what was entered here stays.
    with page.expect_popup() as opening:
        failed.get_by_role("link", name="Add role assignment").click()
    granting = opening.value
    expect(granting.get_by_role("list", name="Members")).to_contain_text("unenforced")
    granting.get_by_role("button", name="Review + assign").click()
    expect(granting.get_by_role("heading", level=1, name="Access control (IAM)")).to_be_visible()
    granting.close()
    page.get_by_role("button", name="Back to the settings").click()
    expect(page.get_by_text("unenforced (existing)")).to_be_visible()
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_enabled()
    create(page)


def test_a_failure_half_way_says_what_exists_and_can_be_gone_on_from(site: Installation, signed_in: Portal) -> None:
    page = open_wizard(signed_in, FLOW_NAME, endpoint="halfway")
    review(page)
    refusal = {"error": {"code": "OutOfQuota", "message": "Somebody was quicker.\nAsk for fewer instances."}}

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=409, json=refusal)
        else:
            route.continue_()

    page.route("**/deployments/blue?*", refuse)
    go_on(page, "Create")
    # The button that had the focus is gone: a screen reader goes on with what has begun.
    expect(page.get_by_role("heading", name="Prompt flow deployment halfway/blue")).to_be_focused()
    failed = page.get_by_role("main").get_by_role("alert")
    expect(failed).to_contain_text("Somebody was quicker. Ask for fewer instances.")
    expect(failed).to_contain_text("What exists now: the endpoint halfway and the model made, version")
    stages = page.get_by_role("main").get_by_role("list", name="Stages").get_by_role("listitem")
    expect(stages.filter(has_text="Succeeded")).to_have_count(2)
    expect(stages.filter(has_text="Failed")).to_contain_text("Creating a deployment")
    page.get_by_role("button", name="Notifications").click()
    told = page.get_by_role("dialog").get_by_role("listitem").filter(has_text="Prompt flow deployment halfway/blue")
    expect(told).to_contain_text("Somebody was quicker.")
    page.get_by_role("button", name="Close notifications").click()
    signed_in.complaints = [each for each in signed_in.complaints if "409" not in each]
    page.unroute("**/deployments/blue?*")
    page.get_by_role("button", name="Back to the settings").click()
    expect(page.get_by_text("halfway (existing)")).to_be_visible()
    create(page)
    assert site.api("GET", "/onlineEndpoints/halfway").json()["properties"]["traffic"] == {"blue": 100}


def test_a_registered_model_is_deployed_by_the_same_pages(
    site: Installation, signed_in: Portal, by_default: Sent
) -> None:
    assert by_default.puts
    page = signed_in.open(f"/deploy?model={FLOW_NAME}:1&endpoint={FLOW_NAME}")
    expect(page.get_by_label("Existing", exact=True)).to_be_checked()
    page.get_by_label("Deployment name").fill("again")
    review(page)
    rows = page.get_by_role("list", name="What will happen").get_by_role("listitem")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"Deployment {FLOW_NAME}/again")
    create(page)
    shown = site.api("GET", f"/onlineEndpoints/{FLOW_NAME}").json()["properties"]["traffic"]
    assert shown == {"blue": 100}, "a second deployment gets no traffic by itself"


def test_m6_from_deploy_on_a_flow_to_an_answer_takes_eight_clicks_at_most(
    site: Installation, signed_in: Portal
) -> None:
    make_flow(site, "quick", {"flow.dag.yaml": FLOW, "say.py": code("quick")})
    page = signed_in.open("/flows/quick")
    ways = (
        page.get_by_role("link", name="Deploy", exact=True),
        page.get_by_role("button", name="Review + Create"),
        page.get_by_role("button", name="Create", exact=True),
        page.get_by_role("main").get_by_role("link", name="Test", exact=True),
        page.get_by_role("button", name="Test", exact=True),
    )
    assert len(ways) <= 8
    for way in ways:
        way.click(timeout=60_000)
    expect(page.get_by_text("quick hello by one").first).to_be_visible()


def test_on_a_phone_the_short_way_leads_to_a_deployment(browser: Browser, site: Installation) -> None:
    with opened(browser, site, size=NARROW) as portal:
        page = open_wizard(portal, FLOW_NAME, endpoint="pocket")
        review(page)
        create(page)
        assert portal.accessibility_faults() == []
        expect(heading(page, "Prompt flow deployment pocket/blue")).to_be_visible()
        assert not scrolls_sideways(page), "the page scrolls sideways"
