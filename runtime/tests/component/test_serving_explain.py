"""`serve FLOW --explain`, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CLOUD = {"type": "azure_open_ai", "api_key": "${env:THE_KEY}", "api_base": "http://cloud.example"}
DAG = """\
environment_variables:
  WHERE: ${cloud.api_base}
inputs: {q: {type: string}}
outputs: {a: {type: string, reference: "${answer.output}"}}
nodes:
- name: look
  type: python
  source: {type: code, path: look.py}
  inputs: {index: search, q: "${inputs.q}", other: text}
- name: answer
  type: llm
  api: chat
  connection: cloud
  source: {type: code, path: t.jinja2}
  inputs: {deployment_name: gpt, q: "${look.output}"}
"""
LOOK = """\
import os
from promptflow.connections import CognitiveSearchConnection
from promptflow.core import tool
print("imported with", os.environ["WHERE"])

@tool
def look(index: CognitiveSearchConnection, q: str, other: str):
    raise SystemExit("called")
"""
FLEX = """\
from promptflow.core import AzureOpenAIModelConfiguration
from promptflow.connections import OpenAIConnection

class Flow:
    def __init__(self, model: AzureOpenAIModelConfiguration, plain: OpenAIConnection, top: int = 1):
        raise SystemExit("constructed")

    def __call__(self, q: str) -> str:
        return q
"""
PROMPTY = """\
---
model:
  configuration: {type: openai, model: gpt, connection: plain}
inputs: {q: {type: string}}
---
user:
{{q}}
"""


def told(folder: Path, environ: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "flowstead_runtime", "serve", str(folder), "--explain", *words],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def dag(folder: Path) -> Path:
    (folder / "flow.dag.yaml").write_text(DAG)
    (folder / "look.py").write_text(LOOK)
    (folder / "t.jinja2").write_text("user:\n{{q}}\n")
    return folder


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_each_field_has_its_place_and_no_secret_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"cloud": CLOUD}))
    environ = {
        "THE_KEY": "sk-in-the-environment",
        "CLOUD_API_VERSION": "2025-01-01",
        "search": json.dumps({"type": "cognitive_search", "api_base": "http://s", "auth_mode": "meid_token"}),
        "KEY_OF_CLOUD": "${cloud.api_key}",
        "OF_NOBODY": "${nobody.api_key}",
    }
    code, text, said = told(dag(tmp_path), environ, "--connections", str(file))
    assert code == 0, said
    lines = lines_of(text)
    assert {
        "search CognitiveSearchConnection (node 'look')",
        "from variable search",
        "api_version 2023-11-01 default",
        "signs in with Entra ID at its first request; a key would not be used",
        "cloud AzureOpenAIConnection (node 'answer')",
        f"api_base http://cloud.example connections file {file}",
        f"api_key set connections file {file}: ${{env:THE_KEY}}",
        "api_version 2025-01-01 variable CLOUD_API_VERSION",
        "resource_id not set default",
        f"WHERE ${{cloud.api_base}} connections file {file}",
        f"KEY_OF_CLOUD ${{cloud.api_key}} connections file {file}: ${{env:THE_KEY}}",
        "OF_NOBODY ${nobody.api_key} left as it is: there is no such connection, and the flow does not ask",
        "Imported to find out, but not called: look.py (node 'look').",
    } <= set(lines), text
    assert "sk-in-the-environment" not in text + said
    assert said.strip() == "imported with http://cloud.example"


def test_what_is_missing_is_told_with_what_was_tried(tmp_path: Path) -> None:
    code, text, _ = told(dag(tmp_path), {"search": json.dumps({"type": "cognitive_search", "api_base": "http://s"})})
    assert code == 1
    assert "cloud MISSING OR WRONG (node 'answer')" in lines_of(text)
    assert "WHERE ${cloud.api_base} MISSING OR WRONG" in lines_of(text)
    assert "Looked for, in this order, in the connections file (none given" in text


def test_code_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    (dag(tmp_path) / "look.py").write_text("import no_such_package")
    code, text, _ = told(tmp_path, {"cloud": json.dumps({**CLOUD, "api_key": "k"})})
    assert code == 1
    assert "the module 'no_such_package' is not installed" in text
    assert "cloud AzureOpenAIConnection (node 'answer')" in lines_of(text)


def test_a_class_is_not_constructed(tmp_path: Path) -> None:
    (tmp_path / "flow.flex.yaml").write_text("entry: chat:Flow\n")
    (tmp_path / "chat.py").write_text(FLEX)
    plain = json.dumps({"type": "open_ai", "value": {}})
    environ = {"cloud": json.dumps({**CLOUD, "api_key": ""}), "plain": plain}
    model = json.dumps({"azure_deployment": "gpt", "connection": "cloud"})
    code, text, said = told(tmp_path, environ, "--init", f"model={model}", "plain=plain", "top=3")
    assert code == 0, said
    lines = lines_of(text)
    assert "cloud AzureOpenAIConnection (entry 'chat:Flow')" in lines
    assert "has no key, so it signs in with Entra ID at its first request" in lines
    assert "plain OpenAIConnection (entry 'chat:Flow')" in lines
    assert "has no key, so that in the variable OPENAI_API_KEY is used, where there is one" in lines


def test_a_prompty_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.prompty").write_text(PROMPTY)
    code, text, said = told(tmp_path, {"plain": json.dumps({"type": "open_ai", "api_key": "sk-of-plain"})})
    assert code == 0, said
    assert "plain OpenAIConnection (prompty 'p')" in lines_of(text)
    assert "api_key set variable plain" in lines_of(text)
    assert "None of the flow's code was run." in lines_of(text)


def test_a_prompty_that_names_no_connection(tmp_path: Path) -> None:
    own = PROMPTY.replace("connection: plain", 'base_url: "http://h/v1", api_key: "${env:MY_KEY}"')
    (tmp_path / "p.prompty").write_text(own)
    code, text, said = told(tmp_path, {"MY_KEY": "sk-in-the-environment"})
    assert code == 0, said
    assert "prompty 'p' spells out base_url, api_key itself" in lines_of(text)
    assert "sk-in-the-environment" not in text + said
    (tmp_path / "p.prompty").write_text(PROMPTY.replace(", connection: plain", ""))
    _, text, _ = told(tmp_path, {"OPENAI_API_KEY": "sk-in-the-environment"})
    wanted = "reads the variables OPENAI_BASE_URL (not set), OPENAI_API_KEY (set), OPENAI_ORG_ID (not set)"
    assert f"prompty 'p' {wanted}" in lines_of(text)


def test_a_flow_that_cannot_be_read_is_told_as_at_start(tmp_path: Path) -> None:
    code, text, said = told(tmp_path, {})
    assert (code, text) == (1, "")
    assert "The flow cannot start." in said
