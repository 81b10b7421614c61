"""Models + endpoints with many of them: every interaction is answered by the next paint within 200 ms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from flowstead.resources.clock import SystemClock
from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus
from flowstead.resources.endpoint import PRIMARY_KEY, SECONDARY_KEY, EndpointSpec, EndpointStatus, ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.master_key import GivenVariables
from flowstead.resources.names import Workspace
from flowstead.store import Store, Writing
from flowstead.store.keys import key_source
from flowstead.store.records import Kind
from tests.browser.portal import Portal, opened
from tests.browser.responsiveness import RESPONSIVE_MS, WATCH, slow
from tests.installation import Installation

ENDPOINTS, DEPLOYMENTS = 200, 500
FAULT = {"code": "ConnectionMissing", "message": "There is no connection 'llm' in the workspace.\nCreate it."}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with that many of each. The deployments have failed, so that none has an instance."""
    site = Installation(tmp_path_factory.mktemp("crowded") / "h")
    site.up()
    site.down()
    home = Home.at(site.home)
    store = Store.open(home, clock=SystemClock(), master_key=key_source(home, GivenVariables()))
    with store.transaction() as tx:
        _fill(tx, Workspace())
    store.close()
    site.up()
    yield site
    site.down()


def _fill(tx: Writing, workspace: Workspace) -> None:
    model = f"{workspace.path}/models/chat/versions/1"
    for number in range(ENDPOINTS):
        name = f"endpoint-{number:03}"
        spec = EndpointSpec(traffic={"blue": 100}, identity={"type": "None"}, tags={"team": f"team-{number % 7}"})
        endpoint, _ = tx.put(
            Kind.ENDPOINT, workspace.endpoint(name), workspace.path, name, spec, by="owner", operation=None
        )
        for key in (PRIMARY_KEY, SECONDARY_KEY):
            tx.put_secret(endpoint.id, key, f"{key}-{number:03}".ljust(64, "x"), "owner")
        tx.put_status(endpoint.id, EndpointStatus(ProvisioningState.SUCCEEDED), generation=1)
        colours = ("blue", "green", "black")[: 3 if number < DEPLOYMENTS - 2 * ENDPOINTS else 2]
        for colour in colours:
            id, wanted = f"{endpoint.id}/deployments/{colour}", DeploymentSpec(model, tags={"colour": colour})
            deployment, _ = tx.put(Kind.DEPLOYMENT, id, endpoint.id, colour, wanted, by="owner", operation=None)
            failed = replace(DeploymentStatus(), provisioning_state=ProvisioningState.FAILED, error=FAULT)
            tx.put_status(deployment.id, failed, generation=1)


@pytest.fixture
def watched(browser: Browser, crowded: Installation) -> Iterator[Portal]:
    with opened(browser, crowded) as portal:
        yield portal


def test_all_of_them_come_by_a_handful_of_requests(watched: Portal) -> None:
    page, asked = watched.page, Counter[str]()
    page.on("request", lambda request: asked.update([request.url.partition("?")[0].rpartition("/")[2]]))
    for tab, table in (("endpoints", "Endpoints"), ("deployments", "Deployments")):
        watched.open(f"/endpoints?tab={tab}")
        count = ENDPOINTS if tab == "endpoints" else DEPLOYMENTS
        expect(page.get_by_role("table", name=table)).to_have_attribute("aria-rowcount", str(count + 1))
        assert page.get_by_role("row").count() < 80, "only what is seen is drawn"
    print(f"asked: {asked}")
    assert asked["onlineDeployments"] <= 8
    assert asked["onlineEndpoints"] <= 4
    assert asked["deployments"] == 0, "none by its endpoint"


def test_every_interaction_is_answered_within_200_ms(watched: Portal) -> None:
    page = watched.open("/endpoints?tab=deployments")
    table = page.get_by_role("table", name="Deployments")
    expect(table).to_have_attribute("aria-rowcount", str(DEPLOYMENTS + 1))
    page.evaluate(WATCH)
    for heading in ("Name", "Endpoint", "State", "Endpoint"):
        table.get_by_role("columnheader", name=heading).get_by_role("button").click()
    page.get_by_label("Filter deployments").press_sequentially("endpoint-19")
    expect(table).to_have_attribute("aria-rowcount", "21")
    page.get_by_label("Filter deployments").press("Control+a")
    page.get_by_label("Filter deployments").press("Delete")
    expect(table).to_have_attribute("aria-rowcount", str(DEPLOYMENTS + 1))
    _scroll(page, "Deployments")
    page.get_by_role("tab", name="Endpoints").click()
    endpoints = page.get_by_role("table", name="Endpoints")
    expect(endpoints).to_have_attribute("aria-rowcount", str(ENDPOINTS + 1))
    endpoints.get_by_role("columnheader", name="Traffic").get_by_role("button").click()
    page.get_by_label("Filter endpoints").press_sequentially("endpoint-042")
    endpoints.get_by_role("link", name="endpoint-042").click()
    expect(page.get_by_role("heading", level=1, name="endpoint-042")).to_be_visible()
    page.get_by_role("region", name="Traffic").get_by_role("slider", name="Traffic of green").press("ArrowRight")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert [each for each in slow(page) if each[1] > RESPONSIVE_MS] == []


def _scroll(page: Page, label: str) -> None:
    page.get_by_role("group", name=label).hover()
    for _ in range(10):
        page.mouse.wheel(0, 1500)
    page.get_by_role("group", name=label).press("End")
