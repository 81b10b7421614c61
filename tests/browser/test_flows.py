"""The list of flows: made in every way there is, looked at, taken along, deleted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.flow_making import PROBE, make_flow, make_from_template, paths_of, zip_of
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import ECHO, ONE_NODE, Installation

FLOW = {"flow.dag.yaml": ONE_NODE, "say.py": ECHO}
DROP = """(place, bytes) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], "dropped.zip", { type: "application/zip" }));
  place.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


def create(page: Page, way: str) -> None:
    page.get_by_role("button", name="Create", exact=True).first.click()
    page.get_by_role("tab", name=way).click()


def is_open(page: Page, flow: str) -> None:
    """The editor of this flow, which has nothing wrong with it."""
    expect(page.get_by_role("heading", level=1, name=flow, exact=True)).to_be_visible()
    expect(page.get_by_text("Nothing is wrong with the files")).to_be_visible()


@pytest.mark.parametrize(("template", "node"), [("chat", "repeat"), ("standard", "count"), ("evaluation", "accuracy")])
def test_a_flow_is_made_from_each_template(portal: Portal, template: str, node: str) -> None:
    page = portal.open("/flows")
    create(page, "Template")
    page.get_by_role("radio", name=f"{template.capitalize()} flow").check()
    page.get_by_label("Name").fill(f"made-{template}")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    is_open(page, f"made-{template}")
    expect(page.get_by_role("region", name="Graph").get_by_role("button", name=node)).to_be_visible()


def test_a_name_that_is_taken_or_none_is_said_before_it_is_sent(portal: Portal) -> None:
    make_flow(portal.site, "taken", FLOW)
    page = portal.open("/flows")
    create(page, "Template")
    made = page.get_by_role("dialog").get_by_role("button", name="Create")
    page.get_by_label("Name").fill("Taken")
    expect(page.get_by_text("There is a flow of this name.")).to_be_visible()
    expect(made).to_be_disabled()
    page.get_by_label("Name").fill("not good")
    expect(page.get_by_text("Begin with a letter or digit")).to_be_visible()
    page.get_by_label("Name").fill("n" * 256)
    expect(page.get_by_text("A name has at most 255 characters; this one has 256.")).to_be_visible()
    expect(made).to_be_disabled()
    page.get_by_label("Name").fill("")
    expect(page.get_by_text("Give it a name.")).to_be_visible()
    expect(made).to_be_disabled()
    page.get_by_label("Name").fill("n" * 255)
    expect(made).to_be_enabled()


