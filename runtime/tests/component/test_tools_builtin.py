"""The tools of promptflow-tools, as nodes and as calls of flow code."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.connections.types import AzureOpenAIConnection, OpenAIConnection, SerpConnection
from flowstead_runtime.errors import ConnectionInvalid, InternalFailure, ProviderFailed
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import Flow, RunContext
from flowstead_runtime.promptflow_api import builtin_tools, install
from flowstead_runtime.promptflow_api.exceptions import SystemErrorException, UserErrorException
from flowstead_runtime.promptflow_api.names import MODULES
from flowstead_runtime.promptflow_api.templates import build_messages, to_bool
from flowstead_runtime.testing.fake_llm import FakeLlm
from flowstead_runtime.tools.builtin import serp
from flowstead_runtime.tools.multimedia import Image
from flowstead_runtime.tools.values import PromptTemplate

KEY = "sk-of-the-test"


@dataclass
class Web:
    """A server that answers everything with `status` and `answer`."""

    url: str = ""
    status: int = 200
    answer: Any = None
    requests: list[tuple[str, Mapping[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            state.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = json.dumps(state.answer).encode()
            self.send_response(state.status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[None]:
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        # What the SDK imports on the way has to stay: its parts know each other's exceptions by identity.
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.split(".")[0] == "promptflow" or file.startswith(str(tmp_path)):
            del sys.modules[name]


def load(folder: Path, node: Mapping[str, Any], connections: Mapping[str, Any], template: str = "") -> Flow:
    definition = {
        "inputs": {"q": {"type": "object"}},
        "outputs": {"a": {"type": "object", "reference": "${t.output}"}},
        "nodes": [{"name": "t", **node}],
    }
    (folder / "flow.dag.yaml").write_text(json.dumps(definition))
    (folder / "t.jinja2").write_text(template)
    environ = {name: json.dumps(value) for name, value in connections.items()}
    return open_flow(folder, connections=Connections(environ), environ=environ)


def answer(flow: Flow, question: Any, *, stream: bool = False) -> Any:
    async def main() -> Any:
        try:
            inputs = convert_inputs(flow.definition, {"q": question})
            found = (await flow.run(inputs, RunContext("r", stream=stream))).value["a"]
            return [piece async for piece in found] if hasattr(found, "__anext__") else found
        finally:
            await flow.close()

    return asyncio.run(main())


def prompted(tool: str, **inputs: Any) -> dict[str, Any]:
    source = {"type": "package_with_prompt", "tool": f"promptflow.tools.{tool}", "path": "t.jinja2"}
    return {"type": "custom_llm", "source": source, "inputs": {"q": "${inputs.q}", **inputs}}


def packaged(tool: str, **inputs: Any) -> dict[str, Any]:
    source = {"type": "package", "tool": f"promptflow.tools.{tool}"}
    return {"type": "python", "source": source, "inputs": inputs}


def azure(llm: FakeLlm) -> dict[str, Any]:
    return {"type": "azure_open_ai", "api_key": KEY, "api_base": llm.url, "api_version": "v"}


def plain(llm: FakeLlm) -> dict[str, Any]:
    return {"type": "open_ai", "api_key": KEY, "base_url": f"{llm.url}/v1"}


@pytest.mark.parametrize(
    ("tool", "connection", "model"),
    [
        ("llm_vision.llm_vision", "azure", {"deployment_name": "eye"}),
        ("aoai_gpt4v.AzureOpenAI.chat", "azure", {"deployment_name": "eye"}),
        ("openai_gpt4v.OpenAI.chat", "plain", {"model": "eye"}),
    ],
)
def test_vision_tools_send_images(
    tmp_path: Path, llm: FakeLlm, tool: str, connection: str, model: dict[str, str]
) -> None:
    node = prompted(tool, connection=connection, detail="low", max_tokens=9, **model)
    flow = load(tmp_path, node, {"azure": azure(llm), "plain": plain(llm)}, "user:\nlook\n![image]({{q}})\n")
    picture = base64.b64encode(b"\x89PNG").decode()
    assert answer(flow, {"data:image/png;base64": picture})
    body = llm.requests[-1].body
    assert body["model"] == "eye"
    assert (body["max_tokens"], body["presence_penalty"], body["n"]) == (9, 0.0, 1)
    assert body["messages"][0]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{picture}", "detail": "auto"},
    }


@pytest.mark.parametrize("api", ["chat", "completion"])
def test_the_llm_tool_takes_its_api_as_an_input(tmp_path: Path, llm: FakeLlm, api: str) -> None:
    node = prompted("llm.llm", connection="plain", model="m", api=api)
    assert answer(load(tmp_path, node, {"plain": plain(llm)}, "user:\n{{q}}"), "[[say: yes]]") == "yes"
    assert "".join(answer(load(tmp_path, node, {"plain": plain(llm)}, "user:\n{{q}}"), "[[say: a b]]", stream=True))
    assert ("messages" in llm.requests[-1].body) == (api == "chat")
    assert "max_tokens" not in llm.requests[-1].body


def test_a_python_node_may_name_a_chat_tool(tmp_path: Path, llm: FakeLlm) -> None:
    node = packaged("aoai.chat", connection="c", prompt="user:\n{{q}}", deployment_name="d", q="${inputs.q}")
    assert answer(load(tmp_path, node, {"c": azure(llm)}), "[[say: yes]]") == "yes"


CATEGORIES = [{"category": name, "severity": 0} for name in ("Hate", "SelfHarm", "Sexual")]
SAFETY = "azure_content_safety.analyze_text"


def safety(folder: Path, web: Web, **inputs: str) -> Flow:
    connection = {"type": "azure_content_safety", "api_key": KEY, "endpoint": web.url, "api_version": "2023-10-01"}
    return load(folder, packaged(SAFETY, connection="c", text="${inputs.q}", **inputs), {"c": connection})


@pytest.mark.parametrize(
    ("severity", "inputs", "verdict"),
    [
        (2, {}, "Accept"),
        (4, {}, "Reject"),
        (4, {"violence_category": "low_sensitivity"}, "Accept"),
        (2, {"violence_category": "high_sensitivity"}, "Reject"),
        (6, {"violence_category": "disable"}, "Accept"),
    ],
)
def test_content_safety_rejects_from_a_severity_on(
    tmp_path: Path, web: Web, severity: int, inputs: dict[str, str], verdict: str
) -> None:
    web.answer = {"categoriesAnalysis": [*CATEGORIES, {"category": "Violence", "severity": severity}]}
    assert answer(safety(tmp_path, web, **inputs), "text") == {
        "suggested_action": verdict,
        "action_by_category": {"Hate": "Accept", "SelfHarm": "Accept", "Sexual": "Accept", "Violence": verdict},
    }
    path, headers, body = web.requests[-1]
    assert path == "/contentsafety/text:analyze?api-version=2023-10-01"
    assert headers["ocp-apim-subscription-key"] == KEY
    assert body["text"] == "text"


def test_content_safety_speaks_the_older_form_and_fails_clearly(tmp_path: Path, web: Web) -> None:
    web.answer = {f"{name}Result": {"severity": 0} for name in ("hate", "selfHarm", "sexual", "violence")}
    assert answer(safety(tmp_path, web), "x")["suggested_action"] == "Accept"
    web.answer["blocklistsMatchResults"] = [{"blocklist": 1}]
    assert answer(safety(tmp_path, web), "x")["suggested_action"] == "Reject"
    web.answer = {"categoriesAnalysis": CATEGORIES}
    with pytest.raises(InternalFailure, match="said nothing of Violence"):
        answer(safety(tmp_path, web), "x")
    web.status, web.answer = 401, {"error": "no"}
    with pytest.raises(ProviderFailed, match="Content safety answered 401"):
        answer(safety(tmp_path, web), "x")
    with pytest.raises(ProviderFailed, match="'loud' is no sensitivity"):
        answer(safety(tmp_path, web, hate_category="loud"), "x")


def test_serp_searches(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serp, "ADDRESS", f"{web.url}/search")
    web.answer = {"organic_results": [1]}
    node = packaged("serpapi.SerpAPI.search", connection="c", query="${inputs.q}", num=3, engine="bing", safe="active")
    flow = load(tmp_path, node, {"c": {"type": "serp", "api_key": KEY}})
    assert answer(flow, "a b") == {"organic_results": [1]}
    assert web.requests[-1][0] == f"/search?q=a+b&api_key={KEY}&engine=bing&safeSearch=Strict&count=3"


@pytest.mark.parametrize(("status", "kind"), [(401, UserErrorException), (503, SystemErrorException)])
def test_serp_names_no_key_when_it_fails(
    web: Web, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]
) -> None:
    monkeypatch.setattr(serp, "ADDRESS", f"{web.url}/search")
    web.status, web.answer = status, {"error": f"bad key {KEY}"}
    with pytest.raises(kind, match=r"bad key \*+$"):
        builtin_tools.search(SerpConnection(api_key=KEY), "q")


def open_model(folder: Path, web: Web, family: str, api: str, template: str = "user:\n{{q}}", suffix: str = "") -> Flow:
    value = {"endpoint_url": web.url + suffix, "endpoint_api_key": KEY, "model_family": family}
    node = prompted("open_model_llm.OpenModelLLM.call", endpoint_name="localConnection/m", api=api)
    connection = {"type": "CustomConnection", "value": value, "secret_keys": ["endpoint_api_key"]}
    return load(folder, node, {"m": connection}, template)


@pytest.mark.parametrize(
    ("family", "api", "given", "reply"),
    [
        ("LLaMa", "chat", [{"role": "user", "content": "hi"}], {"output": "yes"}),
        ("llama", "completion", ["user:\nhi"], [{"0": "yes"}]),
        ("Dolly", "completion", ["user:\nhi"], [{"0": "yes"}]),
    ],
)
def test_open_models(tmp_path: Path, web: Web, family: str, api: str, given: Any, reply: Any) -> None:
    web.answer = reply
    assert answer(open_model(tmp_path, web, family, api), "hi") == "yes"
    _, headers, body = web.requests[-1]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body["input_data"]["input_string"] == given
    parameters = body["input_data"].get("parameters") or body["parameters"]
    assert (parameters["temperature"], parameters["max_new_tokens"]) == (1.0, 500)


@pytest.mark.parametrize(("api", "reply"), [("chat", {"message": {"content": "yes"}}), ("completion", {"text": "yes"})])
def test_open_models_without_a_server_of_their_own(tmp_path: Path, web: Web, api: str, reply: Any) -> None:
    web.answer = {"choices": [reply]}
    flow = open_model(tmp_path, web, "LLaMa", api, suffix="/x.inference.ai.azure.com")
    assert answer(flow, "hi") == "yes"
    path, _, body = web.requests[-1]
    assert path.endswith("/v1/chat/completions" if api == "chat" else "/v1/completions")
    assert body["max_tokens"] == 500


def test_open_models_fail_clearly(tmp_path: Path, web: Web) -> None:
    web.answer = {"what": 1}
    with pytest.raises(ProviderFailed, match="Unexpected response format"):
        answer(open_model(tmp_path, web, "falcon", "completion"), "hi")
    with pytest.raises(ProviderFailed, match="must begin with a line 'system:'"):
        answer(open_model(tmp_path, web, "llama", "chat", "no roles"), "hi")
    with pytest.raises(ProviderFailed, match="The model family 'Unheard' is unknown"):
        answer(open_model(tmp_path, web, "Unheard", "chat"), "hi")
    web.status = 429
    with pytest.raises(ProviderFailed, match="The endpoint answered 429"):
        answer(open_model(tmp_path, web, "llama", "chat"), "hi")
    for name, kind in (("onlineEndpoint/x", UserErrorException), ("connection/nowhere", UserErrorException)):
        with pytest.raises(kind, match="cannot be looked up here|is not configured"):
            builtin_tools.OpenModelLLM().call(PromptTemplate("user:\nhi"), "chat", name)


def test_a_template_is_rendered(tmp_path: Path) -> None:
    node = packaged("template_rendering.render_template_jinja2", template="<{{q}}>", q="${inputs.q}")
    assert answer(load(tmp_path, node, {}), "x") == "<x>"


def test_flow_code_calls_chat_and_completion(llm: FakeLlm) -> None:
    cloud = AzureOpenAIConnection(api_key=KEY, api_base=llm.url, api_version="v")
    other = OpenAIConnection(api_key=KEY, base_url=f"{llm.url}/v1")
    prompt = "user:\n{{q}}"
    said = "[[say: one two]]"
    assert builtin_tools.azure_chat(cloud, prompt, deployment_name="d", q=said, max_tokens="12") == "one two"
    assert llm.requests[-1].body["max_tokens"] == 12
    assert builtin_tools.AzureOpenAI(cloud).completion("{{q}}", "d", q=said) == "one two"
    assert builtin_tools.OpenAI(other).chat(prompt=prompt, model="m", q=said) == "one two"
    assert builtin_tools.completion(other, "{{q}}", "m", q=said) == "one two"
    assert "".join(builtin_tools.chat(other, prompt, "m", q=said, stream=True)).strip() == "one two"
    assert builtin_tools.llm_vision(other, prompt, q=said) == "one two"
    assert llm.requests[-1].body["model"] == "gpt-4-vision-preview"
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    assert builtin_tools.llm(other, prompt, model="m", q="x", tools=tools)["tool_calls"]
    assert len(builtin_tools.embedding(other, "text")) > 1


def test_flow_code_catches_promptflows_exceptions(llm: FakeLlm) -> None:
    other = OpenAIConnection(api_key=KEY, base_url=f"{llm.url}/v1")
    with pytest.raises(UserErrorException, match="BadRequestError") as caught:
        builtin_tools.chat(other, "user:\n[[fail: 400]]", "m")
    assert type(caught.value).__name__ == "WrappedOpenAIError"
    assert KEY not in str(caught.value)
    with pytest.raises(UserErrorException, match="A connection is expected, not str"):
        builtin_tools.chat("name", "user:\nx", "m")  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="has no model"):
        builtin_tools.chat(other, "user:\nx")
    with pytest.raises(UserErrorException, match="'temperature' cannot be 'warm'"):
        builtin_tools.chat(other, "user:\nx", "m", temperature="warm")


def test_every_name_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install()
    for module, names in MODULES.items():
        for name in names:
            if name != "PromptFlowCallbackHandler":  # LangChain's
                assert getattr(__import__(module, fromlist=[name]), name) is not None, f"{module}.{name}"


@pytest.mark.parametrize("module", ["promptflow.batch", "promptflow._sdk.operations"])
def test_what_serving_cannot_do_says_so(module: str) -> None:
    assert install()
    with pytest.raises(ModuleNotFoundError, match="which a flow that is being served cannot do"):
        __import__(module)


def test_a_connection_of_the_wrong_kind_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConnectionInvalid, match="node 't': Connection 'c' of type CustomConnection"):
        load(tmp_path, prompted("llm.llm", connection="c"), {"c": {"type": "custom", "a": 1}}, "user:\nx")


def test_flow_code_builds_messages() -> None:
    picture = Image(b"hi", "image/png")
    messages = build_messages("user:\n{{q}}\n{{i}}\n", images=[picture], image_detail="low", q="x", i=picture)
    assert messages[0]["content"] == [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
    ]
    assert to_bool("TRUE")
    assert not to_bool(None)
