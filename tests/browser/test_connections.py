"""Connections in the portal: every type by its form, secrets that are given and never seen, who uses them, rotation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

from flowstead.azure_yaml.connection import read_connection
from flowstead.azure_yaml.connection_types import TYPES
from flowstead.azure_yaml.document import read_document
from tests.browser.connection_forms import ENTRA, FORMS, SECRET, TARGET
from tests.browser.people import expect_refused, newcomer
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import Installation, eventually, write_flow

PROBE = "<img src=x onerror=alert(1)>"
DIGEST = """\
import hashlib

from promptflow.connections import CustomConnection
from promptflow.core import tool


@tool
def say(text: str, conn: CustomConnection) -> str:
    return text + " " + hashlib.sha256(conn.pin.encode()).hexdigest()
"""
USES_ONE = """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${say.output}"}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs: {text: "${inputs.text}", conn: rotated}
"""


@pytest.fixture(scope="module")
def used(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a deployment that uses the connection `rotated`, whose key it tells the hash of."""
    given = {"category": "CustomKeys", "credentials": {"keys": {"pin": "first"}}, "metadata": {"host": PROBE}}
    assert flowstead.api("PUT", "/connections/rotated", {"properties": given}).status_code == 200
    flow = write_flow(tmp_path_factory.mktemp("flow") / "digest", DIGEST, yaml=USES_ONE)
    flowstead.run("deploy", str(flow), "--endpoint", "digest")
    yield "digest"
    flowstead.run("online-endpoint", "delete", "--name", "digest", "--yes")


def test_each_type_comes_to_what_its_yaml_comes_to(portal: Portal, tmp_path: Path) -> None:
    told: list[Response] = []
    portal.page.on("response", lambda answer: told.append(answer))
    assert {yaml.partition("\n")[0] for _, yaml in FORMS.values()} == set(TYPES), "a type has no form here"
    with portal.site.client() as api:
        for number, (label, (fields, yaml)) in enumerate(FORMS.items()):
            name = f"by-form-{number}"
            portal.go("Connections")
            page = portal.page
            page.get_by_role("button", name="New connection").click()
            page.get_by_role("combobox", name="Type").click()
            page.get_by_role("option", name=label.strip(), exact=True).click()
            fill(page, {"Name": name, **fields})
            page.get_by_role("button", name="Create", exact=True).click()
            expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
            assert as_kept(api, name) == as_said(tmp_path, yaml), label
            assert SECRET not in page.content()
            assert not any(SECRET in _text(each) for each in told), "an answer held the secret"
            told.clear()
    assert SECRET not in str(portal.page.evaluate("JSON.stringify([localStorage, sessionStorage])"))


def new_connection(portal: Portal, word: str = "") -> Locator:
    """The form of a new one, by its address. word: of its type."""
    portal.page.goto(f"{portal.site.url}/portal/connections?new={word}")
    form = portal.page.get_by_role("dialog")
    expect(form.get_by_role("heading", name="New connection")).to_be_visible()
    return form


def fill(page: Page, fields: Mapping[str, str]) -> None:
    form = page.get_by_role("dialog")
    if "Authentication" in fields:
        choice = form.get_by_role("radio", name=fields["Authentication"], exact=True)
        choice.check(force=True)
    rows = {"key": 0, "setting": 0}
    for label, value in fields.items():
        kind, _, own = label.partition(" ")
        if kind in rows and own:
            rows[kind] += 1
            if kind == "setting" or rows[kind] > 1:
                form.get_by_role("button", name=f"Add {kind}").click()
            form.get_by_label(f"Name of {kind} {rows[kind]}").fill(own)
            shown = own if kind == "key" else rows[kind]
            form.get_by_label(f"Value of {kind} {shown}").fill(value)
        elif label != "Authentication":
            box = form.get_by_label(re.compile(rf"^{re.escape(label)}\s*\*?$"))
            form.locator("input:not([type=radio])").and_(box).fill(value)


def as_kept(api: httpx.Client, name: str) -> dict[str, Any]:
    """The connection as it is, its secrets in it; null and absent are one."""
    kept = dict(api.post(f"/connections/{name}/listsecrets").json()["properties"])
    kept.pop("credentialNames")
    return _without_nulls(kept)


