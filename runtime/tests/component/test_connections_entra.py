"""Signing in with Entra ID for real: a host's identity endpoint → azure-identity → the LLM provider."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead_runtime.connections import types
from flowstead_runtime.connections.entra import AccessToken, EntraTokens, Identity
from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.connections.types import AzureOpenAIConnection
from flowstead_runtime.errors import SignInFailed
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import RunContext
from flowstead_runtime.testing.fake_identity import FakeIdentity
from flowstead_runtime.testing.fake_llm import FakeLlm
from flowstead_runtime.tools import clients
from flowstead_runtime.tools.builtin.calls import azure_chat, embedding

PATIENCE_S = 60
RESOURCE = "https://cognitiveservices.azure.com"
PROMPT = "user:\n{{q}}\n"
LLM_NODE = {
    "name": "answer",
    "type": "llm",
    "api": "chat",
    "connection": "cloud",
    "source": {"type": "code", "path": "t.jinja2"},
    "inputs": {"deployment_name": "gpt", "q": "${inputs.q}"},
}
CHAT = """\
from pathlib import Path
from promptflow.core import AzureOpenAIModelConfiguration, Prompty

class Chat:
    def __init__(self, model: AzureOpenAIModelConfiguration):
        assert model.api_key is None
        self.prompty = Prompty.load(Path(__file__).parent / "p.prompty", model={"configuration": model})

    def __call__(self, q: str) -> str:
        return self.prompty(q=q)
"""
PROMPTY = """\
---
model:
  api: chat
  configuration:
    type: azure_openai
    azure_deployment: gpt
    azure_endpoint: ${env:WHERE}
inputs:
  q: {type: string}
