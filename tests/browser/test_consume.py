"""The Consume tab: how programs call the endpoint. Each sample is taken from the page and run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import tested_flows
from tests.browser.people import newcomer
from tests.browser.portal import Portal, opened, scrolls_sideways, sign_in_link
from tests.browser.tested_flows import NASTY, NASTY_TEXT, PAGE, TALK, tab
from tests.browser.toolchains import TOOLCHAINS
from tests.installation import Installation, eventually

_COPY = re.compile("Copy code|Copied")


@pytest.fixture(scope="module")
def page_flow(flowstead: Installation) -> str:
    return tested_flows.deploy(flowstead, PAGE)


@pytest.fixture(scope="module")
def nasty(flowstead: Installation) -> str:
    return tested_flows.deploy(flowstead, NASTY)


@pytest.fixture(scope="module")
def samples(browser: Browser, flowstead: Installation, nasty: str) -> dict[str, str]:
    """By language, as they are copied from the page with the key filled in."""
    with opened(browser, flowstead) as portal:
        page = portal.open(tab(nasty, "consume"))
        fill_in(page, "Fill in the primary key")
        found = {language: sample(page, language) for language in TOOLCHAINS}
        listed = page.get_by_role("tablist", name="Language").get_by_role("tab").all_inner_texts()
        assert {each.strip() for each in listed} == set(TOOLCHAINS), "every sample is run by a test"
        return found


def sample(page: Page, language: str) -> str:
    page.get_by_role("tab", name=language, exact=True).click()
    expect(page.get_by_role("textbox", name=f"Sample in {language}", exact=True)).to_be_visible()
    return copied(page, page.get_by_role("region", name="Sample code").get_by_role("button", name=_COPY))


def copied(page: Page, button: Locator) -> str:
    """What a button copies."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    return str(eventually("it is copied", lambda: page.evaluate("navigator.clipboard.readText()")))


def fill_in(page: Page, label: str) -> None:
    page.get_by_role("switch", name=label).click()
    expect(page.get_by_role("switch", name=label)).to_be_checked()


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_m51_each_sample_gets_an_answer(samples: dict[str, str], language: str, tmp_path: Path) -> None:
    """Whatever stands in the inputs arrives as it is."""
    TOOLCHAINS[language].demand()
    done = TOOLCHAINS[language].run(samples[language], tmp_path)
    assert done.returncode == 0, f"{samples[language]}\n{done.stdout}\n{done.stderr}"
    answer: Any = json.loads(done.stdout)
    assert answer["category"] == f"{NASTY_TEXT}: <url>"


