"""The fake provider as the real SDK sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AzureOpenAI, OpenAI

from flowstead_runtime.testing import llm_answers
from flowstead_runtime.testing.fake_llm import FakeLlm

ASK: list[Any] = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is a flow?"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}


@pytest.fixture
def provider() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@pytest.fixture
def client(provider: FakeLlm) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{provider.url}/v1", api_key="key", max_retries=0) as made:
        yield made


@pytest.fixture
def azure(provider: FakeLlm) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(azure_endpoint=provider.url, api_key="key", api_version="2024-02-01", max_retries=0) as made:
        yield made


def ask(text: str) -> Any:
    return [{"role": "user", "content": text}]


def test_chat_answers_by_rule(provider: FakeLlm, client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, n=2)
    body = provider.requests[0].body
    expected = f"gpt-4o-mini {llm_answers.digest(body)} (system,user) answers: What is a flow?"
    assert [choice.message.content for choice in answer.choices] == [expected, expected]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_another_question_gives_another_digest(client: OpenAI) -> None:
    def said(**changes: Any) -> str:
        answer: Any = client.chat.completions.create(**{"model": "m", "messages": ASK, **changes})
        return str(answer.choices[0].message.content)

    assert said() == said()
    assert len({said(), said(temperature=0.1), said(messages=ask("What is a flow?"))}) == 3


def test_a_stream_joins_to_the_same_answer(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="m", messages=ask("[[say: one two  three]]"))
    chunks = list(
        client.chat.completions.create(
            model="m", messages=ask("[[say: one two  three]]"), stream=True, stream_options={"include_usage": True}
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert texts == ["", "one ", "two  ", "three", ""]
    assert "".join(texts) == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_azure_takes_the_deployment_for_the_model_and_filters_first(provider: FakeLlm, azure: AzureOpenAI) -> None:
    answer = azure.chat.completions.create(model="my-deployment", messages=ASK)
    assert (answer.choices[0].message.content or "").startswith("my-deployment ")
    chunks = list(azure.chat.completions.create(model="my-deployment", messages=ASK, stream=True))
    assert chunks[0].choices == []
    assert provider.requests[0].azure
    assert provider.requests[0].headers["api-key"] == "key"
    assert provider.requests[0].query == {"api-version": "2024-02-01"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_until_its_result_is_there(client: OpenAI, stream: bool) -> None:
    if stream:
        chunks = client.chat.completions.create(model="m", messages=ASK, tools=[TOOL], stream=True)
        calls = [call for each in chunks for choice in each.choices for call in choice.delta.tool_calls or []]
        arguments = (calls[0].function and calls[0].function.arguments) or ""
    else:
        answer = client.chat.completions.create(model="m", messages=ASK, tools=[TOOL])
        assert answer.choices[0].finish_reason == "tool_calls"
        call: Any = (answer.choices[0].message.tool_calls or [])[0]
        arguments = call.function.arguments
    assert json.loads(arguments) == {"city": "city", "days": 1}
    result: Any = {"role": "tool", "tool_call_id": "call_look_up", "content": "rain"}
    after = client.chat.completions.create(model="m", messages=[*ASK, result], tools=[TOOL])
    assert after.choices[0].finish_reason == "stop"


def test_json_answers(client: OpenAI) -> None:
    loose = client.chat.completions.create(model="m", messages=ASK, response_format={"type": "json_object"})
    assert json.loads(loose.choices[0].message.content or "")["answer"] == "What is a flow?"
    schema: Any = {"type": "object", "properties": {"kind": {"enum": ["app", "web"]}, "tags": {"type": "array"}}}
    strict = client.chat.completions.create(
        model="m",
        messages=ASK,
        response_format={"type": "json_schema", "json_schema": {"name": "page", "schema": schema}},
    )
    assert json.loads(strict.choices[0].message.content or "") == {"kind": "app", "tags": ["tags"]}


def test_completions(client: OpenAI) -> None:
    whole = client.completions.create(model="m", prompt="Once [[say: upon a time]]", echo=True)
    assert whole.choices[0].text == "Once [[say: upon a time]]upon a time"
    streamed = client.completions.create(model="m", prompt="Once [[say: upon a time]]", stream=True)
    assert "".join(each.choices[0].text for each in streamed) == "upon a time"


def test_embeddings_in_both_encodings(client: OpenAI) -> None:
    packed = client.embeddings.create(model="m", input=["a", "b"])
    plain = client.embeddings.create(model="m", input="a", encoding_format="float", dimensions=3)
    assert packed.data[0].embedding == llm_answers.embedding_of("a", llm_answers.EMBEDDING_LENGTH)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert plain.data[0].embedding == llm_answers.embedding_of("a", 3)


def test_directives_fail_as_asked(client: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError, match="asked for a 429"):
        client.chat.completions.create(model="m", messages=ask("[[fail: 429]]"))
    twice = ask("[[fail: 503 x2]] [[say: at last]]")
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="m", messages=twice)
    assert client.chat.completions.create(model="m", messages=twice).choices[0].message.content == "at last"
    with pytest.raises(openai.BadRequestError, match="is not a status"):
        client.chat.completions.create(model="m", messages=ask("[[fail: often]]"))


def test_a_stream_is_cut(client: OpenAI) -> None:
    # Depending on when the end of the connection is seen, the SDK passes on its HTTP library's error or wraps it.
    transport = ("httpx", "httpx2", "httpcore", "httpcore2")
    chunks = client.chat.completions.create(model="m", messages=ask("[[say: a b c]] [[cut: 2]]"), stream=True)
    seen: list[str] = []
    with pytest.raises(Exception) as caught:
        for chunk in chunks:
            seen.append(chunk.id)  # noqa: PERF401 - what arrived before the failure is to be kept
    assert isinstance(caught.value, openai.APIConnectionError) or type(caught.value).__module__.startswith(transport)
    assert len(seen) == 2


def test_a_directive_waits(client: OpenAI) -> None:
    started = time.monotonic()
    client.chat.completions.create(model="m", messages=ask("[[wait: 0.05]]"))
    assert time.monotonic() - started >= 0.05


def test_who_may_ask() -> None:
    with FakeLlm(keys=["right"]) as provider:
        wrong = OpenAI(base_url=f"{provider.url}/v1", api_key="wrong", max_retries=0)
        right = OpenAI(base_url=f"{provider.url}/v1", api_key="right", max_retries=0)
        with wrong, right:
            with pytest.raises(openai.AuthenticationError):
                wrong.chat.completions.create(model="m", messages=ASK)
            assert right.chat.completions.create(model="m", messages=ASK).choices
            assert {model.id for model in right.models.list()} == {"gpt-4o-mini", "gpt-35-turbo"}
        provider.forget()
        assert provider.requests == ()