def as_said(folder: Path, yaml: str) -> dict[str, Any]:
    """What the API makes of the file."""
    file = folder / "connection.yml"
    file.write_text(f"name: c\ntype: {yaml.replace('SECRET', SECRET)}\n")
    body = dict(read_connection(read_document(file)).body["properties"])
    return _without_nulls({"target": None, "credentials": {}, **body})


def _without_nulls(properties: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in properties["metadata"].items() if value is not None}
    credentials = properties.get("credentials") or None
    if properties["category"] == "CustomKeys" and "Custom" in metadata.values() and credentials is None:
        metadata = {}
    return {
        **{name: value for name, value in properties.items() if value is not None and name != "credentials"},
        "metadata": metadata,
        **({"credentials": credentials} if credentials else {}),
    }


def _text(answer: Response) -> str:
    try:
        return answer.text() if "json" in answer.headers.get("content-type", "") else answer.url
    except Exception:
        return ""  # gone with its page


def test_what_is_wrong_is_said_at_its_field(portal: Portal, flowstead: Installation) -> None:
    given = {"category": "Serp", "credentials": {"key": "k"}}
    flowstead.api("PUT", "/connections/taken", {"properties": given})
    form = new_connection(portal, "open_ai")
    form.get_by_role("textbox", name="Name", exact=True).fill("my llm")
    form.get_by_label("Base URL").fill("localhost")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text("Begin with a letter or digit; use up to 255")).to_be_visible()
    expect(form.get_by_text("This is no web address: it begins with https:// or http://.")).to_be_visible()
    expect(form.get_by_text("Key is missing.")).to_be_visible()
    assert portal.accessibility_faults() == []
    form.get_by_role("textbox", name="Name", exact=True).fill("taken")
    form.get_by_label("Base URL").fill("http://localhost")
    form.get_by_label("Key", exact=True).fill(SECRET)
    portal.expected.append("412")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text("There is a connection taken already.").first).to_be_visible()
    assert flowstead.api("GET", "/connections/taken").json()["properties"]["category"] == "Serp"


def test_any_category_that_the_api_takes_can_be_made(portal: Portal, flowstead: Installation) -> None:
    form = new_connection(portal, "other")
    page = form.page
    form.get_by_role("textbox", name="Name", exact=True).fill("cache")
    form.get_by_label("Category").fill("Redis")
    form.get_by_role("combobox", name="Authentication").click()
    page.get_by_role("option", name="User name and password").click()
    form.get_by_label("User name").fill("ann")
    form.get_by_label("Password").fill(SECRET)
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name="cache")).to_be_visible()
    kept = flowstead.api("POST", "/connections/cache/listsecrets").json()["properties"]
    assert (kept["category"], kept["authType"]) == ("Redis", "UsernamePassword")
    assert kept["credentials"] == {"username": "ann", "password": SECRET}


def test_a_change_leaves_kept_secrets_as_they_are(portal: Portal, flowstead: Installation) -> None:
    given = {"category": "CustomKeys", "credentials": {"keys": {"a": "1", "b": "2"}}, "metadata": {"x": "y", "z": "w"}}
    flowstead.api("PUT", "/connections/edited", {"properties": given})
    page = portal.open("/connections/edited")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("kept")).to_have_count(2)
    form.get_by_label("Target").fill(TARGET)
    form.get_by_role("button", name="Remove setting x").click()
    form.get_by_role("button", name="Remove key a").click()
    form.get_by_role("button", name="Add key").click()
    form.get_by_label("Name of key 2").fill("c")
    form.get_by_label("Value of key c").fill("3")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    kept = flowstead.api("POST", "/connections/edited/listsecrets").json()["properties"]
    assert (kept["target"], kept["metadata"]) == (TARGET, {"z": "w"})
    assert kept["credentials"] == {"keys": {"b": "2", "c": "3"}}
    expect(page.get_by_label("Settings").get_by_text(TARGET)).to_be_visible()


