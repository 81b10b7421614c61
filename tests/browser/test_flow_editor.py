"""The editor of a flow: graph and code, problems, tests, versions, the way to the wizard."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.flow_making import (
    PROBE,
    as_yaml,
    chat,
    editor,
    get_file,
    make_flow,
    make_from_template,
    paths_of,
    put_file,
    write,
)
from tests.browser.portal import Portal, scrolls_sideways
from tests.installation import ECHO, ONE_NODE

FLOW = {"flow.dag.yaml": ONE_NODE, "say.py": ECHO}
BROKEN = "from promptflow.core import tool\n\n\n@tool\ndef say(text: str) -> str:\n    return (\n"
TWICE = ECHO.replace("you said {text}", "twice {text} {text}")
WORDS = """\
import time

from promptflow.core import tool


@tool
def say(question: str, chat_history: list) -> str:
    yield f"turn {len(chat_history) + 1}: "
    time.sleep(1.5)
    yield f"**{question}**"
"""
"""Streams: its second piece comes long after the first."""


def is_shown(page: Page, path: str) -> None:
    expect(page.get_by_role("region", name=path, exact=True)).to_be_visible()
    expect(editor(page, path)).to_be_visible()


def test_a_problem_is_marked_at_its_line_and_once_mended_the_flow_runs_node_by_node(portal: Portal) -> None:
    make_flow(portal.site, "mended", FLOW)
    page = portal.open("/flows/mended?file=say.py")
    is_shown(page, "say.py")
    write(page, "say.py", BROKEN)
    page.get_by_role("button", name="Validate").click()
    problem = page.get_by_role("list", name="Problems").get_by_role("button")
    expect(problem).to_contain_text("say.py:6")
    expect(page.locator(".cm-lintRange-error")).to_be_visible()
    page.get_by_role("button", name="flow.dag.yaml", exact=True).click()
    is_shown(page, "flow.dag.yaml")
    problem.click()
    is_shown(page, "say.py")
    expect(page.locator(".cm-activeLine")).to_have_text("    return (")
    assert portal.accessibility_faults() == []

    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    write(page, "say.py", TWICE.replace("    return", "    print('about', text)\n    return"))
    page.keyboard.press("Control+s")
    expect(page.get_by_text("not saved")).to_have_count(0)
    page.get_by_role("textbox", name="text").fill("hello")
    page.get_by_role("button", name="Run", exact=True).click()
    results = page.get_by_role("region", name="Details")
    expect(page.get_by_role("region", name="Result", exact=True)).to_contain_text("twice hello", timeout=60_000)
    expect(results.get_by_role("region", name="Outputs")).to_contain_text("twice hello hello")
    # The node of the file that is open is open too.
    expect(results.get_by_role("button", name=re.compile("^say Completed .* ms"))).to_have_attribute(
        "aria-expanded", "true"
    )
    expect(results.get_by_role("region", name="Inputs")).to_contain_text('"text": "hello"')
    expect(results.get_by_role("region", name="Output", exact=True)).to_contain_text("twice hello hello")
    expect(results.get_by_role("region", name="Logs")).to_contain_text("about hello")
    ran = page.get_by_role("region", name="Graph").get_by_role("button", name=re.compile("^say .*ms completed"))
    expect(ran).to_be_visible()
    assert portal.accessibility_faults() == []


def test_m5_a_chat_streams_its_answers_and_keeps_its_history_while_no_endpoint_exists(portal: Portal) -> None:
    make_flow(portal.site, "talkative", chat(WORDS))
    page = portal.open("/flows/talkative")
    page.get_by_role("button", name="Chat", exact=True).click()
    log = page.get_by_role("log", name="Messages")
    for turn, word in enumerate(("first", "second"), start=1):
        page.get_by_role("textbox", name="question").fill(word)
        page.keyboard.press("Enter")
        expect(log).to_contain_text(f"turn {turn}:", timeout=60_000)
        expect(log.locator("strong", has_text=word)).to_have_count(0)  # the rest is still to come
        expect(log.locator("strong", has_text=word)).to_be_visible()
    assert portal.accessibility_faults() == []


def test_m6_and_m2_deploy_leads_to_the_wizard(portal: Portal) -> None:
    make_flow(portal.site, "to-deploy", FLOW)
    page = portal.open("/flows/to-deploy")
    page.get_by_role("link", name="Deploy").click()
    expect(page).to_have_url(re.compile(r"/portal/flows/to-deploy/deploy$"))


def test_m14_the_base_image_stands_in_the_raw_yaml(portal: Portal) -> None:
    make_flow(portal.site, "imaged", {**FLOW, "flow.dag.yaml": f"# Kept.\n{ONE_NODE}"})
    page = portal.open("/flows/imaged")
    page.get_by_role("switch", name="Raw YAML").check()
    image = page.get_by_label("Base image")
    expect(image).to_have_attribute("placeholder", re.compile("promptflow-runtime-stable:latest"))
    image.fill("python:3.11")
    expect(editor(page, "flow.dag.yaml")).to_contain_text("image: python:3.11")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    saved = get_file(portal.site, "imaged", "flow.dag.yaml")
    assert saved.startswith("# Kept.\n") and saved.endswith("environment:\n  image: python:3.11\n")
    portal.expected.append("400")
    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("environment.image")
    image.fill("")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("region", name="Outputs")).to_contain_text("you said hello", timeout=60_000)
    assert "environment" not in get_file(portal.site, "imaged", "flow.dag.yaml")


def test_a_node_leads_to_its_code_and_the_cursor_to_its_node(portal: Portal) -> None:
    make_from_template(portal.site, "linked", "standard")
    page = portal.open("/flows/linked")
    graph = page.get_by_role("region", name="Graph")
    count = graph.get_by_role("button", name="count python")
    count.click()
    is_shown(page, "count.py")
    expect(count).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"file=count\.py"))
    graph.get_by_role("button", name="Outputs").click()
    is_shown(page, "flow.dag.yaml")
    expect(page.locator(".cm-activeLine")).to_have_text("outputs:")
    page.locator(".cm-line", has_text="name: describe").click()
    expect(graph.get_by_role("button", name="describe prompt")).to_have_attribute("aria-pressed", "true")
    # What is only just being written is drawn too.
    write(page, "flow.dag.yaml", ONE_NODE.replace("name: say", "name: speak"))
    expect(graph.get_by_role("button", name="speak python")).to_be_visible()


def test_files_are_added_renamed_uploaded_and_deleted(portal: Portal) -> None:
    make_flow(portal.site, "filed", FLOW)
    page = portal.open("/flows/filed")
    page.get_by_role("button", name="Add a file").click()
    page.get_by_label("Path").fill("../outside.py")
    expect(page.get_by_text("It has an empty or relative part.")).to_be_visible()
    name = f"prompts/{PROBE}.jinja2"
    page.get_by_label("Path").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    is_shown(page, name)
    write(page, name, "Hello {{ text }}")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name=f"Actions on {name}").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Path").fill("prompts/hello.jinja2")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    is_shown(page, "prompts/hello.jinja2")
    expect(editor(page, "prompts/hello.jinja2")).to_contain_text("Hello {{ text }}")
    picture = {"name": "picture.png", "mimeType": "image/png", "buffer": b"\x89PNG\x00"}
    page.get_by_label("Files to upload").set_input_files(picture)  # type: ignore[arg-type]
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_text("This is no text")).to_be_visible()
    page.get_by_role("button", name="Actions on picture.png").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="picture.png", exact=True)).to_have_count(0)
    assert paths_of(portal.site, "filed") == ["flow.dag.yaml", "prompts/hello.jinja2", "say.py"]


def test_of_two_tabs_that_write_one_file_neither_loses_anything(portal: Portal) -> None:
    make_flow(portal.site, "shared", FLOW)
    portal.expected.append("412")
    one = portal.open("/flows/shared?file=say.py")
    is_shown(one, "say.py")
    two = one.context.new_page()
    two.goto(one.url)
    for page, text in ((one, "mine = 1\n"), (two, "theirs = 2\n")):
        write(page, "say.py", text)
    two.keyboard.press("Control+s")
    expect(two.get_by_text("not saved")).to_have_count(0)
    expect(one.get_by_text("changed elsewhere since you began")).to_be_visible()
    one.get_by_role("button", name="Save", exact=True).click()
    dialog = one.get_by_role("dialog", name="say.py was changed elsewhere")
    expect(editor(one, "Theirs: say.py")).to_contain_text("theirs = 2")
    expect(editor(one, "Yours: say.py")).to_contain_text("mine = 1")
    assert portal.accessibility_faults() == []
    assert get_file(portal.site, "shared", "say.py") == "theirs = 2\n"
    write(one, "Yours: say.py", "theirs = 2\nmine = 1\n")
    dialog.get_by_role("button", name="Save yours").click()
    expect(dialog).to_have_count(0)
    assert get_file(portal.site, "shared", "say.py") == "theirs = 2\nmine = 1\n"
    # The other tab has nothing of its own: it shows what was saved, without a reload.
    expect(editor(two, "say.py")).to_contain_text("mine = 1")


def test_theirs_can_be_taken(portal: Portal) -> None:
    make_flow(portal.site, "yielding", FLOW)
    page = portal.open("/flows/yielding?file=say.py")
    is_shown(page, "say.py")
    write(page, "say.py", "mine = 1\n")
    put_file(portal.site, "yielding", "say.py", "theirs = 2\n")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="Take theirs").click()
    expect(editor(page, "say.py")).to_have_text("theirs = 2")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()


def test_whoever_leaves_with_unsaved_changes_is_asked(portal: Portal) -> None:
    make_flow(portal.site, "unsaved", FLOW)
    page = portal.open("/flows/unsaved?file=say.py")
    is_shown(page, "say.py")
    write(page, "say.py", "x = 1\n")
    portal.go("Connections")
    expect(page.get_by_text("Not saved: say.py")).to_be_visible()
    page.get_by_role("button", name="Stay").click()
    expect(editor(page, "say.py")).to_have_text("x = 1")
    page.get_by_role("link", name="Deploy").click()
    page.get_by_role("button", name="Save and leave").click()
    expect(page).to_have_url(re.compile("/deploy$"))
    assert get_file(portal.site, "unsaved", "say.py") == "x = 1\n"


def test_what_was_written_in_a_flow_that_somebody_deletes_can_still_be_copied(portal: Portal) -> None:
    make_flow(portal.site, "doomed", FLOW)
    page = portal.open("/flows/doomed?file=say.py")
    is_shown(page, "say.py")
    write(page, "say.py", "# hours of work")
    portal.expected.append("404")
    portal.site.run("flow", "delete", "doomed", "--yes")
    expect(page.get_by_text("What you have written is still here.")).to_be_visible()
    expect(editor(page, "say.py")).to_have_text("# hours of work")
    page.keyboard.type(", and more")
    expect(editor(page, "say.py")).to_have_text("# hours of work, and more")


def test_versions_are_listed_compared_and_restored(portal: Portal) -> None:
    make_flow(portal.site, "versioned", FLOW)
    put_file(portal.site, "versioned", "say.py", TWICE)
    page = portal.open("/flows/versioned?file=say.py")
    page.get_by_role("tab", name="Versions").click()
    latest = page.get_by_role("list", name="Versions").get_by_role("listitem").first
    expect(latest).to_contain_text("saved say.py")
    page.get_by_role("button", name="Changes in version 2").click()
    change = page.get_by_role("dialog").get_by_role("region", name="say.py")
    expect(change).to_contain_text("- " + ECHO.splitlines()[-1])
    expect(change).to_contain_text("+ " + TWICE.splitlines()[-1])
    assert portal.accessibility_faults() == []
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Restore version 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(latest).to_contain_text("restored from 1")
    expect(editor(page, "say.py")).to_contain_text("you said {text}")


def test_inputs_outputs_and_connections_are_told_and_a_missing_one_can_be_made(portal: Portal) -> None:
    make_from_template(portal.site, "described", "chat")
    page = portal.open("/flows/described")
    page.get_by_role("tab", name="Inputs and outputs").click()
    expect(page.get_by_role("region", name="Inputs")).to_contain_text("chat history")
    expect(page.get_by_role("region", name="Outputs")).to_contain_text("chat output")
    page.get_by_role("tab", name="Connections").click()
    row = page.get_by_role("table", name="Connections").get_by_role("row", name=re.compile("open_ai_connection"))
    expect(row).to_contain_text("choose")
    expect(row.get_by_role("link")).to_have_attribute("href", re.compile(r"/portal/connections\?new="))
    assert portal.accessibility_faults() == []


def test_what_flows_say_is_text_whatever_it_holds(portal: Portal) -> None:
    code = f"""\
