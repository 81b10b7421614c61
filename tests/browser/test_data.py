"""Data in the portal: what deployments collect as a table, files of assets, uploads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import newcomer
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import ECHO, Installation, eventually, write_flow

REQUESTS = 100
PROBE = "<img src=x onerror=alert(1)>"
LONG = "begin " + "long " * 20_000 + "end"
PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def collected(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint whose deployment blue has collected a hundred requests, and green does not collect."""
    flow = write_flow(tmp_path_factory.mktemp("flow") / "collecting", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "collecting", "--collect")
    key = flowstead.keys("collecting")["primaryKey"]
    texts = [f"question {number}" for number in range(REQUESTS - 3)] + [PROBE, LONG, PICTURE]
    for text in texts:
        assert flowstead.score("collecting", {"text": text}, key).status_code == 200
    folder = flowstead.home / "uploads" / "azureml-blobstore" / "modelDataCollector" / "collecting"
    eventually("all is written", lambda: sum(_lines(file) for file in folder.rglob("*.jsonl")) == 2 * REQUESTS)
    yield "collecting"
    flowstead.run("online-endpoint", "delete", "--name", "collecting", "--yes")


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def tab(portal: Portal, endpoint: str, deployment: str = "blue") -> Page:
    return portal.open(f"/endpoints/{endpoint}/deployments/{deployment}?tab=data")


def test_m21_inputs_and_outputs_are_joined_newest_first(portal: Portal, collected: str) -> None:
    page = tab(portal, collected)
    table = page.get_by_role("table", name="Collected records")
    expect(table.get_by_role("columnheader")).to_have_text(["Time", "Input: text", "Output: said", "Details"])
    expect(page.get_by_text("50 records, newest first")).to_be_visible()
    page.get_by_label("Filter collected records").fill("question 17")
    expect(page.get_by_text("Nothing among the 50 newest records matches.")).to_be_visible()
    page.get_by_role("button", name="Show older").click()
    expect(page.get_by_text(f"{REQUESTS} records, newest first. That is all")).to_be_visible()
    rows = table.get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("you said question 17")
    assert portal.accessibility_faults() == []


def test_m21_the_records_are_a_data_asset(portal: Portal, collected: str) -> None:
    portal.open("/data").get_by_role("link", name=f"{collected}-blue-model_outputs").click()
    page = portal.page
    expect(page.get_by_role("table", name="Collected records").get_by_text("question 96", exact=True)).to_be_visible()
    expect(page.get_by_role("table", name="Files").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name=f"{collected}/blue").click()
    expect(page.get_by_role("tab", name="Data")).to_have_attribute("aria-selected", "true")


def test_long_values_are_cut_and_shown_whole_when_asked(portal: Portal, collected: str) -> None:
    page = tab(portal, collected)
    table = page.get_by_role("table", name="Collected records")
    expect(table.get_by_text(PROBE, exact=True)).to_be_visible()
    expect(table.locator("img")).to_have_attribute("src", PICTURE)
    assert LONG[:1000] not in page.content()
    table.get_by_role("button", name="begin long").first.click()
    dialog = page.get_by_role("dialog")
    shown = dialog.locator("pre").first
    expect(shown).to_contain_text("long long")
    expect(dialog.get_by_text("long end")).to_have_count(0)
    dialog.get_by_role("button", name="Show more").first.click()
    expect(shown).to_contain_text("long end")
    assert json.loads(shown.text_content() or "") == {"text": LONG}
    assert portal.accessibility_faults() == []
    dialog.get_by_role("button", name="Close").click()
    portal.page.get_by_label("Filter collected records").fill("picture")
    page.get_by_role("button", name="Details of request").first.click()
    expect(dialog.get_by_role("img")).to_have_attribute("src", PICTURE)


def test_records_of_a_time(portal: Portal, collected: str) -> None:
    page = tab(portal, collected)
    expect(page.get_by_text("50 records, newest first")).to_be_visible()
    page.get_by_label("To", exact=True).fill("2020-01-01T00:00")
    expect(page.get_by_text("Nothing was collected in this time.")).to_be_visible()
    page.get_by_label("To", exact=True).fill("2099-01-01T00:00")
    page.get_by_label("From", exact=True).fill("2020-01-01T00:00")
    expect(page.get_by_text("50 records, newest first")).to_be_visible()


def test_new_records_come_when_asked_for(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    flowstead.run("deploy", str(write_flow(tmp_path / "late", ECHO)), "--endpoint", "late", "--collect")
    page = tab(portal, "late")
    expect(page.get_by_text("Nothing has been collected yet.")).to_be_visible()
    key = flowstead.keys("late")["primaryKey"]
    assert flowstead.score("late", {"text": "late"}, key).status_code == 200
    folder = flowstead.home / "uploads" / "azureml-blobstore" / "modelDataCollector" / "late"
    eventually("it is written", lambda: sum(_lines(file) for file in folder.rglob("*.jsonl")) == 2)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("you said late")).to_be_visible()
    flowstead.run("online-endpoint", "delete", "--name", "late", "--yes")


