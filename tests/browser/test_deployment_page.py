"""A deployment's page: its details and its logs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.deployed import deploy, link_of, model_of, patch, reader_token, settled
from tests.browser.people import expect_refused
from tests.browser.portal import NARROW, Portal, opened, scrolls_sideways
from tests.installation import Installation, eventually, write_flow

PROBE = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>"
DESK = "desk"
PATH = f"/endpoints/{DESK}/deployments/blue"
API = f"/onlineEndpoints/{DESK}/deployments/blue"
MANY = 6000
RESPONSIVE_MS = 200


@pytest.fixture(scope="module", autouse=True)
def desk(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    deploy(flowstead, tmp_path_factory.mktemp("flows"), DESK, "blue")
    yield DESK
    flowstead.run("online-endpoint", "delete", "--name", DESK, "--yes", check=False)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def fact(page: Page, label: str) -> Locator:
    """The value beside that label."""
    return section(page, "Settings").locator("div").filter(has=page.get_by_text(label, exact=True)).locator("dd").last


def say(site: Installation, text: str) -> None:
    key = site.keys(DESK)["primaryKey"]
    assert site.score(DESK, {"text": text}, key).status_code == 200


def test_m10_the_page_tells_all_of_the_deployment(portal: Portal, flowstead: Installation) -> None:
    patch(flowstead, API, {"tags": {"team": "search"}, "properties": {"description": "For the desk"}})
    settled(flowstead, API)
    model, version = model_of(flowstead, DESK, "blue").split("/")[-3::2]
    page = portal.open(PATH)
    settings = section(page, "Settings")
    for text in (
        "Succeeded",
        f"{flowstead.url}/endpoints/{DESK}/score",
        "Standard_F4s_v2",
        "team: search",
        "For the desk",
        "System assigned, of the endpoint",
        "The flow's own",
        f"{model}:{version}",
    ):
        expect(settings).to_contain_text(text)
    expect(fact(page, "Instance count")).to_have_text("1")
    expect(fact(page, "Traffic")).to_have_text("100 %")
    expect(section(page, "Request limits")).to_contain_text("1 min 30 s")
    conditions = section(page, "Conditions").get_by_role("listitem")
    expect(conditions.filter(has_text="Instances ready")).to_contain_text("Yes")
    expect(section(page, "Instances").get_by_role("row").nth(1)).to_contain_text("Ready")
    expect(section(page, "Revisions")).to_contain_text("Serving")
    expect(section(page, "Events")).to_contain_text("Changed: description, tags")
    expect(section(page, "Events")).to_contain_text("Created")
    settings.get_by_role("link", name=f"{model}:{version}").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Version {version}")


def test_m47_view_details_in_the_notification_leads_to_the_same_page(portal: Portal) -> None:
    page = portal.open("/")
    page.get_by_role("button", name=re.compile("^Notifications")).click()
    told = page.get_by_role("listitem").filter(has_text=f"{DESK}/blue").first
    told.get_by_role("link", name="View details").click()
    expect(page).to_have_url(re.compile(f"{PATH}$"))
    expect(section(page, "Settings")).to_be_visible()


def test_m19_the_count_is_changed_and_its_instances_appear_by_themselves(
    portal: Portal, flowstead: Installation
) -> None:
    page = portal.open(PATH)
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Instance count").fill("2")
    dialog.get_by_label("Instance count").blur()
    expect(dialog).to_contain_text("For high availability, set it to at least 3.")
    expect(dialog).to_contain_text("2 instances + 20 % for upgrades = 3 × 4 cores = 12 cores.")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    ready = section(page, "Instances").get_by_role("row").filter(has_text="Ready")
    expect(ready).to_have_count(2)
    expect(fact(page, "Instance count")).to_have_text("2")
    patch(flowstead, API, {"sku": {"capacity": 1}})
    expect(ready).to_have_count(1)


def test_m22_tags_and_variables_are_changed_and_a_secret_stays(portal: Portal, flowstead: Installation) -> None:
    patch(flowstead, API, {"properties": {"environmentVariables": {"API_KEY": "not-to-be-seen"}}})
    settled(flowstead, API)
    page = portal.open(PATH)
    expect(section(page, "Settings")).to_contain_text("API_KEY=********")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add tag").click()
    dialog.get_by_label(re.compile(r"^Name of tag \d")).last.fill("probe")
    dialog.get_by_label(re.compile(r"^Value of tag \d")).last.fill(PROBE)
    dialog.get_by_role("button", name="Add environment variable").click()
    dialog.get_by_label(re.compile(r"^Name of environment variable \d")).last.fill("GREETING")
    dialog.get_by_label(re.compile(r"^Value of environment variable \d")).last.fill(PROBE)
    dialog.get_by_role("button", name="Save").click()
    expect(section(page, "Settings")).to_contain_text(f"probe: {PROBE}")
    expect(section(page, "Settings")).to_contain_text(f"GREETING={PROBE}")
    settled(flowstead, API)
    expect(section(page, "Events")).to_contain_text("Changed: ")
    assert page.title() == "blue · Flowstead"
    assert "not-to-be-seen" not in page.content()
    said = flowstead.api("GET", API).json()
    assert said["properties"]["environmentVariables"] == {"API_KEY": "********", "GREETING": PROBE}
    assert said["tags"]["probe"] == PROBE
    patch(flowstead, API, {"tags": {"probe": None}, "properties": {"environmentVariables": {"GREETING": None}}})
    settled(flowstead, API)


def test_m33_utilization_is_told_with_the_role_and_without_what_to_grant(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    page = portal.open(PATH)
    shown = section(page, "Utilization, last hour")
    expect(shown.get_by_role("img", name=re.compile("^Memory"))).to_be_visible(timeout=30_000)
    expect(shown.get_by_role("img", name=re.compile("^Requests per minute"))).to_be_visible()
    found = flowstead.json("role", "assignment", "list", "--assignee", DESK, "--scope", "workspace")
    [role] = [each for each in found if each["roleDefinitionName"].startswith("AzureML Metrics Writer")]
    flowstead.run("role", "assignment", "delete", "--ids", role["id"])
    page.reload()
    expect(shown).to_contain_text("has the role AzureML Metrics Writer (preview) on the workspace")
    expect(shown.get_by_role("img", name=re.compile("^Memory"))).to_have_count(0)
    expect(shown.get_by_role("link", name="Access control (IAM)")).to_be_visible()


def test_a_deployment_that_failed_tells_why_and_what_is_next(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "broken", f"raise RuntimeError({PROBE!r})\n")
    assert flowstead.run("deploy", str(flow), "--endpoint", "desk-broken", check=False).returncode != 0
    page = portal.open("/endpoints/desk-broken/deployments/blue")
    expect(page.get_by_text("The last change failed.")).to_be_visible()
    expect(section(page, "Settings")).to_contain_text("Failed")
    expect(page.locator("main")).to_contain_text("deploy again")
    expect(section(page, "Conditions")).to_contain_text("No")
    expect(section(page, "Events")).to_contain_text("Failed")
    assert page.title() == "blue · Flowstead"
    flowstead.run("online-endpoint", "delete", "--name", "desk-broken", "--yes")


def test_p6_a_line_appears_when_it_is_written(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"{PATH}?tab=logs")
    log = page.get_by_role("region", name="Log of blue")
    status = page.get_by_role("status").filter(has_text=re.compile(r"\d lines?\."))
    expect(status).to_contain_text("Live.")
    marked = f"\x1b[31mat {time.time()}\x1b[0m {PROBE}"
    say(flowstead, marked)
    expect(log).to_contain_text(marked.replace("\x1b[31m", "").replace("\x1b[0m", ""))
    expect(log).not_to_contain_text("[31m")
    assert page.title() == "blue · Flowstead"
    say(flowstead, "long " * 500)
    expect(log).to_contain_text("long long")
    assert log.evaluate("(view) => view.scrollWidth > view.clientWidth")
    page.get_by_role("switch", name="Wrap lines").check()
    assert log.evaluate("(view) => view.scrollWidth === view.clientWidth")
    expect(log.get_by_text(re.compile("long $"))).to_be_in_viewport()
    page.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("Paused.")
    say(flowstead, "written while it was paused")
    expect(status).to_contain_text("more have come")
    expect(log).not_to_contain_text("written while it was paused")
    page.get_by_role("button", name="Resume").click()
    expect(log).to_contain_text("written while it was paused")
    page.get_by_label("Filter lines").fill("while it was PAUSED")
    expect(status).to_contain_text("1 of ")
    with page.expect_download() as awaited:
        page.get_by_role("button", name="Download").click()
    text = awaited.value.path().read_text()
    assert "written while it was paused" in text
    assert len(text.splitlines()) == 1
    page.get_by_label("Container").select_option("StorageInitializer")
    page.get_by_label("Filter lines").fill("")
    expect(status).to_contain_text("Live.")
    expect(log).not_to_contain_text("written while it was paused")
    assert portal.accessibility_faults() == []


def test_p6_thousands_of_lines_are_kept_up_with(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"{PATH}?tab=logs")
    log = page.get_by_role("region", name="Log of blue")
    page.evaluate(WATCH_INTERACTIONS)
    say(flowstead, f"log {MANY}")
    expect(log).to_contain_text(f"line {MANY - 1} of many")
    assert log.locator("div div").count() < 200, "only what is seen is drawn"
    page.get_by_label("Filter lines").press_sequentially("5999 of")
    expect(page.get_by_role("status").filter(has_text=re.compile(r"\d lines?\."))).to_contain_text("1 of ")
    page.get_by_label("Filter lines").fill("")
    log.hover()
    page.mouse.wheel(0, -20_000)
    expect(page.get_by_role("switch", name="Follow")).not_to_be_checked()
    say(flowstead, "after it was scrolled away")
    expect(log).not_to_contain_text("after it was scrolled away")
    page.get_by_role("switch", name="Follow").check()
    expect(log).to_contain_text("after it was scrolled away")
    slowest = page.evaluate("window.slowestInteraction")
    print(f"the slowest interaction took {slowest} ms")
    assert slowest <= RESPONSIVE_MS


WATCH_INTERACTIONS = """() => {
  window.slowestInteraction = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.interactionId) window.slowestInteraction = Math.max(window.slowestInteraction, entry.duration);
    }
  }).observe({type: "event", durationThreshold: 16, buffered: false});
}"""


def test_a_reader_sees_the_details_and_no_log(browser: Browser, flowstead: Installation) -> None:
    token = reader_token(flowstead, "desk-reader")
    with opened(browser, flowstead, link=lambda: link_of(flowstead, token)) as portal:
        page = portal.open(PATH)
        expect(section(page, "Instances")).to_contain_text("Ready")
        page.get_by_role("tab", name="Logs").click()
        expect(page.get_by_role("alert")).to_contain_text("deployments/getLogs/action")
        expect_refused(page.get_by_role("button", name="Delete"), "deployments/delete")


def test_a_deployment_with_traffic_is_not_deleted_and_one_without_is(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    deploy(flowstead, tmp_path, DESK, "spare")
    portal.expected += ["400", "404"]
    for name, goes in (("blue", False), ("spare", True)):
        page = portal.open(f"/endpoints/{DESK}/deployments/{name}")
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label(f"Type {name} to confirm").fill(name)
        dialog.get_by_role("button", name="Delete").click()
        if goes:
            expect(page).to_have_url(re.compile(f"/endpoints/{DESK}$"))
            expect(page.get_by_role("table", name="Deployments")).not_to_contain_text(name)
        else:
            expect(dialog).to_contain_text("The deployment blue gets 100 % of the traffic")


@pytest.mark.parametrize("path", [PATH, f"{PATH}?tab=logs"])
def test_on_a_phone_nothing_sticks_out(browser: Browser, flowstead: Installation, path: str) -> None:
    with opened(browser, flowstead, size=NARROW) as portal:
        page = portal.open(path)
        expect(page.get_by_role("tab", selected=True)).to_be_visible()
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page)
        assert portal.accessibility_faults() == []


def test_when_the_server_comes_back_the_page_and_the_log_go_on(portal: Portal, flowstead: Installation) -> None:
    """The last one here: whoever came after it would wait for the instances."""
    portal.expected += ["503", "502", "ERR_"]
    page = portal.open(f"{PATH}?tab=logs")
    status = page.get_by_role("status").filter(has_text=re.compile(r"\d lines?\."))
    expect(status).to_contain_text("Live.")
    flowstead.down()
    expect(status).to_contain_text("Connecting to the log…")
    flowstead.up()
    expect(status).to_contain_text("Live.", timeout=30_000)
    key = flowstead.keys(DESK)["primaryKey"]
    again = {"text": "after the restart"}
    eventually("it answers again", lambda: flowstead.score(DESK, again, key).status_code == 200)
    expect(page.get_by_role("region", name="Log of blue")).to_contain_text("after the restart")
    page.get_by_role("tab", name="Details").click()
    expect(section(page, "Instances")).to_contain_text("Ready")
    expect(page.get_by_text("This page recovers by itself")).to_have_count(0)
