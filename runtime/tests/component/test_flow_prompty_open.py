"""Prompty over the real wire, served as a flow and called from flow code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.errors import NodeFailed
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import Flow, RunContext, RunResult
from flowstead_runtime.promptflow_api.exceptions import UserErrorException
from flowstead_runtime.promptflow_api.model_configuration import OpenAIModelConfiguration
from flowstead_runtime.promptflow_api.prompty import AsyncPrompty, Prompty
from flowstead_runtime.testing.fake_llm import FakeLlm
from flowstead_runtime.tools.clients import use_connections

KEY = "sk-of-the-test"
INPUTS = "inputs: {q: {type: string}}\n"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def provider() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@pytest.fixture(autouse=True)
def clean(provider: FakeLlm, tmp_path: Path) -> Iterator[None]:
    """Flows leave modules, path entries and the hook behind: they are made to have a process of their own."""
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    use_connections(Connections(environment(provider)))
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        # What the SDK imports on the way has to stay: its parts know each other's exceptions by identity.
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.split(".")[0] == "promptflow" or file.startswith(str(tmp_path)):
            del sys.modules[name]


def environment(provider: FakeLlm) -> dict[str, str]:
    azure = {"type": "azure_open_ai", "api_key": KEY, "api_base": provider.url, "api_version": "2024-02-01"}
    return {"azure": json.dumps(azure), "FAKE": f"{provider.url}/v1", "KEY": KEY}


def write(
    folder: Path,
    configuration: str = "{type: azure_openai, azure_deployment: gpt, connection: azure}",
    parameters: str = "{}",
    rest: str = INPUTS,
    *,
    template: str = "system:\nBe short.\nuser:\n{{q}}\n",
    model: str = "",
) -> Path:
    path = folder / "ask.prompty"
    settings = f"name: ask\nmodel:\n  configuration: {configuration}\n  parameters: {parameters}\n{model}{rest}"
    path.write_text(f"---\n{settings}---\n{template}")
    return path


def load(folder: Path, provider: FakeLlm, **environ: str) -> Flow:
    variables = {**environment(provider), **environ}
    return open_flow(folder, connections=Connections(variables), environ=variables)


def result(flow: Flow, request: Any) -> RunResult:
    async def main() -> RunResult:
        try:
            done = await flow.run(convert_inputs(flow.definition, request), RunContext("r"))
            if hasattr(done.value, "__anext__"):
                return RunResult([piece async for piece in done.value], named=False)
            return done
        finally:
            await flow.close()

    return asyncio.run(main())


def answer(flow: Flow, question: str = "why?") -> Any:
    return result(flow, {"q": question}).value


def test_the_answer_is_the_bare_text(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, parameters="{max_tokens: 12, temperature: 0.2, stop: [X]}")
    done = result(load(tmp_path, provider), {"q": "[[say: because]]"})
    assert (done.value, done.named) == ("because", False)
    request = provider.requests[-1]
    assert request.azure
    # Parameters go out as they are, and none that the file does not name.
    assert request.body == {
        "model": "gpt",
        "max_tokens": 12,
        "temperature": 0.2,
        "stop": ["X"],
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "[[say: because]]"}],
    }


@pytest.mark.parametrize(
    ("configuration", "environ"),
    [
        ("{type: openai, model: m, base_url: '${env:FAKE}', api_key: '${env:KEY}'}", {}),
        ("{type: openai, model: m}", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "FAKE"}),
    ],
)
def test_openai_by_fields_or_from_the_environment(
    tmp_path: Path, provider: FakeLlm, configuration: str, environ: dict[str, str]
) -> None:
    write(tmp_path, configuration)
    environ = {name: f"{provider.url}/v1" if value == "FAKE" else value for name, value in environ.items()}
    assert answer(load(tmp_path, provider, **environ), "[[say: yes]]") == "yes"
    assert (provider.requests[-1].azure, provider.requests[-1].body["model"]) == (False, "m")


def test_azure_openai_from_the_environment(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, "{type: azure_openai, azure_deployment: d}")
    environ = {"AZURE_OPENAI_ENDPOINT": provider.url, "AZURE_OPENAI_API_KEY": KEY, "OPENAI_API_VERSION": "v9"}
    assert answer(load(tmp_path, provider, **environ), "[[say: yes]]") == "yes"
    assert provider.requests[-1].query["api-version"] == "v9"


@pytest.mark.parametrize("configuration", ["{connection: nowhere, model: m}", "{type: other, model: m}"])
def test_a_connection_that_is_missing_is_each_callers_failure(
    tmp_path: Path, provider: FakeLlm, configuration: str
) -> None:
    write(tmp_path, configuration)
    with pytest.raises(NodeFailed, match="Execution failure in 'ask': .*(nowhere|other)"):
        answer(load(tmp_path, provider))


def test_a_stream_comes_without_empty_pieces(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, parameters="{stream: true}")
    pieces = answer(load(tmp_path, provider), "[[say: one two three]]")
    assert "".join(pieces) == "one two three"
    assert len(pieces) > 1
    assert all(pieces)


def test_an_object_is_parsed(tmp_path: Path, provider: FakeLlm) -> None:
    for parameters in (
        "{response_format: {type: json_object}}",
        "{response_format: {type: json_object}, stream: true}",
    ):
        write(tmp_path, parameters=parameters, rest=INPUTS + "outputs: {a: {type: string}}\n")
        done = result(load(tmp_path, provider), {"q": '[[say: {"a": 1, "b": 2}]]'})
        assert (done.value, done.named) == ({"a": 1}, True)


def test_tool_calls_are_answered_as_the_message(tmp_path: Path, provider: FakeLlm) -> None:
    (tmp_path / "tools.json").write_text(json.dumps([TOOL]))
    write(tmp_path, parameters="{tools: '${file:tools.json}'}")
    message = answer(load(tmp_path, provider))
    assert message["tool_calls"][0]["function"]["name"] == "f"
    assert provider.requests[-1].body["tool_choice"] == "auto"


def test_all_choices_are_the_whole_response(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, parameters="{n: 2}", model="  response: all\n")
    response = answer(load(tmp_path, provider))
    assert [choice.index for choice in response.choices] == [0, 1]


def test_a_completion_sends_a_prompt(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, model="  api: completion\n", template="Say {{q}}")
    assert answer(load(tmp_path, provider), "[[say: done]]") == "done"
    assert provider.requests[-1].body["prompt"] == "Say [[say: done]]"


def test_images_are_parts_of_the_message(tmp_path: Path, provider: FakeLlm) -> None:
    write(tmp_path, template="user:\nlook\n![image]({{q}})\n")
    answer(load(tmp_path, provider), "data:image/png;base64: aGk=")
    assert provider.requests[-1].body["messages"][0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "auto"}},
    ]


@pytest.mark.parametrize(
    ("question", "template", "parameters", "said"),
    [
        ("[[fail: 400]]", "user:\n{{q}}\n", "{}", r"\(WrappedOpenAIError\) OpenAI API hits BadRequestError"),
        ("q", "user:\n{{q.a.b}}\n", "{}", r"\(JinjaTemplateError\) Failed to render jinja template"),
        ("q", "hello {{q}}\n", "{}", r"\(ChatAPIInvalidRoleError\) The Chat API requires"),
        ("q", "user:\n{{q}}\n", "{no_such: 1}", r"\(LLMError\) OpenAI API hits exception: TypeError"),
        ("[[say: x]]", "user:\n{{q}}\n", "{response_format: {type: json_object}}", r"\(LLMError\).*JSONDecodeError"),
    ],
)
def test_failures_are_named(
    tmp_path: Path, provider: FakeLlm, question: str, template: str, parameters: str, said: str
) -> None:
    write(tmp_path, parameters=parameters, template=template)
    with pytest.raises(NodeFailed, match=f"Execution failure in 'ask': {said}") as caught:
        answer(load(tmp_path, provider), question)
    assert caught.value.status == 400
    assert KEY not in str(caught.value)


def test_flow_code_calls_a_prompty(tmp_path: Path, provider: FakeLlm) -> None:
    path = write(tmp_path)
    prompty = Prompty.load(source=path)
    assert prompty(q="[[say: yes]]") == "yes"
    assert prompty.path == path
    assert "Be short." in prompty.render(q="x")
    assert prompty.estimate_token_count(q="x") > 10
    other = {"configuration": OpenAIModelConfiguration(model="m2", base_url=f"{provider.url}/v1", api_key=KEY)}
    assert Prompty.load(path, model={**other, "parameters": {"max_tokens": 3}})(q="[[say: yes]]") == "yes"
    assert (provider.requests[-1].body["model"], provider.requests[-1].body["max_tokens"]) == ("m2", 3)


def test_flow_code_streams_and_takes_objects(tmp_path: Path) -> None:
    stream = Prompty.load(write(tmp_path, parameters="{stream: true}"))
    assert "".join(stream(q="[[say: one two]]")) == "one two"
    unread = stream(q="[[say: one two]]")
    unread.close()
    wanted = Prompty.load(write(tmp_path, parameters="{response_format: {type: json_object}, stream: true}"))
    assert wanted(q='[[say: {"a": 1}]]') == {"a": 1}


def test_asynchronous_flow_code_awaits_a_prompty(tmp_path: Path) -> None:
    async def main() -> tuple[Any, str]:
        whole = await AsyncPrompty.load(write(tmp_path))(q="[[say: yes]]")
        stream = await AsyncPrompty.load(write(tmp_path, parameters="{stream: true}"))(q="[[say: one two]]")
        return whole, "".join([piece async for piece in stream])

    # Twice, since a client must not be taken from one event loop to another.
    assert [asyncio.run(main()) for _ in range(2)] == [("yes", "one two")] * 2


def test_flow_code_catches_promptflows_exceptions(tmp_path: Path) -> None:
    prompty = Prompty.load(write(tmp_path))
    with pytest.raises(UserErrorException, match="BadRequestError") as refused:
        prompty(q="[[fail: 400]]")
    with pytest.raises(UserErrorException, match="Exceed max retry times") as tired:
        prompty(q="[[fail: 429]]")
    assert [type(each.value).__name__ for each in (refused, tired)] == ["WrappedOpenAIError", "ExceedMaxRetryTimes"]
    with pytest.raises(UserErrorException, match="Missing required inputs"):
        prompty(wrong=1)
    with pytest.raises(UserErrorException, match="keyword arguments"):
        prompty("positional")
    with pytest.raises(UserErrorException, match="does not exist"):
        Prompty.load(tmp_path / "gone.prompty")
    with pytest.raises(UserErrorException, match="with .prompty extension"):
        Prompty.load(tmp_path)
    with pytest.raises(UserErrorException, match="Failed to render jinja template"):
        Prompty.load(write(tmp_path, template="user:\n{{q.a.b}}"))(q=1)


def test_a_flex_flow_names_what_its_prompty_raised(tmp_path: Path, provider: FakeLlm) -> None:
    folder = tmp_path / "flow"
    folder.mkdir()
    write(tmp_path)
    (folder / "flow.flex.yaml").write_text("entry: chat:run")
    (folder / "chat.py").write_text(
        "from promptflow.core import Prompty\n"
        f"prompty = Prompty.load({str(tmp_path / 'ask.prompty')!r})\n"
        "def run(q): return prompty(q=q)\n"
    )
    assert answer(load(folder, provider), "[[say: yes]]") == "yes"
    with pytest.raises(NodeFailed, match=r"Execution failure in 'run': \(WrappedOpenAIError\) OpenAI API hits"):
        answer(load(folder, provider), "[[fail: 400]]")