def test_a_collection_is_downloaded_as_it_was_written(portal: Portal, collected: str) -> None:
    page = tab(portal, collected)
    page.get_by_role("button", name="Download JSONL").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="model_inputs").click()
    assert download.value.suggested_filename == "model_inputs.jsonl"
    records = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert len(records) == REQUESTS
    assert {"text": LONG} in [record["data"][0] for record in records]
    assert "sig=" not in page.content()


def test_where_nothing_is_collected_it_says_how(
    portal: Portal, flowstead: Installation, collected: str, tmp_path: Path
) -> None:
    flow = write_flow(tmp_path / "off", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", collected, "--deployment", "green")
    page = tab(portal, collected, "green")
    expect(page.get_by_role("heading", name="Inference data collection is off")).to_be_visible()
    expect(page.get_by_text("enable Inference data collection")).to_be_visible()
    assert portal.accessibility_faults() == []


def test_a_file_is_uploaded_and_comes_back(
    portal: Portal, browser: Browser, flowstead: Installation, tmp_path: Path
) -> None:
    file = tmp_path / f"a{PROBE.replace('/', '')} é.csv"
    file.write_bytes(b"a,b\n1,2\n")
    with opened(browser, flowstead) as other:
        other.open("/data")
        page = portal.open("/data")
        page.get_by_role("button", name="Upload").click()
        form = page.get_by_role("dialog")
        form.get_by_role("button", name="Upload").click()
        expect(form.get_by_text("Begin with a letter or digit")).to_be_visible()
        expect(form.get_by_text("Choose a file or a folder.")).to_be_visible()
        assert portal.accessibility_faults() == []
        form.get_by_label("Name").fill("sent-file")
        form.locator("input[data-kind=file]").set_input_files(file)
        expect(form.get_by_text("File (uri_file)")).to_be_visible()
        form.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", level=1, name="sent-file")).to_be_visible()
        expect(other.page.get_by_role("link", name="sent-file")).to_be_visible()
    kept = flowstead.api("GET", "/data/sent-file/versions/1").json()["properties"]
    assert kept["dataType"] == "uri_file"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a").click()
    assert Path(download.value.path()).read_bytes() == b"a,b\n1,2\n"


def test_a_folder_becomes_versions(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    (folder / "below").mkdir(parents=True)
    (folder / "one.txt").write_text("1")
    (folder / "below" / "two.txt").write_text("22")
    page = portal.open("/data")
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("dialog").get_by_label("Name").fill("sent-folder")
    send_folder(page, folder)
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect(page.get_by_role("table", name="Files").get_by_text("below/two.txt")).to_be_visible()
    (folder / "three.txt").write_text("333")
    page.get_by_role("button", name="New version").click()
    send_folder(page, folder)
    expect(page.get_by_role("heading", name="Version 2")).to_be_visible()
    expect(page.get_by_role("table", name="Files").get_by_text("three.txt")).to_be_visible()
    page.get_by_role("combobox", name="Version").click()
    page.get_by_role("option", name="Version 1").click()
    expect(page.get_by_role("table", name="Files").get_by_text("three.txt")).to_have_count(0)
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="Restore")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type sent-folder to confirm").fill("sent-folder")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1, name="Data", exact=True)).to_be_visible()
    assert flowstead.api("GET", "/data/sent-folder").status_code == 404


def send_folder(page: Page, folder: Path) -> None:
    form = page.get_by_role("dialog")
    form.locator("input[data-kind=folder]").set_input_files(folder)
    expect(form.get_by_text("Folder (uri_folder)")).to_be_visible()
    form.get_by_role("button", name="Upload").click()
    expect(form).to_have_count(0)


def test_a_reader_is_told_what_he_may_not_read(browser: Browser, flowstead: Installation, collected: str) -> None:
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as reader:
        page = reader.open(f"/data/{collected}-blue-model_inputs")
        expect(page.get_by_text("The records cannot be read.")).to_be_visible()
        expect(page.get_by_text("datastores/listSecrets/action").first).to_be_visible()
        assert "question 1" not in page.content()


def test_data_on_a_phone(narrow_portal: Portal, collected: str) -> None:
    for path in ("/data", f"/data/{collected}-blue-model_inputs", f"/endpoints/{collected}/deployments/blue?tab=data"):
        page = narrow_portal.open(path)
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page), f"{path} scrolls sideways"
        assert narrow_portal.accessibility_faults() == []