def test_a_folder_is_uploaded(portal: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "My folder"
    for path, text in {**FLOW, "sub/more.py": "x = 1\n", ".git/config": "", "__pycache__/a.pyc": ""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    page = portal.open("/flows")
    create(page, "Upload")
    page.get_by_label("Folder", exact=True).set_input_files(folder)
    expect(page.get_by_label("Name")).to_have_value("My-folder")
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    is_open(page, "My-folder")
    assert paths_of(portal.site, "My-folder") == ["flow.dag.yaml", "say.py", "sub/more.py"]


def test_a_zip_is_uploaded_and_what_it_replaces_is_said(portal: Portal, tmp_path: Path) -> None:
    archive = tmp_path / "zipped.zip"
    archive.write_bytes(zip_of({f"zipped/{path}": text for path, text in FLOW.items()}))
    page = portal.open("/flows")
    for button in ("Upload", "Replace its files"):
        create(page, "Upload")
        page.get_by_label("Zip archive", exact=True).set_input_files(archive)
        page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
        is_open(page, "zipped")
        portal.go("Flows")
    assert paths_of(portal.site, "zipped") == ["flow.dag.yaml", "say.py"]


def test_what_is_dropped_is_taken_and_what_is_no_archive_is_refused(portal: Portal) -> None:
    page = portal.open("/flows")
    portal.expected.append("400")
    create(page, "Upload")
    place = page.get_by_text("Drop the flow's folder or a zip archive here")
    place.evaluate(DROP, list(b"no archive"))
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("it is no zip archive")
    place.evaluate(DROP, list(zip_of(FLOW)))
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    is_open(page, "dropped")


def test_a_flow_is_duplicated_exported_and_deleted(portal: Portal) -> None:
    make_flow(portal.site, "original", FLOW)
    page = portal.open("/flows")
    actions = page.get_by_role("button", name="Actions on original", exact=True)
    actions.click()
    page.get_by_role("menuitem", name="Duplicate").click()
    page.get_by_role("dialog").get_by_role("button", name="Duplicate").click()
    is_open(page, "original-copy")
    portal.go("Flows")
    actions.click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export").click()
    assert download.value.suggested_filename == "original.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.read("say.py").decode() == ECHO
    actions.click()
    page.get_by_role("menuitem", name="Delete").click()
    delete = page.get_by_role("dialog").get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    page.get_by_label("Type original to confirm").fill("original")
    assert portal.accessibility_faults() == []
    delete.click()
    expect(page.get_by_role("link", name="original", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="original-copy", exact=True)).to_be_visible()


def test_tags_and_descriptions_are_text_whatever_they_hold(portal: Portal) -> None:
    make_flow(portal.site, "tagged", FLOW)
    page = portal.open("/flows")
    page.get_by_role("button", name="Actions on tagged", exact=True).click()
    page.get_by_role("menuitem", name="Description and tags").click()
    page.get_by_label("Description", exact=True).fill(PROBE)
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Name of tag 1").fill(PROBE)
    page.get_by_label("Value of tag 1").fill(PROBE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(f"{PROBE}: {PROBE}")).to_be_visible()
    page.get_by_role("link", name="tagged", exact=True).click()
    expect(page.get_by_role("main").get_by_text(PROBE, exact=True)).to_be_visible()


def test_what_another_makes_and_deletes_is_seen_without_reload(portal: Portal) -> None:
    page = portal.open("/flows")
    link = page.get_by_role("link", name="by-another", exact=True)
    make_flow(portal.site, "by-another", FLOW)
    expect(link).to_be_visible()
    portal.site.run("flow", "delete", "by-another", "--yes")
    expect(link).to_have_count(0)


def test_without_a_directory_it_is_said_how_to_name_one(portal: Portal) -> None:
    page = portal.open("/flows")
    create(page, "Server's directory")
    expect(page.get_by_text("The server watches no directory.")).to_be_visible()
    expect(page.get_by_text("flowstead up --flow-directory DIR")).to_be_visible()
    assert portal.accessibility_faults() == []


def test_flows_are_imported_from_the_directory_that_the_server_watches(browser: Browser, tmp_path: Path) -> None:
    directory = tmp_path / "flows"
    for folder in ("lying", PROBE):
        (directory / folder).mkdir(parents=True)
        for path, text in FLOW.items():
            (directory / folder / path).write_text(text)
    site = Installation(tmp_path / "h")
    site.up("--flow-directory", str(directory))
    try:
        with opened(browser, site) as portal:
            page = portal.open("/flows")
            expect(page.get_by_text("There are no flows yet")).to_be_visible()
            create(page, "Server's directory")
            folders = page.get_by_role("list", name="Folders")
            expect(folders.get_by_role("listitem").filter(has_text=PROBE)).to_contain_text("Refused")
            lying = folders.get_by_role("listitem").filter(has_text="lying")
            expect(lying).to_contain_text("New")
            page.get_by_role("button", name="Import lying").click()
            is_open(page, "lying")
            portal.go("Flows")
            create(page, "Server's directory")
            expect(lying).to_contain_text("Unchanged")
            (directory / "lying" / "say.py").write_text(ECHO + "\n")
            expect(lying).to_contain_text("Changed")
            assert portal.accessibility_faults() == []
            names = [each["folder"] for each in site.json("flow", "folders")]
            assert names == [PROBE, "lying"]
            site.run("flow", "import-folder", "lying")
            expect(lying).to_contain_text("Unchanged")
    finally:
        site.down()


def test_on_a_phone_flows_are_listed_and_made(narrow_portal: Portal) -> None:
    make_from_template(narrow_portal.site, "narrow-list", "standard")
    page = narrow_portal.open("/flows")
    expect(page.get_by_role("link", name="narrow-list", exact=True)).to_be_visible()
    create(page, "Template")
    expect(page.get_by_label("Name")).to_be_visible()
    assert narrow_portal.accessibility_faults() == []
    assert not scrolls_sideways(page), "the page scrolls sideways"
