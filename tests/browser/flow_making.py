"""Flows for tests in a browser, made by the API."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

import httpx
from playwright.sync_api import Locator, Page

from tests.installation import Installation

PROBE = "<img src=x onerror=alert(1)>"
"""Markup that would say so if it were taken for markup."""


def make_flow(site: Installation, name: str, files: Mapping[str, str]) -> None:
    """Made, or made anew, with exactly these files."""
    with site.client() as client:
        client.post(f"/flows/{name}/import", content=zip_of(files)).raise_for_status()


def make_from_template(site: Installation, name: str, template: str) -> None:
    with site.client() as client:
        client.put(f"/flows/{name}", json={"properties": {"template": template}}).raise_for_status()


def put_file(site: Installation, flow: str, path: str, text: str) -> None:
    with site.client() as client:
        client.put(f"/flows/{flow}/files/{path}", content=text.encode()).raise_for_status()


def get_file(site: Installation, flow: str, path: str) -> str:
    with site.client() as client:
        return client.get(f"/flows/{flow}/files/{path}").raise_for_status().text


def paths_of(site: Installation, flow: str) -> list[str]:
    with site.client() as client:
        answer: httpx.Response = client.get(f"/flows/{flow}/files").raise_for_status()
    return [each["path"] for each in answer.json()["value"]]


def zip_of(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for path, text in files.items():
            opened.writestr(path, text)
    return made.getvalue()


def chat(code: str) -> dict[str, str]:
    """A chat of one Python node `say` in say.py."""
    return {"flow.dag.yaml": _CHAT, "say.py": code}


def editor(page: Page, path: str) -> Locator:
    """The text of an open file, to be clicked and typed into."""
    return page.get_by_role("textbox", name=path, exact=True)


def write(page: Page, path: str, text: str) -> None:
    """Take the place of all that is in the open file. Pasted, so that the editor closes no brackets by itself."""
    editor(page, path).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def as_yaml(text: str) -> str:
    """A string as YAML takes it."""
    return json.dumps(text)


_CHAT = """\
inputs:
  question:
    type: string
    is_chat_input: true
  chat_history:
    type: list
    is_chat_history: true
    default: []
outputs:
  answer:
    type: string
    reference: ${say.output}
    is_chat_output: true
nodes:
- name: say
  type: python
  source:
    type: code
    path: say.py
  inputs:
    question: ${inputs.question}
    chat_history: ${inputs.chat_history}
"""
