"""Endpoints to look at: one flow whose answers and log lines the tests choose; somebody who may only read."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.installation import WORKSPACE, Installation, eventually, write_flow

TALKS = """\
from promptflow.core import tool


@tool
def say(text: str) -> str:
    if text.startswith("log "):
        for number in range(int(text.split()[1])):
            print(f"line {number} of many")
    else:
        print(text)
    return "NAME"
"""
"""Prints its input, or so many lines; answers with its deployment's name."""


def deploy(site: Installation, folder: Path, endpoint: str, deployment: str, *options: str) -> None:
    """A deployment that says its own name."""
    flow = write_flow(folder / endpoint / deployment, TALKS.replace("NAME", deployment))
    site.run("deploy", str(flow), "--endpoint", endpoint, "--deployment", deployment, *options)


def model_of(site: Installation, endpoint: str, deployment: str) -> str:
    found = site.api("GET", f"/onlineEndpoints/{endpoint}/deployments/{deployment}").json()
    return str(found["properties"]["model"])


def settled(site: Installation, path: str, state: str = "Succeeded") -> None:
    """Waits until the resource has come to that state."""

    def come() -> bool:
        return bool(site.api("GET", path).json()["properties"]["provisioningState"] == state)

    eventually(f"{path} is {state}", come)


def reader_token(site: Installation, name: str) -> str:
    """Of a new principal who has the role Reader on the workspace."""
    made = site.json("principal", "create", "--name", name, "--role", "Reader", "--scope", "workspace")
    form = {
        "grant_type": "client_credentials",
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "scope": f"{site.url}/.default",
    }
    answer = httpx.post(f"{site.url}/{made['tenantId']}/oauth2/v2.0/token", data=form, timeout=30)
    return str(answer.json()["access_token"])


def link_of(site: Installation, token: str) -> str:
    """A sign-in link of whom the token is of."""
    headers = {"Authorization": f"Bearer {token}"}
    return str(httpx.post(f"{site.url}/signin/links", headers=headers, timeout=30).json()["url"])


def patch(site: Installation, path: str, body: object) -> None:
    headers = {"Authorization": f"Bearer {site.token()}", "Content-Type": "application/json"}
    url = f"{site.url}{WORKSPACE}{path}?api-version=2024-10-01"
    answer = httpx.patch(url, content=json.dumps(body), headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