def test_a_key_gives_way_to_entra_id(portal: Portal, flowstead: Installation) -> None:
    given = {"category": "AzureOpenAi", "target": TARGET, "credentials": {"key": "k"}, "metadata": {"ApiType": "Azure"}}
    flowstead.api("PUT", "/connections/keyless", {"properties": given})
    page = portal.open("/connections/keyless")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("radio", name=ENTRA).press("Space")
    expect(page.get_by_role("dialog").get_by_text("Cognitive Services OpenAI User")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Settings").get_by_text(ENTRA)).to_be_visible()
    expect(page.get_by_role("button", name="Rotate secret")).to_have_count(0)
    kept = flowstead.api("POST", "/connections/keyless/listsecrets").json()["properties"]
    assert (kept["authType"], kept["credentials"]) == ("AAD", {})


def test_a_rotated_secret_reaches_the_flow(portal: Portal, flowstead: Installation, used: str) -> None:
    key = flowstead.keys(used)["primaryKey"]
    assert _digest("first") in flowstead.score(used, {"text": "hi"}, key).text
    page = portal.open("/connections/rotated")
    table = page.get_by_role("table", name="Used by")
    expect(table.get_by_role("link", name="digest/blue")).to_be_visible()
    expect(table.get_by_text("node 'say'")).to_be_visible()
    expect(table.get_by_text("Succeeded")).to_be_visible()
    expect(page.get_by_label("Settings").get_by_text(PROBE)).to_be_visible()
    page.get_by_role("button", name="Rotate secret").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The deployment that uses it starts new instances with the new value.")).to_be_visible()
    assert portal.accessibility_faults() == []
    dialog.get_by_label("New pin").fill(SECRET)
    dialog.get_by_role("button", name="Rotate").click()
    expect(table.get_by_role("progressbar").or_(table.get_by_text("Updating")).first).to_be_visible()
    expect(table.get_by_text("Succeeded")).to_be_visible()
    eventually("the flow has it", lambda: _digest(SECRET) in flowstead.score(used, {"text": "hi"}, key).text)
    assert SECRET not in page.content()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def test_what_is_used_is_not_deleted(portal: Portal, used: str) -> None:
    page = portal.open("/connections/rotated")
    expect(page.get_by_role("link", name="digest/blue")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"It is used by {used}/blue.")).to_be_visible()
    dialog.get_by_label("Type rotated to confirm").fill("rotated")
    portal.expected.append("409")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_text(f"The connection rotated is used by {used}/blue.")).to_be_visible()
    assert portal.accessibility_faults() == []


def test_one_that_nobody_uses_goes_when_its_name_is_typed(
    portal: Portal, browser: Browser, flowstead: Installation
) -> None:
    with opened(browser, flowstead) as other:
        other.open("/connections")
        flowstead.api(
            "PUT", "/connections/short-lived", {"properties": {"category": "Serp", "credentials": {"key": "k"}}}
        )
        row = other.page.get_by_role("link", name="short-lived")
        expect(row).to_be_visible()
        page = portal.open("/connections/short-lived")
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_be_disabled()
        page.get_by_label("Type short-lived to confirm").fill("short-lived")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", level=1, name="Connections")).to_be_visible()
        expect(row).to_have_count(0)


def test_a_reader_looks_and_changes_nothing(browser: Browser, flowstead: Installation) -> None:
    given = {"category": "Serp", "credentials": {"key": SECRET}}
    flowstead.api("PUT", "/connections/guarded", {"properties": given})
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as reader:
        page = reader.open("/connections/guarded")
        expect(page.get_by_label("Secrets").get_by_text("kept", exact=True)).to_be_visible()
        expect_refused(page.get_by_role("button", name="Rotate secret"), "connections/write")
        assert SECRET not in page.content()
    assert flowstead.api("POST", "/connections/guarded/listsecrets").json()["properties"]["credentials"] == {
        "key": SECRET
    }


def test_connections_on_a_phone(narrow_portal: Portal, flowstead: Installation) -> None:
    given = {"category": "Custom", "target": "https://a-long-name.example/" + "x" * 200, "metadata": {"a": PROBE}}
    flowstead.api("PUT", "/connections/on-a-phone", {"properties": given})
    for path in ("/connections", "/connections/on-a-phone", ""):
        page = narrow_portal.open(path) if path else new_connection(narrow_portal, "custom").page
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page), f"{path} scrolls sideways"
        assert narrow_portal.accessibility_faults() == []


def test_a_connection_that_is_not_there_says_so(portal: Portal) -> None:
    portal.expected.append("404")
    page = portal.open("/connections/nowhere")
    expect(page.get_by_text("This is not here.")).to_be_visible()