from promptflow.core import tool


@tool
def say(text: str) -> dict:
    print({PROBE!r})
    return {{{PROBE!r}: {PROBE!r}}}
"""
    yaml = ONE_NODE.replace("default: hello", f"default: {as_yaml(PROBE)}\n    description: {as_yaml(PROBE)}")
    make_flow(portal.site, "probed", {"flow.dag.yaml": yaml, "say.py": code, f"{PROBE}.py": "x = (\n"})
    page = portal.open("/flows/probed")
    expect(page.get_by_role("list", name="Problems")).to_contain_text(f"{PROBE}.py:1")
    portal.site.api("DELETE", f"/flows/probed/files/{PROBE.replace(' ', '%20')}.py").raise_for_status()
    page.get_by_role("button", name="Test", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    results = page.get_by_role("region", name="Details")
    expect(results.get_by_role("region", name="Outputs")).to_contain_text(PROBE, timeout=60_000)
    results.get_by_role("button", name=re.compile("^say Completed")).click()
    expect(results.get_by_role("region", name="Logs")).to_contain_text(PROBE)
    assert page.locator("img[src=x]").count() == 0


def test_a_flow_that_is_not_there_is_said(portal: Portal) -> None:
    portal.expected.append("404")
    page = portal.open("/flows/nowhere-to-be-found")
    expect(page.get_by_role("alert")).to_contain_text("This is not here.")


def test_on_a_phone_the_parts_of_the_editor_are_tabs(narrow_portal: Portal) -> None:
    make_from_template(narrow_portal.site, "narrow-editor", "standard")
    page = narrow_portal.open("/flows/narrow-editor")
    page.get_by_role("region", name="Graph").get_by_role("button", name="count python").click()
    is_shown(page, "count.py")
    write(page, "count.py", "x = (\n")
    page.get_by_role("button", name="Validate").click()
    page.get_by_role("list", name="Problems").get_by_role("button").first.click()
    is_shown(page, "count.py")
    for tab in ("Graph", "Code", "Test", "Details"):
        page.get_by_role("tab", name=tab, exact=True).click()
        assert narrow_portal.accessibility_faults() == [], tab
        assert not scrolls_sideways(page), f"{tab} scrolls sideways"
