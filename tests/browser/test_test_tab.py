"""The Test tab of a deployment of a standard flow."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser import tested_flows
from tests.browser.people import newcomer, somebody
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.browser.tested_flows import KINDS, PAGE, TALK, tab
from tests.installation import Installation

PROBE = """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"""


@pytest.fixture(scope="module")
def kinds(flowstead: Installation) -> str:
    return tested_flows.deploy(flowstead, KINDS)


def opened_tab(portal: Portal, endpoint: str) -> Page:
    page = portal.open(tab(endpoint, "test"))
    expect(run_button(page)).to_be_visible()
    return page


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Test", exact=True)


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


def json_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Inputs as JSON")


def shown_json(page: Page) -> Any:
    return json.loads("\n".join(json_box(page).locator(".cm-line").all_inner_texts()))


def sent_by(page: Page, click: Locator) -> Any:
    """The request to the endpoint that a click makes."""
    with page.expect_request("**/score") as sent:
        click.click()
    return sent.value


def test_m48_a_value_typed_in_one_editor_shows_in_the_other(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    box(page, "text").fill("from the form")
    box(page, "count").fill("3")
    page.get_by_role("combobox", name="on").select_option("false")
    page.get_by_role("tab", name="JSON editor").click()
    expect(json_box(page)).to_contain_text("from the form")
    assert shown_json(page) == {
        "text": "from the form", "count": 3, "ratio": 0.5, "on": False, "items": [], "options": {}
    }  # fmt: skip
    json_box(page).fill('{"text": "from JSON", "count": 4, "on": true, "items": ["a", 1], "options": {"deep": null}}')
    page.get_by_role("tab", name="Form editor").click()
    expect(box(page, "text")).to_have_value("from JSON")
    expect(box(page, "count")).to_have_value("4")
    expect(box(page, "ratio")).to_have_value("")
    expect(page.get_by_role("combobox", name="on")).to_have_value("true")
    expect(box(page, "items")).to_have_value('[\n  "a",\n  1\n]')
    assert json.loads(box(page, "options").input_value()) == {"deep": None}


def test_m48_types_are_honoured_and_the_result_is_shown(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    values = {"count": "7", "ratio": "2", "items": '["x"]', "options": '{"a": {"b": 1}}'}
    for name, value in values.items():
        box(page, name).fill(value)
    request = sent_by(page, run_button(page))
    assert request.post_data_json == {
        "text": "hello", "count": 7, "ratio": 2, "on": True, "items": ["x"], "options": {"a": {"b": 1}}
    }  # fmt: skip
    assert request.headers["azureml-model-deployment"] == "blue"
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text("Status 200")).to_be_visible()
    expect(result.get_by_text("answered by blue")).to_be_visible()
    expect(result.get_by_text("Request id")).to_be_visible()
    result.get_by_role("tab", name="JSON").click()
    answer = json.loads(result.locator("pre").inner_text())
    assert answer["types"] == {
        "text": "str", "count": "int", "ratio": "float", "on": "bool", "items": "list", "options": "dict"
    }  # fmt: skip


def test_a_look_at_another_tab_loses_neither_inputs_nor_result(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    box(page, "count").fill("7")
    run_button(page).click()
    expect(page.get_by_role("region", name="Result").get_by_text("Status 200")).to_be_visible()
    box(page, "text").fill("half a thou")
    page.get_by_role("tab", name="Logs", exact=True).click()
    expect(run_button(page)).to_have_count(0)
    page.get_by_role("tab", name="Test", exact=True).click()
    expect(page.get_by_role("region", name="Result").get_by_text("Status 200")).to_be_visible()
    expect(box(page, "count")).to_have_value("7")
    expect(box(page, "text")).to_have_value("half a thou")


def test_m48_what_is_wrong_is_said_at_its_place(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    expect(page.get_by_role("status").get_by_text("count: A value is required.")).to_be_visible()
    expect(run_button(page)).to_be_disabled()
    box(page, "count").fill("many")
    expect(box(page, "count")).to_have_attribute("aria-invalid", "true")
    expect(box(page, "count")).to_have_accessible_description("A whole number is expected, not “many”. int")
    page.get_by_role("tab", name="JSON editor").click()
    problems = page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text("count: A whole number is expected, not “many”.")
    json_box(page).fill('{\n  "count": 1,\n  "cuont": 2\n}')
    expect(problems).to_have_text("Line 3: The flow has no input cuont and ignores it.")
    expect(run_button(page)).to_be_enabled()
    json_box(page).fill('{\n  "count": 1,\n  oops\n}')
    expect(problems).to_contain_text("Line 3: Not JSON")
    expect(run_button(page)).to_be_disabled()
    assert portal.accessibility_faults() == []
    page.get_by_role("tab", name="Form editor").click()
    expect(box(page, "count")).to_have_value("1")


def test_m48_an_error_has_the_flows_own_words(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    portal.expected.append("424")
    box(page, "count").fill("1")
    box(page, "text").fill("fail")
    run_button(page).click()
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_role("alert")).to_contain_text("The flow failed (424).")
    expect(result.get_by_role("alert")).to_contain_text("the flow's very own words <b>&amp;</b>")
    expect(result.get_by_text("Status 424")).to_be_visible()
    expect(result.get_by_text("Request id")).to_be_visible()
    assert portal.accessibility_faults() == []


def test_markup_in_inputs_and_outputs_is_text(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    box(page, "count").fill("1")
    box(page, "text").fill(PROBE)
    box(page, "options").fill(json.dumps({PROBE: PROBE}))
    run_button(page).click()
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text(PROBE).first).to_be_visible()
    result.get_by_role("tab", name="JSON").click()
    page.get_by_role("tab", name="JSON editor").click()
    expect(json_box(page)).to_contain_text("onerror")
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "owned"


def test_on_a_phone_nothing_is_cut_off(narrow_portal: Portal, kinds: str) -> None:
    page = opened_tab(narrow_portal, kinds)
    box(page, "count").fill("1")
    run_button(page).click()
    expect(page.get_by_text("Status 200")).to_be_visible()
    assert not scrolls_sideways(page), "the page scrolls sideways"
    assert narrow_portal.accessibility_faults() == []


def test_the_key_stays_out_of_the_page(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    keys = portal.site.keys(kinds)
    box(page, "count").fill("1")
    assert sent_by(page, run_button(page)).headers["authorization"] == f"Bearer {keys['primaryKey']}"
    expect(page.get_by_text("Status 200")).to_be_visible()
    seen = page.content() + page.url + page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert not any(key in seen for key in keys.values())


def test_a_key_that_was_replaced_is_asked_for_again(portal: Portal, kinds: str) -> None:
    page = opened_tab(portal, kinds)
    portal.expected.append("401")
    box(page, "count").fill("1")
    run_button(page).click()
    expect(page.get_by_text("Status 200")).to_be_visible()
    portal.site.run("online-endpoint", "regenerate-keys", "--name", kinds, "--key-type", "primary")
    with page.expect_response(lambda answer: answer.url.endswith("/score") and answer.status == 200):
        run_button(page).click()


def test_an_endpoint_that_wants_a_token_gets_one(portal: Portal, flowstead: Installation) -> None:
    """Also when its mode changes while the page is open."""
    name = tested_flows.deploy(flowstead, PAGE, "--auth-mode", "aml_token", endpoint="tested-token")
    page = opened_tab(portal, name)
    box(page, "location").fill("LA")
    run_button(page).click()
    answered = page.get_by_role("region", name="Result").get_by_text("LA:")
    expect(answered).to_be_visible()
    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith(f"/onlineEndpoints/{name}")):
        flowstead.run("online-endpoint", "update", "--name", name, "--set", "auth_mode=aad_token")
    box(page, "location").fill("NY")
    with page.expect_request(re.compile("/session/endpointToken")):
        run_button(page).click()
    expect(page.get_by_role("region", name="Result").get_by_text("NY:")).to_be_visible()


def test_a_good_token_without_the_permission_is_told_what_is_lacking(portal: Portal, flowstead: Installation) -> None:
    """Of somebody else here, since who may not score cannot select Test. No instance has answered."""
    name = tested_flows.deploy(flowstead, PAGE, "--auth-mode", "aad_token", endpoint="tested-entra")
    token = somebody(flowstead, "entra-reader", "Reader", "workspace").token("https://ml.azure.com")
    given = {"accessToken": token, "expiryTimeUtc": 2**33, "refreshAfterTimeUtc": 2**33}
    portal.page.route(re.compile("/session/endpointToken"), lambda route: route.fulfill(json=given))
    portal.expected.append("401")
    page = opened_tab(portal, name)
    for each in ("location", "url"):
        box(page, each).fill("x")
    run_button(page).click()
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text("Status 401")).to_be_visible()
    said = result.get_by_role("alert")
    expect(said).to_contain_text("The endpoint did not take the key or token (401).")
    lacking = rf"may not perform \S+/onlineEndpoints/score/action on \S+/onlineEndpoints/{name},"
    expect(said).to_contain_text(re.compile(lacking))
    expect(said).to_contain_text('role assignment create --role "AzureML Data Scientist"')
    expect(result.get_by_text("answered by")).to_have_count(0)


def test_an_endpoint_with_a_host_of_its_own_is_called_by_this_one(portal: Portal, kinds: str) -> None:
    """With a domain, whose hosts no page here may call."""

    def elsewhere(route: Route) -> None:
        answer = route.fetch()
        endpoint = answer.json()
        endpoint["properties"]["scoringUri"] = f"http://{kinds}.example.test/score"
        route.fulfill(response=answer, json=endpoint)

    portal.page.route(re.compile(rf"/onlineEndpoints/{kinds}\?"), elsewhere)
    page = opened_tab(portal, kinds)
    box(page, "count").fill("1")
    assert sent_by(page, run_button(page)).url == f"{portal.site.url}/endpoints/{kinds}/score"
    expect(page.get_by_text("Status 200")).to_be_visible()


def test_only_the_chosen_outputs_are_answered(portal: Portal, flowstead: Installation) -> None:
    """A chat whose answer is not among them is still answered with what is."""
    name = tested_flows.deploy(flowstead, TALK, "--outputs", "tone", endpoint="tested-chosen")
    page = portal.open(tab(name, "test"))
    page.get_by_role("textbox", name="question").fill("hi")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("article", name="Answer")).to_contain_text("dry")


def test_a_deployment_that_is_not_ready_says_so_and_what_to_do(portal: Portal, flowstead: Installation) -> None:
    broken = tested_flows.write_broken(flowstead, "tested-broken")
    page = portal.open(tab(broken, "test"))
    expect(page.get_by_text("This deployment failed, so it cannot answer.")).to_be_visible()
    expect(page.get_by_text("The Details and Logs tabs tell more.")).to_be_visible()
    expect(run_button(page)).to_be_disabled()


def test_an_unknown_deployment_is_said_to_be_none(portal: Portal, kinds: str) -> None:
    portal.expected.append("404")
    page = portal.open(tab(kinds, "test", deployment="green"))
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")


def test_a_reader_is_told_that_he_may_not_have_the_key(browser: Browser, flowstead: Installation, kinds: str) -> None:
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as portal:
        page = opened_tab(portal, kinds)
        box(page, "count").fill("1")
        expect(run_button(page)).to_be_disabled()
        expect(page.get_by_role("alert")).to_contain_text("listKeys/action")
