"""Numbers that JavaScript would round or write otherwise are sent as they were typed and shown as they came."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import tested_flows
from tests.browser.portal import Portal
from tests.browser.tested_flows import NUMBERS, tab
from tests.installation import Installation


@pytest.fixture(scope="module")
def numbers(flowstead: Installation) -> str:
    return tested_flows.deploy(flowstead, NUMBERS, "--collect")


def sent_by_test(page: Page) -> str:
    with page.expect_request("**/score") as sent:
        page.get_by_role("button", name="Test", exact=True).click()
    return sent.value.post_data or ""


def test_m48_what_is_typed_is_sent_and_what_came_is_shown(portal: Portal, numbers: str) -> None:
    page = portal.open(tab(numbers, "test"))
    result = page.get_by_role("region", name="Result")
    expect(page.get_by_role("textbox", name="count")).to_have_value("9007199254740993")
    expect(page.get_by_role("textbox", name="options")).to_have_value('{\n  "id": 9007199254740993,\n  "share": 0.0\n}')
    page.get_by_role("textbox", name="count").fill("12345678901234567890")
    sent = '{"count":12345678901234567890,"options":{"id":9007199254740993,"share":0.0}}'
    assert sent_by_test(page) == sent
    expect(result).to_contain_text("12345678901234567890 {'id': 9007199254740993, 'share': 0.0}")

    page.get_by_role("tab", name="JSON editor").click()
    sent = '{"count":-9007199254740995,"options":{"k":9007199254740997,"list":[1.0,2.50,"1.0"]}}'
    page.get_by_role("textbox", name="Inputs as JSON").fill(sent)
    assert sent_by_test(page) == sent
    expect(result).to_contain_text("-9007199254740995 {'k': 9007199254740997, 'list': [1.0, 2.5, '1.0']}")
    expect(result.get_by_text("k9007199254740997")).to_be_visible()
    result.get_by_role("tab", name="JSON").click()
    expect(result.locator("pre")).to_contain_text('"k": 9007199254740997,')
    expect(result.locator("pre")).to_contain_text("1.0,")

    page = portal.open(tab(numbers, "data"))
    table = page.get_by_role("table", name="Collected records")
    expect(table.get_by_text("-9007199254740995", exact=True)).to_be_visible()
    expect(table.get_by_text('{"k":9007199254740997,"list":[1.0,2.5,"1.0"]}').first).to_be_visible()
    page.get_by_role("button", name="Details of request").first.click()
    expect(page.get_by_role("dialog").locator("pre").first).to_contain_text('"k": 9007199254740997,')


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_m51_samples_have_the_defaults_as_they_are(portal: Portal, numbers: str, language: str) -> None:
    page = portal.open(tab(numbers, "consume"))
    page.get_by_role("tab", name=language, exact=True).click()
    code = page.get_by_role("textbox", name=f"Sample in {language}", exact=True)
    expect(code).to_contain_text('"id": 9007199254740993')
    expect(code).to_contain_text('"share": 0.0')
