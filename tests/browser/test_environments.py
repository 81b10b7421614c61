"""Environments in the portal: made from files, built with their log, used by deployments, archived and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import expect_refused, newcomer
from tests.browser.portal import Portal, opened, scrolls_sideways
from tests.installation import ECHO, WORKSPACE, Installation, write_flow

IMAGE = "mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:latest"
MISSING = "there-is-no-such-package-of-flowstead==1.0"
PROBE = "<img src=x onerror=alert(1)>"


def register(site: Installation, name: str, version: str = "1", **properties: Any) -> None:
    answer = site.api("PUT", f"/environments/{name}/versions/{version}", {"properties": {"image": IMAGE, **properties}})
    assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
def used(flowstead: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a deployment that starts from version 1 of the environment `chosen`."""
    register(flowstead, "chosen", description=PROBE, tags={PROBE: PROBE})
    flow = write_flow(tmp_path_factory.mktemp("flow") / "from-chosen", ECHO)
    flowstead.run("deploy", str(flow), "--endpoint", "from-chosen")
    blue = "/onlineEndpoints/from-chosen/deployments/blue"
    shown = flowstead.api("GET", blue).json()
    shown["properties"]["environmentId"] = f"{WORKSPACE}/environments/chosen/versions/1"
    assert flowstead.api("PUT", blue, shown).status_code == 200
    yield "from-chosen"
    flowstead.run("online-endpoint", "delete", "--name", "from-chosen", "--yes")


def new_environment(portal: Portal) -> Locator:
    page = portal.open("/environments")
    page.get_by_role("button", name="New environment").click()
    return page.get_by_role("dialog")


def write(form: Locator, file: str, text: str) -> None:
    box = form.get_by_role("textbox", name=file)
    box.click()
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(text)


def test_m13_a_build_that_fails_shows_the_resolvers_words(portal: Portal) -> None:
    form = new_environment(portal)
    form.get_by_role("textbox", name="Name", exact=True).fill("unresolvable")
    write(form, "requirements.txt", MISSING)
    form.get_by_role("button", name="Create").click()
    page = portal.page
    expect(page.get_by_role("heading", level=1, name="unresolvable")).to_be_visible()
    build = page.get_by_label("Build", exact=True)
    expect(build.get_by_text("Not built yet")).to_be_visible()
    build.get_by_role("button", name="Build").click()
    expect(build.get_by_role("alert")).to_contain_text("ImageBuildFailure", timeout=60_000)
    expect(build.get_by_role("alert")).to_contain_text("there-is-no-such-package-of-flowstead was not found")
    expect(build.get_by_role("log")).to_contain_text(f"Asked for by the environment:\n    {MISSING}")
    assert portal.accessibility_faults() == []
    page.reload()
    expect(build.get_by_text("Failed", exact=True)).to_be_visible()
    expect(build.get_by_role("log")).to_contain_text("No solution found")


def test_a_build_that_succeeds_tells_so(portal: Portal, flowstead: Installation) -> None:
    register(flowstead, "buildable")
    page = portal.open("/environments/buildable")
    build = page.get_by_label("Build", exact=True)
    build.get_by_role("button", name="Build").click()
    expect(build.get_by_text("Succeeded")).to_be_visible(timeout=120_000)
    expect(build.get_by_role("log")).to_contain_text("Python ")


