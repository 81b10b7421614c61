"""The deploy wizard as a person goes through it, and flows to go through it with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import Page, Request, expect

from tests.browser.portal import Portal
from tests.installation import WORKSPACE, Installation

PAGES = (
    "Basic settings",
    "Advanced settings: Endpoint",
    "Advanced settings: Deployment",
    "Advanced settings: Outputs & Connections",
)
FLOW = """\
inputs:
  text: {type: string, default: hello}
outputs:
  said: {type: string, reference: "${say.output}"}
  asked: {type: string, reference: "${inputs.text}"}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs: {text: "${inputs.text}", by: wizard_one}
"""
CODE = """\
from promptflow.connections import CustomConnection
from promptflow.core import tool


@tool
def say(text: str, by: CustomConnection) -> str:
    return f"WORD {text} by {by.place}"
"""


def code(word: str) -> str:
    return CODE.replace("WORD", word)


def put_connection(site: Installation, name: str, place: str) -> None:
    """One that tells its place to whoever has it."""
    properties = {
        "category": "CustomKeys",
        "authType": "CustomKeys",
        "target": "-",
        "credentials": {"keys": {"key": "not-a-real-key"}},
        "metadata": {"place": place},
    }
    assert site.api("PUT", f"/connections/{name}", {"properties": properties}).status_code in (200, 201)


def open_wizard(portal: Portal, flow: str, *, endpoint: str = "") -> Page:
    """endpoint: the name that is typed for a new one, "" to leave what is offered."""
    page = portal.open(f"/flows/{flow}/deploy")
    expect(heading(page, PAGES[0])).to_be_visible()
    if endpoint:
        page.get_by_label("New", exact=True).check()
        page.get_by_label("Endpoint name").fill(endpoint)
    return page


def heading(page: Page, name: str) -> Any:
    return page.get_by_role("heading", level=2, name=name, exact=True)


def go_on(page: Page, button: str = "Next") -> None:
    page.get_by_role("button", name=button, exact=True).click()


def review(page: Page) -> None:
    """To the review, until the server has said what would happen."""
    go_on(page, "Review + Create")
    expect(heading(page, "Review + Create")).to_be_visible()
    expect(page.get_by_role("list", name="What will happen").get_by_role("listitem").first).to_be_visible()


def create(page: Page) -> None:
    """From the review until the deployment is ready."""
    go_on(page, "Create")
    expect(page.get_by_role("main").get_by_role("status").get_by_text("Succeeded", exact=True)).to_be_visible(
        timeout=60_000
    )


def reviewed(page: Page, label: str) -> Any:
    """What the review shows of a field."""
    return page.get_by_role("main").locator("dt", has_text=label).locator("xpath=following-sibling::dd[1]")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).first.click()


@dataclass
class Sent:
    """What the page has sent to the management API: bodies by method and path below the workspace."""

    puts: list[tuple[str, Any]] = field(default_factory=list)
    plans: list[Any] = field(default_factory=list)

    @classmethod
    def by(cls, page: Page) -> Sent:
        sent = cls()
        page.on("request", sent._note)
        return sent

    def _note(self, request: Request) -> None:
        path = unquote(request.url.partition("?")[0]).partition(WORKSPACE)[2]
        if request.method == "PUT":
            self.puts.append((path, json.loads(request.post_data or "null")))
        elif request.method == "POST" and path == "/plan":
            self.plans.append(json.loads(request.post_data or "null"))
