"""Who uses a connection, as the API tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.testing.in_process_api import InProcessApi

FLOW = """\
inputs:
  text: {type: string}
outputs:
  said: {type: string, reference: "${chat.output}"}
nodes:
- name: chat
  type: llm
  source: {type: code, path: chat.jinja2}
  inputs: {text: "${inputs.text}", model: gpt}
  connection: my_llm
  api: chat
"""
BLUE = "onlineEndpoints/foo/deployments/blue"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        uri = api.upload({"flow.dag.yaml": FLOW, "chat.jinja2": "user:\n{{text}}\n"})
        api.call("PUT", "models/m/versions/1", {"properties": {"modelUri": uri}})
        api.call("PUT", "onlineEndpoints/foo", {"properties": {}})
        api.settle()
        yield api


def deploy(api: InProcessApi, **variables: str) -> None:
    given = {"model": api.workspace.model("m", "1"), "environmentVariables": variables}
    assert api.call("PUT", BLUE, {"properties": given}).status_code == 201


def uses(api: InProcessApi, connection: str = "") -> list[tuple[str, str, Any]]:
    """(connection, its user, by which name) of each."""
    query = f"?connection={connection}" if connection else ""
    found = api.call("GET", f"connectionUses{query}").json()["value"]
    return [
        (
            each["name"],
            each["properties"]["userId"].removeprefix(f"{api.workspace.path}/"),
            each["properties"]["called"],
        )
        for each in found
    ]


def test_nobody_uses_anything_at_first(api: InProcessApi) -> None:
    assert uses(api) == []


def test_a_deployment_uses_what_stands_for_the_name_in_its_flow(api: InProcessApi) -> None:
    deploy(api, my_llm="other", KEY="${{azureml://connections/third/credentials/key}}")
    assert uses(api) == [("other", BLUE, ["my_llm"]), ("third", BLUE, [])]
    assert uses(api, "OTHER") == [("other", BLUE, ["my_llm"])]
    assert uses(api, "my_llm") == []
    [use] = api.call("GET", "connectionUses?connection=third").json()["value"]
    assert use["properties"]["by"] == ["variable 'KEY'"]
    assert use["properties"]["userType"].endswith("/onlineEndpoints/deployments")
    assert (use["properties"]["wanted"], use["properties"]["serving"]) == (True, True)


def test_a_flow_that_names_it_uses_it_too(api: InProcessApi) -> None:
    api.call("PUT", "flows/draft", {})
    api.call("PUT", "flows/draft/files/flow.dag.yaml", content=FLOW.encode())
    api.call("PUT", "flows/draft/files/chat.jinja2", content=b"user:\n{{text}}\n")
    assert uses(api) == [("my_llm", "flows/draft", ["my_llm"])]
    [use] = api.call("GET", "connectionUses").json()["value"]
    assert use["properties"]["by"] == ["node 'chat'"]
    assert use["properties"]["userType"].endswith("/flows")


def test_a_flow_that_cannot_be_read_names_nothing(api: InProcessApi) -> None:
    api.call("PUT", "flows/draft", {})
    assert api.call("PUT", "flows/draft/files/flow.dag.yaml", content=b"nodes: 7").status_code == 201
    assert uses(api) == []


def test_a_connection_says_which_secrets_it_keeps_and_none_of_them(api: InProcessApi) -> None:
    given = {"category": "CustomKeys", "credentials": {"keys": {"pin": "hunter2-a", "b.c": "hunter2-b"}}}
    shown = api.call("PUT", "connections/c", {"properties": given})
    assert shown.json()["properties"]["credentialNames"] == ["keys.b.c", "keys.pin"]
    assert "hunter2" not in api.call("GET", "connections").text
