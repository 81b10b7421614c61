"""Models + endpoints: the lists and an endpoint's page."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.deployed import deploy, link_of, model_of, patch, reader_token, settled
from tests.browser.people import expect_refused
from tests.browser.portal import NARROW, READABLE_PX, Portal, narrowest_cell, opened, scrolls_sideways
from tests.browser.wizard import Sent, review
from tests.installation import Installation, eventually

PROBE = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>"
SHOP = "shop-window"
WATCH_STATES = """() => {
  window.states = [];
  const look = () => {
    const row = [...document.querySelectorAll("tr, [role=row]")].find((each) => each.textContent.startsWith("blue"));
    const found = row?.textContent.match(/Updating|Succeeded|Scaling|Failed/)?.[0];
    if (found && window.states.at(-1) !== found) window.states.push(found);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
"""Notes the states that the row of `blue` goes through."""
PAGES = ("/endpoints", "/endpoints?tab=endpoints", "/endpoints?tab=models", f"/endpoints/{SHOP}")


@pytest.fixture(scope="module", autouse=True)
def shop(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint with two deployments, each of which answers with its name; blue gets all the traffic."""
    folder = tmp_path_factory.mktemp("flows")
    deploy(flowstead, folder, SHOP, "blue")
    deploy(flowstead, folder, SHOP, "green")
    yield SHOP
    flowstead.run("online-endpoint", "delete", "--name", SHOP, "--yes", check=False)


def row(page: Page, table: str, text: str) -> Locator:
    return page.get_by_role("table", name=table).get_by_role("row").filter(has_text=text)


def answers(site: Installation, count: int, key: str) -> Counter[str]:
    return Counter(site.score(SHOP, {"text": "who"}, key).json()["said"] for _ in range(count))


def save_traffic(
    traffic: Locator, site: Installation, live: dict[str, int], mirrored: dict[str, int] | None = None
) -> None:
    """Presses the button and waits until the gateway has been given those shares."""
    path = f"/onlineEndpoints/{SHOP}"

    def has_them() -> bool:
        properties = site.api("GET", path).json()["properties"]
        found = [
            {name: share for name, share in properties[key].items() if share} for key in ("traffic", "mirrorTraffic")
        ]
        return found == [live, mirrored or {}]

    traffic.get_by_role("button", name="Save traffic").click()
    eventually(f"the endpoint splits {live}, mirrors {mirrored or {}}", has_them)
    settled(site, path)
    expect(traffic.get_by_role("button", name="Discard")).to_be_disabled()


def test_m9_a_deployments_row_goes_from_updating_to_succeeded_without_reload(
    portal: Portal, flowstead: Installation
) -> None:
    page = portal.open("/")
    page.evaluate("window.isStillTheSamePage = true")
    portal.go("Models + endpoints")
    page.get_by_label("Filter deployments").fill(SHOP)
    blue = row(page, "Deployments", "blue")
    expect(blue).to_contain_text("Succeeded")
    page.evaluate(WATCH_STATES)
    changed = {"properties": {"environmentVariables": {"CHANGED": str(time.time())}}}
    patch(flowstead, f"/onlineEndpoints/{SHOP}/deployments/blue", changed)
    eventually(
        "the row has been through both", lambda: page.evaluate("window.states")[-2:] == ["Updating", "Succeeded"]
    )
    assert page.evaluate("window.isStillTheSamePage")
    blue.get_by_role("link", name="blue").click()
    expect(page.get_by_role("heading", level=1, name="blue")).to_be_visible()


def test_m16_deployments_of_one_name_are_told_apart_by_their_endpoint(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    deploy(flowstead, tmp_path, "shop-second", "blue")
    page = portal.open("/endpoints?tab=deployments")
    page.get_by_label("Filter deployments").fill("shop-second")
    second = row(page, "Deployments", "shop-second")
    expect(second).to_have_count(1)
    second.get_by_role("link", name="blue").click()
    expect(page).to_have_url(re.compile("/endpoints/shop-second/deployments/blue$"))
    flowstead.run("online-endpoint", "delete", "--name", "shop-second", "--yes")


def test_the_endpoints_list_tells_of_traffic_instances_and_requests(portal: Portal, flowstead: Installation) -> None:
    key = flowstead.keys(SHOP)["primaryKey"]
    answers(flowstead, 3, key)

    def counted() -> int:
        rows = flowstead.api("GET", "/onlineDeployments").json()["value"]
        return sum(each["properties"]["requestsLastHour"] for each in rows if each["properties"]["endpoint"] == SHOP)

    eventually("the requests are counted", lambda: counted() >= 3)
    page = portal.open("/endpoints?tab=endpoints")
    page.get_by_label("Filter endpoints").fill(SHOP)
    shop = row(page, "Endpoints", SHOP)
    expect(shop).to_contain_text("Succeeded")
    expect(shop).to_contain_text("blue 100 %")
    expect(shop).to_contain_text("2 of 2")
    expect(shop.get_by_role("cell").nth(5)).to_have_text(re.compile(r"^[1-9]\d*$"))


def test_m24_one_key_is_regenerated_and_the_other_goes_on_working(portal: Portal, flowstead: Installation) -> None:
    before = flowstead.keys(SHOP)
    page = portal.open(f"/endpoints/{SHOP}")
    keys = page.get_by_role("region", name="Keys")
    primary, secondary = (keys.get_by_role("textbox", name=f"{which} key") for which in ("Primary", "Secondary"))
    expect(primary).to_have_value(re.compile("^•+$"))
    assert before["primaryKey"] not in page.content()
    keys.get_by_role("button", name="Show primary key").click()
    keys.get_by_role("button", name="Show secondary key").click()
    expect(primary).to_have_value(before["primaryKey"])
    keys.get_by_role("button", name="Regenerate primary key").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The secondary key goes on working.")
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Regenerate").click()
    expect(primary).not_to_have_value(before["primaryKey"])
    expect(secondary).to_have_value(before["secondaryKey"])

    def refused() -> bool:
        assert flowstead.score(SHOP, {"text": "x"}, before["secondaryKey"]).status_code == 200
        return flowstead.score(SHOP, {"text": "x"}, before["primaryKey"]).status_code == 401

    eventually("the old primary key is refused", refused)
    fresh = flowstead.keys(SHOP)["primaryKey"]
    keys.get_by_role("button", name="Copy primary key").click()
    expect(keys.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == fresh
    assert flowstead.score(SHOP, {"text": "x"}, fresh).status_code == 200
    expect(primary).to_have_value(fresh)
    keys.get_by_role("button", name="Hide primary key").click()
    expect(primary).to_have_value(re.compile("^•+$"))
    assert fresh not in page.content()
    assert fresh not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + location.href")


def test_m25_an_endpoint_with_tokens_hands_one_out(portal: Portal, flowstead: Installation) -> None:
    flowstead.api("PUT", "/onlineEndpoints/shop-tokens", {"location": "local", "properties": {"authMode": "AMLToken"}})
    page = portal.open("/endpoints/shop-tokens")
    token = page.get_by_role("region", name="Token")
    token.get_by_role("button", name="Show token").click()
    expect(token.get_by_role("textbox", name="Token")).to_have_value(re.compile("^eyJ"))
    expect(token).to_contain_text("It expires in")
    token.get_by_role("button", name="Hide token").click()
    expect(token.get_by_role("textbox", name="Token")).to_have_value(re.compile("^•+$"))
    flowstead.run("online-endpoint", "delete", "--name", "shop-tokens", "--yes")


def test_p3_the_sliders_split_the_requests(portal: Portal, flowstead: Installation) -> None:
    key = flowstead.keys(SHOP)["primaryKey"]
    page = portal.open(f"/endpoints/{SHOP}")
    traffic = page.get_by_role("region", name="Traffic")
    save = traffic.get_by_role("button", name="Save traffic")
    expect(save).to_be_disabled()
    traffic.get_by_role("slider", name="Traffic of green").fill("40")
    expect(traffic.get_by_role("slider", name="Traffic of blue")).to_have_value("60")
    expect(traffic.get_by_role("status")).to_have_text("Sum: 100 %")
    save_traffic(traffic, flowstead, {"blue": 60, "green": 40})
    found = answers(flowstead, 60, key)
    assert 8 <= found["green"] <= 42, found
    traffic.get_by_role("slider", name="Traffic of blue").fill("100")
    save_traffic(traffic, flowstead, {"blue": 100})
    assert answers(flowstead, 10, key) == {"blue": 10}


def test_p3_shares_that_do_not_sum_to_100_are_not_saved_and_none_at_all_is(
    portal: Portal, flowstead: Installation
) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    traffic = page.get_by_role("region", name="Traffic")
    save = traffic.get_by_role("button", name="Save traffic")
    traffic.get_by_role("button", name="No traffic").click()
    traffic.get_by_role("slider", name="Traffic of green").fill("30")
    expect(traffic.get_by_role("status")).to_contain_text("The shares sum to 30 %")
    expect(save).to_be_disabled()
    traffic.get_by_role("button", name="Give it the rest: blue").click()
    expect(traffic.get_by_role("slider", name="Traffic of blue")).to_have_value("70")
    expect(save).to_be_enabled()
    traffic.get_by_role("button", name="No traffic").click()
    save_traffic(traffic, flowstead, {})
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"properties": {"traffic": {"blue": 100}}})
    expect(traffic.get_by_role("slider", name="Traffic of blue")).to_have_value("100")


def test_p3_requests_are_mirrored_to_one_deployment_at_most_by_half(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    traffic = page.get_by_role("region", name="Traffic")
    traffic.get_by_label("Mirror requests to").select_option("green")
    mirrored = traffic.get_by_role("slider", name="Mirrored traffic")
    expect(mirrored).to_have_attribute("max", "50")
    mirrored.fill("50")
    save_traffic(traffic, flowstead, {"blue": 100}, {"green": 50})
    key = flowstead.keys(SHOP)["primaryKey"]
    marked = f"mirrored at {time.time()}"
    for _ in range(20):
        assert flowstead.score(SHOP, {"text": marked}, key).json()["said"] == "blue"
    logs = f"/onlineEndpoints/{SHOP}/deployments/green/getLogs"
    eventually("green has got copies", lambda: marked in flowstead.api("POST", logs).json()["content"])
    traffic.get_by_label("Mirror requests to").select_option("")
    save_traffic(traffic, flowstead, {"blue": 100})


def test_somebody_elses_change_of_the_traffic_is_not_overwritten_unseen(
    portal: Portal, flowstead: Installation
) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    traffic = page.get_by_role("region", name="Traffic")
    traffic.get_by_role("slider", name="Traffic of green").fill("10")
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"properties": {"traffic": {"blue": 80, "green": 20}}})
    expect(traffic).to_contain_text("Somebody else has changed the traffic meanwhile.")
    expect(traffic.get_by_role("slider", name="Traffic of green")).to_have_value("10")
    traffic.get_by_role("button", name="Discard").click()
    expect(traffic.get_by_role("slider", name="Traffic of green")).to_have_value("20")
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"properties": {"traffic": {"blue": 100, "green": None}}})


def test_what_was_meant_for_a_deployment_that_is_deleted_is_said_to_go_nowhere(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    deploy(flowstead, tmp_path, SHOP, "brief")
    page = portal.open(f"/endpoints/{SHOP}")
    traffic = page.get_by_role("region", name="Traffic")
    traffic.get_by_role("slider", name="Traffic of brief").fill("30")
    traffic.get_by_role("slider", name="Traffic of blue").fill("70")
    expect(traffic).to_contain_text("Sum: 100 %")
    flowstead.run("online-deployment", "delete", "--endpoint-name", SHOP, "--name", "brief", "--yes")
    expect(traffic).to_contain_text("Somebody has deleted brief meanwhile")
    expect(traffic).to_contain_text("The shares sum to 70 %.")
    expect(traffic.get_by_role("button", name="Save traffic")).to_be_disabled()
    traffic.get_by_role("button", name="Discard").click()
    expect(traffic).not_to_contain_text("brief")


def test_both_urls_of_the_endpoint_can_be_copied(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    properties = flowstead.api("GET", f"/onlineEndpoints/{SHOP}").json()["properties"]
    for what, url in (("endpoint URL", properties["scoringUri"]), ("Swagger URL", properties["swaggerUri"])):
        page.get_by_role("button", name=f"Copy {what}").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == url
        expect(page.get_by_role("button", name="Copied")).to_have_count(0)


def test_m10_the_identity_is_told_with_its_roles(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    identity = page.get_by_role("region", name="Identity")
    principal = flowstead.api("GET", f"/onlineEndpoints/{SHOP}").json()["identity"]["principalId"]
    expect(identity).to_contain_text(principal)
    expect(identity).to_contain_text("Azure Machine Learning Workspace Connection Secrets Reader, on workspace default")
    expect(identity).to_contain_text("AcrPull, on container registry flowstead")
    identity.get_by_role("button", name="Copy principal id").click()
    expect(identity.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == principal


def test_a_second_browser_sees_a_description_and_tags_that_do_nothing(
    browser: Browser, portal: Portal, flowstead: Installation
) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    with opened(browser, flowstead) as second:
        other = second.open(f"/endpoints/{SHOP}")
        page.get_by_role("button", name="Edit").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Description").fill(PROBE)
        dialog.get_by_role("button", name="Add tag").click()
        dialog.get_by_label("Name of tag 1").fill("team")
        dialog.get_by_label("Value of tag 1").fill(PROBE)
        assert portal.accessibility_faults() == []
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_have_count(0)
        for each in (page, other):
            details = each.get_by_role("region", name="Details")
            expect(details).to_contain_text(PROBE)
            expect(details).to_contain_text(f"team: {PROBE}")
            expect(each.get_by_role("region", name="Events")).to_contain_text("Changed: description, tags")
            assert each.title() == f"{SHOP} · Flowstead"
            assert each.locator("main img[src=x]").count() == 0
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"tags": {"team": None}, "properties": {"description": ""}})


def test_an_edit_of_what_has_changed_meanwhile_is_asked(portal: Portal, flowstead: Installation) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Description").fill("mine")
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"properties": {"description": "theirs"}, "tags": {"team": "b"}})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text('Somebody else has changed it meanwhile: description is "theirs" now.')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("region", name="Details")).to_contain_text("mine")
    assert flowstead.api("GET", f"/onlineEndpoints/{SHOP}").json()["tags"] == {"team": "b"}
    patch(flowstead, f"/onlineEndpoints/{SHOP}", {"properties": {"description": ""}, "tags": {"team": None}})


def test_traffic_that_is_not_saved_is_not_left_unasked(portal: Portal) -> None:
    page = portal.open(f"/endpoints/{SHOP}")
    page.get_by_role("slider", name="Traffic of green").fill("10")
    portal.go("Flows")
    question = page.get_by_role("alertdialog", name="Leave without saving the traffic?")
    question.get_by_role("button", name="Stay").click()
    expect(page.get_by_role("slider", name="Traffic of green")).to_have_value("10")
    portal.go("Flows")
    question.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", level=1, name="Flows")).to_be_visible()


def test_a_reader_sees_the_endpoint_and_no_key(browser: Browser, flowstead: Installation) -> None:
    token = reader_token(flowstead, "shop-reader")
    with opened(browser, flowstead, link=lambda: link_of(flowstead, token)) as portal:
        page = portal.open(f"/endpoints/{SHOP}")
        expect(page.get_by_role("region", name="Deployments")).to_contain_text("blue")
        keys = page.get_by_role("region", name="Keys")
        expect(keys.get_by_role("alert")).to_contain_text("listKeys/action")
        expect(keys.get_by_role("button", name="Show primary key")).to_have_count(0)
        expect_refused(keys.get_by_role("button", name="Regenerate primary key"), "regenerateKeys/action")
        for key in flowstead.keys(SHOP).values():
            assert key not in page.content()
        expect_refused(page.get_by_role("button", name="Edit"), "onlineEndpoints/write")


def test_deploy_on_a_model_opens_the_wizard_with_it(portal: Portal, flowstead: Installation) -> None:
    model = model_of(flowstead, SHOP, "blue")
    name, version = model.split("/")[-3::2]
    page = portal.open("/endpoints?tab=models")
    row(page, "Models", f"{SHOP}/blue").get_by_role("link", name="Deploy").click()
    expect(page.get_by_role("heading", level=1, name=f"Deploy {name}")).to_be_visible()
    page.go_back()
    row(page, "Models", f"{SHOP}/blue").get_by_role("button", name=name).click()
    listed = page.get_by_role("dialog").get_by_role("listitem").filter(has_text=f"Version {version}")
    listed.get_by_role("link", name="Deploy").click()
    expect(page.get_by_role("heading", level=1, name=f"Deploy {name}")).to_be_visible()
    expect(page.get_by_text(f"Version {version} of a registered model.")).to_be_visible()
    sent = Sent.by(page)
    review(page)
    (planned,) = [each for each in sent.plans[-1]["resources"] if "/deployments/" in each["id"]]
    assert planned["body"]["properties"]["model"] == model


def test_models_are_archived_restored_and_deleted(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    name, version = model_of(flowstead, SHOP, "blue").split("/")[-3::2]
    deploy(flowstead, tmp_path, "shop-spare", "spare")
    flowstead.run("online-endpoint", "delete", "--name", "shop-spare", "--yes")
    page = portal.open("/endpoints?tab=models")
    of_shop = row(page, "Models", f"{SHOP}/blue")
    expect(of_shop.get_by_role("button", name=name)).to_be_visible()
    of_shop.get_by_role("button", name=name).click()
    drawer = page.get_by_role("dialog")
    versions = drawer.get_by_role("list", name=f"Versions of {name}")
    expect(versions).to_contain_text(f"Used by: {SHOP}/blue")
    assert portal.accessibility_faults() == []
    portal.expected.append("409")
    versions.get_by_role("listitem").filter(has_text=f"Version {version}").get_by_role("button", name="Delete").click()
    asked = page.get_by_role("dialog").filter(has_text="Type")
    asked.get_by_label(f"Type {name}:{version} to confirm").fill(f"{name}:{version}")
    asked.get_by_role("button", name="Delete", exact=True).click()
    expect(asked).to_contain_text(f"The deployment {SHOP}/blue uses it.")
    asked.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Close the model").click()
    spare = row(page, "Models", "spare")
    spare.get_by_role("button", name="spare").click()
    page.get_by_role("button", name="Archive model").click()
    page.get_by_role("button", name="Close the model").click()
    expect(spare).to_have_count(0)
    page.get_by_label("Show archived").check()
    row(page, "Models", "spare (archived)").get_by_role("button", name="spare (archived)").click()
    page.get_by_role("button", name="Delete model").click()
    asked.get_by_label("Type spare to confirm").fill("spare")
    asked.get_by_role("button", name="Delete", exact=True).click()
    expect(row(page, "Models", "spare")).to_have_count(0)


def test_m53_an_endpoint_is_deleted_when_its_name_is_typed(
    portal: Portal, flowstead: Installation, tmp_path: Path
) -> None:
    deploy(flowstead, tmp_path, "shop-closing", "last")
    page = portal.open("/endpoints/shop-closing")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("its deployments last, with 1 instance and their logs")
    confirm = dialog.get_by_role("button", name="Delete")
    expect(confirm).to_be_disabled()
    dialog.get_by_label("Type shop-closing to confirm").fill("shop-closin")
    expect(confirm).to_be_disabled()
    assert portal.accessibility_faults() == []
    dialog.get_by_label("Type shop-closing to confirm").fill("shop-closing")
    began = time.monotonic()
    confirm.click()
    expect(page.get_by_role("table", name="Endpoints")).to_be_visible()
    expect(row(page, "Endpoints", "shop-closing")).to_have_count(0)
    print(f"gone after {time.monotonic() - began:.1f} s")
    assert flowstead.api("GET", "/onlineEndpoints/shop-closing").status_code == 404
    assert flowstead.instance_pids("shop-closing") == []


@pytest.mark.parametrize(
    "path", ["/endpoints", "/endpoints?tab=endpoints", "/endpoints?tab=models", f"/endpoints/{SHOP}"]
)
def test_on_a_phone_nothing_sticks_out_and_all_is_accessible(
    browser: Browser, flowstead: Installation, path: str
) -> None:
    with opened(browser, flowstead, size=NARROW) as portal:
        page = portal.open(path)
        expect(page.get_by_role("table").first).to_be_visible()
        assert not scrolls_sideways(page)
        assert portal.accessibility_faults() == []
        assert narrowest_cell(page) >= READABLE_PX


def test_on_a_phone_deployments_are_sorted_too(narrow_portal: Portal) -> None:
    page = narrow_portal.open("/endpoints")
    names = page.get_by_role("table", name="Deployments").get_by_role("row").locator("td:first-child")
    expect(names.first).to_be_visible()
    page.get_by_label("Sort deployments").select_option("Name, descending")
    shown = names.all_inner_texts()
    assert len(shown) > 1
    page.get_by_label("Sort deployments").select_option("Name, ascending")
    expect(names).to_have_text(shown[::-1])


def test_an_endpoint_that_is_not_there_says_so(portal: Portal) -> None:
    portal.expected.append("404")
    page = portal.open("/endpoints/shop-nowhere")
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")