---
user:
{{q}}
"""


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm(keys=[f"entra-token-{number}" for number in range(1, 9)]) as started:
        yield started


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIdentity]:
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a-key-that-must-not-be-used")
    monkeypatch.setattr(types, "TOKENS", EntraTokens())
    with FakeIdentity() as started:
        for name, value in started.variables.items():
            monkeypatch.setenv(name, value)
        yield started


def connection(llm: FakeLlm) -> dict[str, Any]:
    return {"type": "azure_open_ai", "api_base": llm.url, "auth_mode": "meid_token", "api_key": "not-used-either"}


def write_dag(folder: Path) -> None:
    flow = {
        "inputs": {"q": {"type": "string"}},
        "outputs": {"a": {"type": "string", "reference": "${answer.output}"}},
        "nodes": [LLM_NODE],
    }
    (folder / "flow.dag.yaml").write_text(json.dumps(flow))
    (folder / "t.jinja2").write_text(PROMPT)


def ask(folder: Path, environ: dict[str, str], *, times: int = 1) -> list[Any]:
    flow = open_flow(folder, connections=Connections(environ), environ=environ)

    async def run() -> list[Any]:
        runs = (flow.run({"q": "why?"}, RunContext("r")) for _ in range(times))
        results = await asyncio.gather(*runs, return_exceptions=True)
        await flow.close()
        return [each if isinstance(each, BaseException) else each.value for each in results]

    return asyncio.run(run())


def authorizations(llm: FakeLlm) -> set[tuple[str | None, str | None]]:
    return {(each.headers.get("authorization"), each.headers.get("api-key")) for each in llm.requests}


def test_an_llm_node_signs_in_once_for_all_requests(tmp_path: Path, llm: FakeLlm, identity: FakeIdentity) -> None:
    write_dag(tmp_path)
    answers = ask(tmp_path, {"cloud": json.dumps(connection(llm))}, times=8)
    assert all(isinstance(each["a"], str) for each in answers), answers
    assert authorizations(llm) == {("Bearer entra-token-1", None)}
    assert [(each.resource, each.client_id) for each in identity.requests] == [(RESOURCE, "")]


@pytest.mark.parametrize("status", [401, 403])
def test_who_lacks_the_role_is_told_which(tmp_path: Path, llm: FakeLlm, identity: FakeIdentity, status: int) -> None:
    write_dag(tmp_path)
    (tmp_path / "t.jinja2").write_text(f"user:\n[[fail: {status}]]\n")
    [refused] = ask(tmp_path, {"cloud": json.dumps(connection(llm))})
    assert "Cognitive Services OpenAI User" in str(refused)
    assert "entra-token-1" not in str(refused)
    assert authorizations(llm) == {("Bearer entra-token-1", None)}, "no key is tried instead"


def test_a_user_assigned_identity_of_azure_ml(
    tmp_path: Path, llm: FakeLlm, identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in identity.variables:
        monkeypatch.delenv(name)
    for name, value in {**identity.azure_ml_variables, "AZURE_CLIENT_ID": "the-client"}.items():
        monkeypatch.setenv(name, value)
    write_dag(tmp_path)
    ask(tmp_path, {"cloud": json.dumps(connection(llm))})
    assert [(each.resource, each.client_id) for each in identity.requests] == [(RESOURCE, "the-client")]
    assert authorizations(llm) == {("Bearer entra-token-1", None)}


def test_an_override_of_the_mode_makes_it_sign_in(tmp_path: Path, llm: FakeLlm, identity: FakeIdentity) -> None:
    write_dag(tmp_path)
    with_key = {"type": "azure_open_ai", "api_base": llm.url, "api_key": "k"}
    ask(tmp_path, {"cloud": json.dumps(with_key), "CLOUD_AUTH_MODE": "meid_token"})
    assert authorizations(llm) == {("Bearer entra-token-1", None)}


def test_a_prompty_without_a_key_signs_in(tmp_path: Path, llm: FakeLlm, identity: FakeIdentity) -> None:
    (tmp_path / "p.prompty").write_text(PROMPTY)
    (answer,) = ask(tmp_path, {"WHERE": llm.url})
    assert isinstance(answer, str)
    assert authorizations(llm) == {("Bearer entra-token-1", None)}


def test_a_model_configuration_of_a_connection_that_signs_in(
    tmp_path: Path, llm: FakeLlm, identity: FakeIdentity
) -> None:
    (tmp_path / "flow.flex.yaml").write_text("entry: chat:Chat\n")
    (tmp_path / "chat.py").write_text(CHAT)
    (tmp_path / "p.prompty").write_text(PROMPTY)
    init = {"model": {"azure_deployment": "gpt", "connection": "cloud"}}
    environ = {"cloud": json.dumps(connection(llm)), "PF_FLOW_INIT_CONFIG": json.dumps(init), "WHERE": "http://unused"}
    (answer,) = ask(tmp_path, environ)
    assert isinstance(answer, str), answer
    assert authorizations(llm) == {("Bearer entra-token-1", None)}


def test_calls_from_flow_code_sign_in(llm: FakeLlm, identity: FakeIdentity) -> None:
    cloud = AzureOpenAIConnection(api_base=llm.url, auth_mode="meid_token")
    azure_chat(cloud, PROMPT, deployment_name="gpt", q="why?")
    embedding(cloud, "why?", deployment_name="ada")
    assert cloud.get_token() == "entra-token-1"
    assert authorizations(llm) == {("Bearer entra-token-1", None)}
    assert len(identity.requests) == 1


def test_who_cannot_sign_in_starts_and_says_so_when_asked(
    tmp_path: Path, llm: FakeLlm, identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no developer's tools
    identity.refuse()
    write_dag(tmp_path)
    (failure,) = ask(tmp_path, {"cloud": json.dumps(connection(llm))})
    assert isinstance(failure, SignInFailed)
    assert failure.as_body()["error"]["code"] == "UserError"
    assert failure.message == "Signing in with the endpoint's identity failed: no identity is assigned"
    assert llm.requests == ()


def test_the_words_of_a_hosted_instances_identity_are_told_whole(identity: FakeIdentity) -> None:
    words = f"login.example gave no token: 401 {'because ' * 60} Look at the application's federated credential there"
    identity.refuse(words)
    with pytest.raises(SignInFailed) as caught:
        Identity("https://vault.azure.net/.default").fetch()
    assert caught.value.message == f"Signing in with the endpoint's identity failed: {words}"


def test_who_has_no_identity_is_told_what_was_tried(
    tmp_path: Path, identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no developer's tools
    monkeypatch.delenv("IDENTITY_HEADER")
    with pytest.raises(SignInFailed, match=r"(?s)Signing in with Entra ID failed.*ManagedIdentityCredential.*az login"):
        EntraTokens().get_token()


def test_the_client_id_picks_the_identity_of_a_hosted_instance(
    identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "the-client")
    assert Identity("https://vault.azure.net/.default").fetch().token == "entra-token-1"
    assert [(each.resource, each.client_id) for each in identity.requests] == [
        ("https://vault.azure.net", "the-client")
    ]


def test_a_service_principal_comes_before_the_identity_of_the_instance(
    identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Credential:
        def get_token(self, scope: str) -> AccessToken:
            asked.append(scope)
            return AccessToken("of-the-principal", 1.0)

    monkeypatch.setenv("AZURE_CLIENT_SECRET", "a-secret")
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Credential)
    assert Identity("r/.default").fetch().token == "of-the-principal"
    assert (asked, identity.requests) == (["r/.default"], ())


def test_a_serving_process_signs_in_and_hides_its_token(tmp_path: Path, llm: FakeLlm, identity: FakeIdentity) -> None:
    write_dag(tmp_path)
    environ = {"PATH": str(tmp_path), "cloud": json.dumps(connection(llm)), **identity.variables}
    with serving(tmp_path, environ) as (url, said):
        good = httpx.post(f"{url}/score", json={"q": "why?"}, timeout=PATIENCE_S)
        identity.refuse()
        again = httpx.post(f"{url}/score", json={"q": "why?"}, timeout=PATIENCE_S)
    assert (good.status_code, again.status_code) == (200, 200), said
    assert authorizations(llm) == {("Bearer entra-token-1", None)}
    assert "entra-token" not in "".join(said)


def test_a_serving_process_that_cannot_sign_in_is_healthy_and_answers_400(
    tmp_path: Path, llm: FakeLlm, identity: FakeIdentity
) -> None:
    identity.refuse()
    write_dag(tmp_path)
    environ = {"PATH": str(tmp_path), "cloud": json.dumps(connection(llm)), **identity.variables}
    with serving(tmp_path, environ) as (url, _):
        assert httpx.get(f"{url}/health", timeout=PATIENCE_S).status_code == 200
        answer = httpx.post(f"{url}/score", json={"q": "why?"}, timeout=PATIENCE_S)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "UserError"
    assert "Signing in with the endpoint's identity failed" in answer.json()["error"]["message"]


@contextlib.contextmanager
def serving(folder: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """(where it is, what it said so far)."""
    words = [sys.executable, "-m", "flowstead_runtime", "serve", str(folder), "--port", "0"]
    started = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(environ))
    said: list[str] = []
    assert started.stderr is not None
    try:
        for line in started.stderr:
            said.append(line)
            if "/score" in line:
                yield line.split(" at ")[1].split("/score")[0], said
                break
        else:
            pytest.fail("".join(said))
    finally:
        started.terminate()
        said += started.communicate(timeout=PATIENCE_S)[1].splitlines()


@pytest.fixture(autouse=True)
def no_clients_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_blocking", {})
