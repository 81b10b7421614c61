"""Answers of some megabytes: their beginning is shown, and every interaction is answered by the next paint within 200
ms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import tested_flows
from tests.browser.portal import Portal, opened
from tests.browser.responsiveness import RESPONSIVE_MS, WATCH, slow
from tests.browser.tested_flows import PAGE, tab
from tests.installation import Installation

ITEMS = [
    {"id": number, "title": f"item {number}", "score": number / 7, "words": ["one", "two"], "text": "some words " * 5}
    for number in range(35_000)
]
ANSWER = json.dumps({"items": ITEMS, "exact": 9007199254740993})
TEXT = json.dumps({"said": "It goes on and on.\n" * 270_000})
UNBROKEN = json.dumps({"said": "x" * 5_000_000})


@pytest.fixture(scope="module")
def endpoint(flowstead: Installation) -> str:
    return tested_flows.deploy(flowstead, PAGE)


@pytest.fixture
def watched(browser: Browser, flowstead: Installation) -> Iterator[Portal]:
    with opened(browser, flowstead) as portal:
        yield portal


def answered(portal: Portal, endpoint: str, answer: str) -> Page:
    """The Test tab once that has been answered, watched from before the click."""
    assert len(answer) > 5_000_000
    page = portal.open(tab(endpoint, "test"))
    page.route("**/score", lambda route: route.fulfill(body=answer, content_type="application/json"))
    page.evaluate(WATCH)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("Status 200")).to_be_visible()
    return page


def check_quick(page: Page) -> None:
    found = slow(page)
    assert [each for each in found if each[1] > RESPONSIVE_MS] == []


def test_an_answer_of_5_mb_in_json(watched: Portal, endpoint: str, tmp_path: Path) -> None:
    page = answered(watched, endpoint, ANSWER)
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text("35000 items", exact=True)).to_be_visible()
    expect(result.locator("details")).to_have_count(101)
    result.get_by_text("99", exact=True).click()
    expect(result.get_by_text("item 99", exact=True)).to_be_visible()
    result.get_by_role("button", name="Show more of 35000 items").click()
    expect(result.get_by_text("299", exact=True)).to_be_visible()
    result.get_by_role("tab", name="JSON").click()
    expect(result.locator("pre")).to_contain_text('"title": "item 100"')
    shown = len(result.locator("pre").text_content() or "")
    assert shown == 100_000
    result.get_by_role("button", name="Show more").click()
    expect(result.get_by_text("The first 200,000 characters are shown.")).to_be_visible()
    assert watched.accessibility_faults() == []
    result.get_by_role("button", name="Copy result").click()
    expect(result.get_by_role("button", name="Copied")).to_be_visible()
    with page.expect_download() as downloading:
        result.get_by_role("button", name="Download").click()
    downloading.value.save_as(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == json.loads(ANSWER)
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == json.loads(ANSWER)
    result.get_by_role("tab", name="Tree").click()
    expect(result.get_by_text("35000 items", exact=True)).to_be_visible()
    check_quick(page)


@pytest.mark.parametrize("answer", [TEXT, UNBROKEN], ids=["lines", "unbroken"])
def test_a_text_of_5_mb(watched: Portal, endpoint: str, answer: str) -> None:
    page = answered(watched, endpoint, answer)
    result = page.get_by_role("region", name="Result")
    for characters in ("100,000", "200,000"):
        expect(result.get_by_text(f"The first {characters} characters are shown.")).to_be_visible()
        result.get_by_role("button", name="Show more").click()
    result.get_by_role("tab", name="JSON").click()
    result.get_by_role("button", name="Show more").click()
    expect(result.get_by_text("The first 200,000 characters are shown.")).to_be_visible()
    page.get_by_role("textbox").first.press("a")
    check_quick(page)
