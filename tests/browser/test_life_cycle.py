"""A deployment's life as the portal shows and steers it: stop and start, the way back to a revision, instances with
their logs, and how many of them there are."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.deployed import deploy, link_of, patch, reader_token, settled
from tests.browser.people import expect_refused
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import Installation, eventually, write_flow

PROBE = "<img src=x onerror=document.title='hacked'>"
LIFE = "life"
STOPPED = "life-stopped"
PAGE = f"/endpoints/{LIFE}/deployments/blue"
API = f"/onlineEndpoints/{LIFE}/deployments/blue"


@pytest.fixture(scope="module", autouse=True)
def life(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    deploy(flowstead, tmp_path_factory.mktemp("flows"), LIFE, "blue")
    yield LIFE
    flowstead.run("online-endpoint", "delete", "--name", LIFE, "--yes", check=False)


@pytest.fixture(scope="module")
def stopped(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The endpoint of one that is stopped and has all of its endpoint's traffic."""
    deploy(flowstead, tmp_path_factory.mktemp("stopped"), STOPPED, "blue")
    flowstead.run("online-deployment", "stop", "--name", "blue", "--endpoint-name", STOPPED)
    return STOPPED


@pytest.fixture(scope="module")
def green(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of one that may get revisions: each test leaves it serving, whatever its newest revision is."""
    deploy(flowstead, tmp_path_factory.mktemp("green"), LIFE, "green")
    return f"/onlineEndpoints/{LIFE}/deployments/green"


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


CUT_OFF = """(dialog) => [...dialog.querySelectorAll("*")]
  .filter((each) => each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1)
  .filter((each) => getComputedStyle(each).overflowX !== "visible")
  .map((each) => each.outerHTML.slice(0, 100))"""
"""What of a dialog goes on beyond its edge."""


def fact(section: Locator, label: str) -> Locator:
    """The value beside that label."""
    return section.get_by_text(label, exact=True).locator("xpath=following-sibling::dd")


def newest(site: Installation, deployment: str) -> int:
    """The number of its newest revision."""
    return int(site.api("GET", f"{deployment}/revisions").json()["value"][0]["properties"]["number"])


def head(page: Page) -> Locator:
    """The page's title with what is said below it."""
    return page.get_by_role("heading", level=1).locator("..")


def test_it_is_stopped_knowing_whom_that_hits_and_started_again(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(PAGE)
    expect(section(page, "Instances")).to_contain_text("Ready")
    page.get_by_role("button", name="Stop", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("All requests of the endpoint go to it: they are answered 503")
    expect(dialog).to_contain_text("revisions, logs and share of the traffic stay")
    expect(dialog.get_by_role("link", name=f"traffic of {LIFE}")).to_be_visible()
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Stop", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(head(page)).to_contain_text("Stopped")
    expect(section(page, "Instances")).to_contain_text("No instance runs: the deployment is stopped.")
    assert flowstead.api("GET", API).json()["properties"]["state"] == "Stopped"
    bar = page.get_by_role("group").filter(has_text="This deployment is stopped.")
    expect(bar).to_contain_text("All requests of the endpoint go to it")
    assert portal.accessibility_faults() == []
    bar.get_by_role("button", name="Start").click()
    expect(head(page)).to_contain_text("Succeeded")
    expect(section(page, "Instances")).to_contain_text("Ready")
    expect(bar).to_have_count(0)
    expect(section(page, "Events")).to_contain_text("Stopped")
    page.get_by_role("button", name=re.compile("^Notifications")).click()
    expect(page.get_by_text(f"Stopping the deployment {LIFE}/blue", exact=True)).to_be_visible()


def test_every_list_shows_that_it_is_stopped(portal: Portal, stopped: str) -> None:
    page = portal.open("/endpoints?tab=deployments")
    row = page.get_by_role("table", name="Deployments").get_by_role("row").filter(has_text=stopped)
    expect(row).to_contain_text("Stopped")
    expect(row).to_contain_text("None")
    page.get_by_label("Filter deployments").fill("stopped")
    expect(row).to_have_count(1)
    page = portal.open("/endpoints?tab=endpoints")
    expect(page.get_by_role("row").filter(has_text=stopped)).to_contain_text("blue (stopped) 100 %")
    page = portal.open("/endpoints?tab=models")
    expect(page.get_by_text(f"{stopped}/blue (stopped)")).to_be_visible()
    page = portal.open(f"/endpoints/{stopped}")
    expect(page.get_by_role("table", name="Deployments")).to_contain_text("Stopped")
    expect(section(page, "Traffic")).to_contain_text("blue is stopped: requests of that share are answered 503.")
    page = portal.open("/")
    expect(page.get_by_label("Counts")).to_contain_text("Stopped")
    expect(page.locator("main")).to_contain_text("It is stopped: 100 % of the endpoint's requests are answered 503.")


def test_the_tabs_to_test_and_consume_it_say_so(portal: Portal, stopped: str) -> None:
    page = portal.open(f"/endpoints/{stopped}/deployments/blue?tab=test")
    bar = page.get_by_text("This deployment is stopped.")
    expect(bar).to_be_visible()
    expect(page.get_by_role("button", name="Test", exact=True)).to_have_attribute("aria-disabled", "true")
    assert portal.accessibility_faults() == []
    page.get_by_role("tab", name="Consume").click()
    expect(bar.filter(visible=True)).to_have_count(1)
    expect(page.get_by_label("REST endpoint", exact=True)).to_be_visible()


def test_a_start_that_the_quota_refuses_says_so(portal: Portal, flowstead: Installation, stopped: str) -> None:
    path = f"/onlineEndpoints/{stopped}/deployments/blue"
    patch(flowstead, path, {"sku": {"capacity": 50}, "properties": {"instanceType": "Standard_F32s_v2"}})
    settled(flowstead, path)
    portal.expected += ["40"]
    page = portal.open(f"/endpoints/{stopped}/deployments/blue")
    expect(section(page, "Conditions")).to_contain_text("Start brings it up again")
    expect(section(page, "Revisions").get_by_role("row").nth(1)).to_contain_text("Stopped")
    page.get_by_role("button", name="Start").first.click()
    toast = page.get_by_role("listitem").filter(has_text=f"{stopped}/blue was not started.")
    expect(toast).to_contain_text(re.compile("of the workspace's .* are taken"))


def test_a_reader_may_not_stop_it(browser: Browser, flowstead: Installation) -> None:
    token = reader_token(flowstead, "life-reader")
    with opened(browser, flowstead, link=lambda: link_of(flowstead, token)) as portal:
        page = portal.open(PAGE)
        expect_refused(page.get_by_role("button", name="Stop", exact=True), "deployments/stop/action")


def test_on_a_phone_nothing_of_it_sticks_out(narrow_portal: Portal, stopped: str) -> None:
    for tab in ("details", "test", "consume"):
        page = narrow_portal.open(f"/endpoints/{stopped}/deployments/blue?tab={tab}")
        expect(page.get_by_text("This deployment is stopped.")).to_be_visible()
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page), tab
        assert narrow_portal.accessibility_faults() == [], tab


def test_on_a_phone_no_dialog_is_cut_off(narrow_portal: Portal, green: str) -> None:
    page = narrow_portal.open(f"/endpoints/{LIFE}/deployments/green")
    dialog = page.get_by_role("dialog")
    for name in ("Edit", "Scale", "Stop", "Change limits", "Add rules"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(dialog.get_by_role("button", name="Cancel")).to_be_visible()
        assert dialog.evaluate(CUT_OFF) == [], name
        assert narrow_portal.accessibility_faults() == [], name
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)


def test_it_is_rolled_back_knowing_what_comes_back_and_what_stays(
    portal: Portal, flowstead: Installation, green: str
) -> None:
    before = newest(flowstead, green)
    variables = {"GREETING": PROBE, "API_KEY": "not-to-be-seen"}
    patch(flowstead, green, {"tags": {"kept": "yes"}, "properties": {"environmentVariables": variables}})
    settled(flowstead, green)
    page = portal.open(f"/endpoints/{LIFE}/deployments/green")
    rows = section(page, "Revisions").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Serving")
    expect(rows.nth(1)).to_contain_text(f"Environment variable GREETING: nothing → {PROBE}")
    expect(rows.nth(1).get_by_role("button")).to_have_count(0)
    expect(rows.nth(2)).to_contain_text("Superseded")
    rows.nth(2).get_by_role("button", name=f"Roll back to revision {before}").click()
    dialog = page.get_by_role("dialog")
    back = dialog.get_by_role("region", name="What comes back")
    expect(back).to_contain_text(f"Environment variable GREETING: {PROBE} → nothing")
    expect(back).to_contain_text("Environment variable API_KEY: ******** → nothing")
    expect(dialog.get_by_role("region", name="What stays")).to_contain_text("1 instance, the share of the traffic")
    expect(dialog.get_by_role("region", name="What callers notice")).to_have_count(0)
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog).to_have_count(0)
    expect(rows.nth(1)).to_contain_text(f"{before + 2}")
    expect(rows.nth(1)).to_contain_text("Serving")
    settled(flowstead, green)
    now = flowstead.api("GET", green).json()
    assert (now["properties"]["environmentVariables"], now["tags"]["kept"]) == ({}, "yes")
    assert "not-to-be-seen" not in page.content()
    assert page.title() == "green · Flowstead"
    assert portal.accessibility_faults() == []


def test_a_revision_that_failed_says_why_and_the_one_that_serves_comes_back(
    portal: Portal, flowstead: Installation, tmp_path: Path, green: str
) -> None:
    serving = newest(flowstead, green)
    broken = write_flow(tmp_path / "broken", f"raise RuntimeError({PROBE!r})\n")
    options = ("--endpoint", LIFE, "--deployment", "green")
    assert flowstead.run("deploy", str(broken), *options, check=False).returncode != 0
    page = portal.open(f"/endpoints/{LIFE}/deployments/green")
    expect(head(page)).to_contain_text("Failed")
    rows = section(page, "Revisions").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Failed")
    expect(rows.nth(1)).to_contain_text("The flow could not be started.")
    expect(rows.nth(2)).to_contain_text("Serving")
    rows.nth(2).get_by_role("button", name=f"Roll back to revision {serving}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("region", name="What comes back")).to_contain_text("Model: broken:1 → green:1")
    notice = dialog.get_by_role("region", name="What callers notice")
    expect(notice).to_contain_text("Nothing: it is what serves them now.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(head(page)).to_contain_text("Succeeded")
    expect(rows.nth(1)).to_contain_text("Serving")
    rows.nth(2).get_by_role("button", name=f"Roll back to revision {serving + 1}").click()
    expect(dialog).to_contain_text("This revision never served: ")
    assert page.title() == "green · Flowstead"


def test_an_instance_tells_its_size_what_holds_it_to_that_and_how_it_ended(
    portal: Portal, flowstead: Installation
) -> None:
    page = portal.open(PAGE)
    row = section(page, "Instances").get_by_role("row").nth(1)
    expect(row).to_contain_text("4 cores, 8 GiB memory")
    expect(row).to_contain_text(re.compile("eld to it"))
    expect(row).to_contain_text(re.compile("[Ii]solated"))
    expect(row).to_contain_text("None")
    instances = flowstead.json("status")["instances"]
    [pid] = [each["pid"] for each in instances if (each["endpoint"], each["deployment"]) == (LIFE, "blue")]
    os.kill(pid, signal.SIGKILL)
    expect(row).to_contain_text("Killed, SIGKILL")
    expect(row).to_contain_text("Ready")
    expect(row.get_by_role("cell").nth(3)).to_have_text("1")
    assert portal.accessibility_faults() == []


def test_the_log_of_each_instance_is_read_by_itself_and_all_together(portal: Portal, flowstead: Installation) -> None:
    patch(flowstead, API, {"sku": {"capacity": 2}})
    page = portal.open(PAGE)
    instances = section(page, "Instances").get_by_role("row").filter(has_text="Ready")
    expect(instances).to_have_count(2)
    names = [each["name"] for each in flowstead.api("GET", f"{API}/instances").json()["value"]]
    page.get_by_role("link", name=f"Log of the instance {names[0]}").click()
    log = page.get_by_role("region", name=f"Log of {names[0]}")
    expect(log).to_contain_text("Ready: ")
    status = page.get_by_role("status").filter(has_text=re.compile(r"\d lines?\."))
    of_one = int(status.inner_text().split()[0])
    choice = page.get_by_label("Instance", exact=True)
    expect(choice).to_have_value(names[0])
    choice.select_option(names[1])
    expect(page.get_by_role("region", name=f"Log of {names[1]}")).to_contain_text("Ready: ")
    choice.select_option("")
    every = page.get_by_role("region", name="Log of blue")
    for name in names:
        expect(every).to_contain_text(name)
    assert int(status.inner_text().split()[0]) > of_one
    page.get_by_label("Container").select_option("StorageInitializer")
    expect(choice).to_have_count(0)
    page.get_by_label("Container").select_option("InferenceServer")
    patch(flowstead, API, {"sku": {"capacity": 1}})
    gone = choice.get_by_role("option").filter(has_text="gone").first
    expect(gone).to_be_attached()
    choice.select_option(gone.get_attribute("value"))
    expect(status).to_contain_text("The instance is gone: no more will come.")
    settled(flowstead, API)


def test_its_limits_are_shown_changed_and_hold(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(PAGE)
    limits = section(page, "Request limits")
    for label, value in (
        ("Request time-out", "1 min 30 s"),
        ("Concurrent requests per instance", "10"),
        ("Queue length per instance", "As many as run at once"),
        ("Longest wait in the queue", "500 ms"),
        ("Requests per second", "Any number"),
        ("Requests per second of the endpoint", "Any number, as the server has it"),
        ("Largest body of a request", "16 MiB, of the whole server"),
    ):
        expect(fact(limits, label)).to_have_text(value)
    limits.get_by_role("button", name="Change limits").click()
    dialog = page.get_by_role("dialog")
    rate = dialog.get_by_label("Requests per second")
    rate.fill("1000001")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Enter a whole number from 0 to 1,000,000.")
    expect(rate).to_be_focused()
    rate.fill("1")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    expect(fact(limits, "Requests per second")).to_have_text("1")
    settled(flowstead, API)
    key = flowstead.keys(LIFE)["primaryKey"]
    eventually("too many are refused", lambda: flowstead.score(LIFE, {"text": "hi"}, key).status_code == 429)
    patch(flowstead, API, {"properties": {"requestSettings": {"requestsPerSecond": 0}}})
    expect(fact(limits, "Requests per second")).to_have_text("Any number")
    settled(flowstead, API)


def test_the_rate_of_the_whole_endpoint_is_set(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"/endpoints/{LIFE}")
    details = section(page, "Details")
    expect(fact(details, "Requests per second")).to_have_text("Any number, as the server has it")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Requests per second").fill("-1")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Enter a whole number from 0 to 1,000,000.")
    dialog.get_by_label("Requests per second").fill("2000")
    dialog.get_by_role("button", name="Save").click()
    expect(fact(details, "Requests per second")).to_have_text("2,000")
    assert flowstead.api("GET", f"/onlineEndpoints/{LIFE}").json()["properties"]["requestsPerSecond"] == 2000
    page = portal.open(PAGE)
    expect(fact(section(page, "Request limits"), "Requests per second of the endpoint")).to_have_text("2,000")


def test_it_is_scaled_by_hand(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(PAGE)
    page.get_by_role("button", name="Scale").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Instance count").fill("0")
    expect(dialog).to_contain_text("Enter a whole number from 1 to 50.")
    dialog.get_by_label("Instance count").fill("2")
    expect(dialog).to_contain_text("2 instances + 20 % for upgrades = 3 × 4 cores = 12 cores")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    expect(section(page, "Instances").get_by_role("row").filter(has_text="Ready")).to_have_count(2)
    expect(section(page, "Settings")).to_contain_text("By hand")
    patch(flowstead, API, {"sku": {"capacity": 1}})
    settled(flowstead, API)


def test_its_number_follows_the_load(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(PAGE)
    page.get_by_role("button", name="Scale").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^By load")).check()
    dialog.get_by_label("Instances at least").fill("2")
    dialog.get_by_label("Instances at most").fill("2")
    expect(dialog).to_contain_text("Enter more than the least.")
    dialog.get_by_label("Instances at most").fill("3")
    dialog.get_by_label("Target utilisation (%)").fill("60")
    expect(dialog).to_contain_text("At most: 3 instances + 20 % for upgrades")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    expect(section(page, "Settings")).to_contain_text("By load: 2 to 3 instances, to be 60 % utilised")
    expect(section(page, "Instances").get_by_role("row").filter(has_text="Ready")).to_have_count(2)
    settings = flowstead.api("GET", API).json()["properties"]["scaleSettings"]
    assert (settings["minInstances"], settings["maxInstances"], settings["targetUtilizationPercentage"]) == (2, 3, 60)
    page.get_by_role("button", name="Edit").click()
    expect(dialog.get_by_label("Instance count")).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    patch(flowstead, API, {"sku": {"capacity": 1}, "properties": {"scaleSettings": {"scaleType": "Default"}}})
    settled(flowstead, API)


def test_azure_monitors_rules_are_added_changed_disabled_and_deleted(
    portal: Portal, flowstead: Installation, green: str
) -> None:
    page = portal.open(f"/endpoints/{LIFE}/deployments/green")
    rules = section(page, "Autoscale rules")
    expect(rules).to_contain_text("None: it has the number of instances that Scale says.")
    rules.get_by_role("button", name="Add rules").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Minimum").fill("2")
    dialog.get_by_label("Maximum").fill("1")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Enter no less than the minimum.")
    dialog.get_by_label("Maximum").fill("4")
    dialog.get_by_label("Default").fill("2")
    more = dialog.get_by_role("group", name="More instances")
    more.get_by_label("When").select_option("RequestsPerMinute")
    more.get_by_label("is more than").fill("6000")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    words = rules.get_by_role("list", name="Rules of Default").get_by_role("listitem")
    expect(words.first).to_have_text(
        "Requests per minute > 6000 on average over 5 min: 1 instance more, then 5 min of rest"
    )
    expect(words.last).to_have_text("CPU < 30 % on average over 10 min: 1 instance fewer, then 10 min of rest")
    expect(rules).to_contain_text("2 to 4 instances, 2 when nothing is measured")
    expect(section(page, "Instances").get_by_role("row").filter(has_text="Ready")).to_have_count(2)
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(dialog).to_contain_text(f"The autoscale setting {LIFE}-green says how many instances there are")
    dialog.get_by_role("button", name="Cancel").click()
    rules.get_by_role("button", name="Edit rules").click()
    expect(dialog.get_by_label("Minimum")).to_have_value("2")
    dialog.get_by_label("Minimum").fill("1")
    dialog.get_by_role("switch", name="Fewer instances").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(rules).to_contain_text("1 to 4 instances, 2 when nothing is measured")
    expect(words).to_have_count(1)
    rules.get_by_role("button", name="Disable").click()
    expect(rules).to_contain_text("Disabled: the number stays as it is")
    assert portal.accessibility_faults() == []
    rules.get_by_role("button", name="Delete rules").click()
    expect(dialog).to_contain_text(f"The autoscale setting {LIFE}-green goes with them.")
    dialog.get_by_role("button", name="Delete").click()
    expect(rules).to_contain_text("None: it has the number of instances that Scale says.")
    patch(flowstead, green, {"sku": {"capacity": 1}})
    settled(flowstead, green)


def test_rules_that_another_has_just_added_stay(
    portal: Portal, flowstead: Installation, green: str, tmp_path: Path
) -> None:
    file, name = tmp_path / "rules.yaml", f"{LIFE}-green"
    file.write_text("properties: {profiles: [{name: p, capacity: {minimum: 1, maximum: 7, default: 1}}]}")
    page = portal.open(f"/endpoints/{LIFE}/deployments/green")
    section(page, "Autoscale rules").get_by_role("button", name="Add rules").click()

    def after_another(route: Route) -> None:
        if route.request.method == "PUT":
            flowstead.run("autoscale", "create", "--name", name, "--resource", f"{LIFE}/green", "--file", str(file))
        route.continue_()

    page.route(f"**/autoscaleSettings/{name}*", after_another)
    portal.expected.append("412")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Somebody else has added rules meanwhile.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(section(page, "Autoscale rules")).to_contain_text("1 to 7 instances")
    flowstead.run("autoscale", "delete", "--name", name)


def test_it_is_scaled_to_zero_and_woken_by_a_test(portal: Portal, flowstead: Installation, green: str) -> None:
    page = portal.open(f"/endpoints/{LIFE}/deployments/green")
    page.get_by_role("button", name="Scale").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^To zero")).check()
    dialog.get_by_label("Idle time (seconds)").fill("5")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Save").click()
    expect(section(page, "Settings")).to_contain_text("To zero after 5 s without a request")
    expect(section(page, "Instances")).to_contain_text("Dormant", timeout=90_000)
    page.get_by_role("button", name="Edit").click()
    expect(dialog.get_by_label("Instance count")).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    page = portal.open("/endpoints?tab=deployments")
    row = page.get_by_role("table", name="Deployments").get_by_role("row").filter(has_text="green")
    expect(row).to_contain_text("1 asleep")
    expect(portal.open("/").get_by_label("Counts")).to_contain_text("1 asleep, until somebody asks them")
    expect(page.locator("main")).not_to_contain_text("instances are ready.")
    page = portal.open(f"/endpoints/{LIFE}/deployments/green?tab=test")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("green", timeout=30_000)
    patch(flowstead, green, {"properties": {"scaleSettings": {"scaleType": "Default"}}})
    settled(flowstead, green)