def test_files_become_versions(portal: Portal, flowstead: Installation, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# ours\npython-slugify==8.0.4  # pinned\n\ntext-unidecode\n")
    form = new_environment(portal)
    form.get_by_role("textbox", name="Name", exact=True).fill("from-files")
    form.locator("input[type=file]").set_input_files(requirements)
    expect(form.get_by_role("textbox", name="requirements.txt")).to_contain_text("python-slugify==8.0.4")
    form.get_by_label("Description").fill("two packages")
    form.get_by_role("button", name="Create").click()
    page = portal.page
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    packages = page.get_by_role("list", name="Packages")
    expect(packages.get_by_role("listitem")).to_have_text(["python-slugify==8.0.4", "text-unidecode"])

    conda = tmp_path / "conda.yaml"
    conda.write_text("dependencies:\n- python=3.11\n- pip:\n  - text-unidecode==1.3\n")
    page.get_by_role("button", name="New version").click()
    form = page.get_by_role("dialog")
    form.locator("input[type=file]").set_input_files(conda)
    expect(form.get_by_role("textbox", name="conda.yaml")).to_contain_text("text-unidecode==1.3")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Version 2")).to_be_visible()
    expect(packages.get_by_role("listitem")).to_have_text(["python=3.11", "text-unidecode==1.3"])
    kept = flowstead.api("GET", "/environments/from-files/versions/2").json()["properties"]
    assert (kept["image"], kept["condaFile"], kept["description"]) == (IMAGE, conda.read_text(), "two packages")

    page.get_by_role("link", name="1", exact=True).click()
    expect(packages.get_by_role("listitem").first).to_have_text("python-slugify==8.0.4")


def test_what_is_wrong_is_said_at_its_field(portal: Portal, flowstead: Installation) -> None:
    register(flowstead, "taken-environment")
    form = new_environment(portal)
    form.get_by_role("textbox", name="Name", exact=True).fill("no name")
    form.get_by_role("radio", name="A conda file").check(force=True)
    write(form, "conda.yaml", "dependencies: ]")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text("Begin with a letter or digit; use up to 255")).to_be_visible()
    expect(form.get_by_text("This is no YAML:")).to_be_visible()
    form.get_by_role("textbox", name="Name", exact=True).fill("taken-environment")
    form.get_by_role("radio", name="requirements.txt").check(force=True)
    write(form, "requirements.txt", "x @ https://ann:hunter2@files.test/x.whl")
    portal.expected += ["400", "412"]
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("an address with a user, a password or a signature")
    write(form, "requirements.txt", "x")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("There is a version 1 of taken-environment already.")


def test_m23_a_deployment_and_its_environment_know_each_other(portal: Portal, used: str) -> None:
    page = portal.open("/environments/chosen")
    table = page.get_by_role("table", name="Deployments that use it")
    row = table.get_by_role("row").filter(has_text=f"{used}/blue")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    expect(row.get_by_text("Succeeded")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(f"{PROBE}: {PROBE}")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_label("Type chosen to confirm").fill("chosen")
    portal.expected.append("409")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog").get_by_text(f"The deployment {used}/blue uses it.")).to_be_visible()


def test_versions_are_archived_and_deleted(portal: Portal, browser: Browser, flowstead: Installation) -> None:
    register(flowstead, "kept-short", tags={"a": "b"})
    register(flowstead, "kept-short", "2")
    with opened(browser, flowstead) as other:
        other.open("/environments")
        row = other.page.get_by_role("link", name="kept-short")
        expect(row).to_be_visible()
        page = portal.open("/environments/kept-short")
        page.get_by_role("button", name="Archive version 1").click()
        expect(page.get_by_role("button", name="Restore version 1")).to_be_visible()
        kept = flowstead.api("GET", "/environments/kept-short/versions/1").json()["properties"]
        assert (kept["isArchived"], kept["tags"]) == (True, {"a": "b"})
        page.get_by_role("button", name="Delete version 1").click()
        page.get_by_label("Type kept-short:1 to confirm").fill("kept-short:1")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("button", name="Delete version 1")).to_have_count(0)
        page.get_by_role("button", name="Archive", exact=True).click()
        expect(page.get_by_role("button", name="Restore", exact=True)).to_be_visible()
        expect(row).to_have_count(0)
        other.page.get_by_label("Archived ones").check(force=True)
        expect(row).to_be_visible()
        delete(page, "kept-short")
        expect(row).to_have_count(0)


def delete(page: Page, name: str) -> None:
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_label(f"Type {name} to confirm").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1, name="Environments")).to_be_visible()


def test_a_reader_looks_and_does_not_build(browser: Browser, flowstead: Installation) -> None:
    register(flowstead, "looked-at", condaFile="dependencies: [{pip: [text-unidecode]}]")
    with opened(browser, flowstead, link=newcomer(flowstead, "Reader")) as reader:
        page = reader.open("/environments/looked-at")
        expect(page.get_by_role("list", name="Packages")).to_have_text("text-unidecode")
        expect_refused(page.get_by_role("button", name="Build", exact=True), "environments/build/action")


def test_environments_on_a_phone(narrow_portal: Portal, flowstead: Installation) -> None:
    register(flowstead, "on-a-phone", condaFile=f"dependencies: [{{pip: ['{'x' * 200}']}}]", description="d" * 300)
    for path in ("/environments", "/environments/on-a-phone", "/environments/flowstead-runtime"):
        page = narrow_portal.open(path)
        expect(page.get_by_label("Loading", exact=True)).to_have_count(0)
        assert not scrolls_sideways(page), f"{path} scrolls sideways"
        assert narrow_portal.accessibility_faults() == []
    form = new_environment(narrow_portal)
    expect(form.get_by_role("textbox", name="requirements.txt")).to_be_visible()
    assert narrow_portal.accessibility_faults() == []