@pytest.mark.parametrize("language", ["curl", "Python", "Python (streaming)", "JavaScript", "R"])
def test_a_sample_fails_aloud_with_a_wrong_key(
    samples: dict[str, str], flowstead: Installation, nasty: str, language: str, tmp_path: Path
) -> None:
    TOOLCHAINS[language].demand()
    code = samples[language].replace(flowstead.keys(nasty)["primaryKey"], "wrong")
    done = TOOLCHAINS[language].run(code, tmp_path)
    assert done.returncode != 0
    assert "401" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def by_https(browser: Browser, flowstead: Installation, nasty: str) -> Iterator[dict[str, tuple[str, str]]]:
    """By language, the sample and what makes it trust the certificate, as the page shows them by the HTTPS door."""
    link = sign_in_link(flowstead).replace(flowstead.url, flowstead.tls_url)
    context = browser.new_context(ignore_https_errors=True, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(link)
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.goto(f"{flowstead.tls_url}/portal{tab(nasty, 'consume')}")
    fill_in(page, "Fill in the primary key")
    trust = page.get_by_role("region", name="Trust this installation's certificate")
    found = {}
    for language in TOOLCHAINS:
        code = sample(page, language)
        expect(trust).to_contain_text(f"run it in {language}:")
        found[language] = (code, trust.locator("pre").inner_text())
    with page.expect_download() as downloading:
        trust.get_by_role("link", name="Download ca.pem").click()
    assert downloading.value.path().read_bytes() == (flowstead.home / "tls" / "ca.pem").read_bytes()
    yield found
    context.close()


@pytest.mark.parametrize("language", [each for each in TOOLCHAINS if each != "C#"])  # Mono is not .NET in this
def test_by_https_each_sample_gets_an_answer_once_it_trusts_the_certificate(
    by_https: dict[str, tuple[str, str]], flowstead: Installation, language: str, tmp_path: Path
) -> None:
    TOOLCHAINS[language].demand()
    code, trust = by_https[language]
    assert flowstead.tls_url in code
    untrusting = TOOLCHAINS[language].run(code, tmp_path)
    assert untrusting.returncode != 0, "the test proves nothing: the certificate is trusted anyway"
    shutil.copy(flowstead.home / "tls" / "ca.pem", tmp_path)
    done = TOOLCHAINS[language].after(trust).run(code, tmp_path)
    assert done.returncode == 0, f"{trust}\n{done.stdout}\n{done.stderr}"
    assert json.loads(done.stdout)["category"] == f"{NASTY_TEXT}: <url>"


def test_by_plain_http_nothing_is_to_be_trusted(portal: Portal, page_flow: str) -> None:
    page = portal.open(tab(page_flow, "consume"))
    expect(page.get_by_role("textbox", name="Sample in curl", exact=True)).to_be_visible()
    expect(page.get_by_text("ca.pem")).to_have_count(0)


def test_m51_the_python_streaming_sample_shows_pieces(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    talk = tested_flows.deploy(flowstead, TALK)
    page = portal.open(tab(talk, "consume"))
    fill_in(page, "Fill in the primary key")
    code = sample(page, "Python (streaming)").replace('"<question>"', '"say piece by piece, in several events"')
    done = TOOLCHAINS["Python (streaming)"].run(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "drypiece by piece, in several events\n"), done.stderr


def test_m11_m12_the_url_shown_is_the_endpoints_and_can_be_used_directly(
    portal: Portal, page_flow: str, tmp_path: Path
) -> None:
    page = portal.open(tab(page_flow, "consume"))
    properties = portal.site.api("GET", f"/onlineEndpoints/{page_flow}").json()["properties"]
    expect(page.get_by_role("textbox", name="REST endpoint")).to_have_value(properties["scoringUri"])
    expect(page.get_by_role("textbox", name="Swagger URI")).to_have_value(properties["swaggerUri"])
    assert copied(page, page.get_by_role("button", name="Copy REST endpoint")) == properties["scoringUri"]
    key = portal.site.keys(page_flow)["primaryKey"]
    command = sample(page, "curl").replace("<api_key>", key).replace("--fail-with-body", "--write-out '%{http_code}'")
    done = subprocess.run(["sh"], input=command, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    assert done.stdout.endswith("}200"), done.stdout + done.stderr
    read = httpx.get(properties["swaggerUri"], headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert "/score" in read.json()["paths"]


def test_m51_keys_are_masked_shown_on_demand_and_copied(portal: Portal, page_flow: str) -> None:
    page = portal.open(tab(page_flow, "consume"))
    keys = portal.site.keys(page_flow)
    for label, key in (("Primary key", keys["primaryKey"]), ("Secondary key", keys["secondaryKey"])):
        field = page.get_by_role("textbox", name=label)
        expect(field).to_have_value(re.compile("^•+$"))
        assert copied(page, page.get_by_role("button", name=f"Copy {label.lower()}")) == key
        assert not any(each in _everywhere(page) for each in keys.values()), "copying shows nothing"
        page.get_by_role("button", name=f"Show {label.lower()}").click()
        expect(field).to_have_value(key)
        page.get_by_role("button", name=f"Hide {label.lower()}").click()
        expect(field).to_have_value(re.compile("^•+$"))
    assert not any(each in _everywhere(page) for each in keys.values())


def test_m52_samples_ask_for_the_body_and_api_key(portal: Portal, page_flow: str) -> None:
    page = portal.open(tab(page_flow, "consume"))
    expect(page.get_by_text("Fill in the values of the inputs, and api_key")).to_be_visible()
    code = sample(page, "JavaScript")
    assert '{\n  "location": "<location>",\n  "url": "<url>"\n}' in code
    assert "<api_key>" in code
    assert 'api_key = "<api_key>"' in sample(page, "Python")
    expect(page.get_by_role("textbox", name="Sample in Python", exact=True)).to_contain_text('"location": "<location>"')


def test_the_language_is_remembered_and_the_key_is_not(portal: Portal, page_flow: str) -> None:
    page = portal.open(tab(page_flow, "consume"))
    key = portal.site.keys(page_flow)["primaryKey"]
    page.get_by_role("tab", name="Go", exact=True).click()
    fill_in(page, "Fill in the primary key")
    expect(page.get_by_role("textbox", name="Sample in Go")).to_contain_text(key)
    page.get_by_role("switch", name="Fill in the primary key").click()
    expect(page.get_by_role("textbox", name="Sample in Go")).to_contain_text("<api_key>")
    assert key not in _everywhere(page)
    page.reload()
    expect(page.get_by_role("tab", name="Go", exact=True)).to_have_attribute("aria-selected", "true")


def test_another_s_regeneration_replaces_what_is_shown_and_filled_in(portal: Portal, page_flow: str) -> None:
    page = portal.open(tab(page_flow, "consume"))
    before = portal.site.keys(page_flow)
    for which in ("primary", "secondary"):
        page.get_by_role("button", name=f"Show {which} key").click()
        expect(page.get_by_role("textbox", name=f"{which.title()} key")).to_have_value(before[f"{which}Key"])
    page.get_by_role("tab", name="Python", exact=True).click()
    fill_in(page, "Fill in the primary key")
    code = page.get_by_role("textbox", name="Sample in Python", exact=True)
    expect(code).to_contain_text(before["primaryKey"])
    portal.site.run("online-endpoint", "regenerate-keys", "--name", page_flow, "--key-type", "primary")
    fresh = portal.site.keys(page_flow)["primaryKey"]
    expect(page.get_by_role("textbox", name="Primary key")).to_have_value(fresh)
    expect(page.get_by_role("textbox", name="Secondary key")).to_have_value(before["secondaryKey"])
    expect(code).to_contain_text(fresh)
    assert before["primaryKey"] not in _everywhere(page)


def test_a_token_is_shown_with_its_end_and_renewed(portal: Portal, flowstead: Installation) -> None:
    name = tested_flows.deploy(flowstead, PAGE, "--auth-mode", "aml_token", endpoint="consumed-token")
    page = portal.open(tab(name, "consume"))
    field = page.get_by_role("textbox", name="Token")
    page.get_by_role("button", name="Show token").click()
    expect(field).not_to_have_value(re.compile("•"))
    first = field.input_value()
    assert flowstead.score(name, {"location": "LA", "url": "u"}, first).status_code == 200
    expect(page.get_by_text(re.compile("It expires in (1 hour|59 minutes)"))).to_be_visible()
    page.get_by_role("button", name="Refresh token").click()
    expect(field).not_to_have_value(first)
    expect(field).to_have_value(re.compile("^ey"))
    fill_in(page, "Fill in a token")
    code = sample(page, "Python")
    assert 'api_key = "ey' in code


def test_a_reader_sees_the_samples_and_no_key(browser: Browser, flowstead: Installation, page_flow: str) -> None:
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as portal:
        page = portal.open(tab(page_flow, "consume"))
        expect(page.get_by_role("alert")).to_contain_text("listKeys/action")
        command = page.get_by_role("alert").locator("pre")
        expect(command).to_contain_text("flowstead role assignment create")
        copy = page.get_by_role("alert").get_by_role("button", name=re.compile("Copy the grant command|Copied"))
        assert copied(page, copy) == command.inner_text()
        expect(page.get_by_role("textbox", name="Primary key")).to_have_value(re.compile("^•+$"))
        expect(page.get_by_role("button", name="Show primary key")).to_have_count(0)
        assert "<api_key>" in sample(page, "curl")


def test_no_serious_accessibility_fault_and_nothing_cut_off_on_a_phone(narrow_portal: Portal, page_flow: str) -> None:
    page = narrow_portal.open(tab(page_flow, "consume"))
    for language in ("curl", "C#"):
        page.get_by_role("tab", name=language, exact=True).click()
        expect(page.get_by_role("textbox", name=f"Sample in {language}", exact=True)).to_be_visible()
        assert narrow_portal.accessibility_faults() == []
    assert not scrolls_sideways(page), "the page scrolls sideways"


def _everywhere(page: Page) -> str:
    """The page's source, the values of its fields, its address and what it stores."""
    values = page.evaluate("[...document.querySelectorAll('input, textarea')].map((each) => each.value).join(' ')")
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    return f"{page.content()} {values} {page.url} {stored}"
