"""The whole application where what it answers is a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.flow.definition import FlowKind
from flowstead_runtime.serving.settings import ServingSettings
from runtime.tests.unit.serving_caller import (
    DEFINITION,
    EVENTS,
    Answer,
    Caller,
    FakeFlow,
    ask,
    echo,
    gives,
    words,
)


def test_streaming_is_asked_for_by_name_only() -> None:
    flow = FakeFlow(echo)
    for accept in ("*/*", "application/json", "text/event-stream, application/json"):
        ask(flow, headers={"accept": accept})
    assert [context.stream for context in flow.contexts] == [False, False, True]


@pytest.mark.parametrize("make", [lambda: iter(["a", "b"]), lambda: words("a", "b")])
def test_a_stream_is_sent_as_events_the_rest_first(make: Callable[[], Any]) -> None:
    answer = ask(gives(lambda: {"said": make(), "sources": [1]}), headers=EVENTS)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.events == [{"sources": [1]}, {"said": "a"}, {"said": "b"}]
    assert answer.complete
    assert "content-length" not in answer.headers


def test_a_lone_stream_has_no_first_frame_and_an_empty_one_no_frames() -> None:
    assert ask(gives(lambda: {"said": words("", "a")}), headers=EVENTS).events == [{"said": ""}, {"said": "a"}]
    empty = ask(gives(lambda: {"said": words()}), headers=EVENTS)
    assert (empty.status, empty.events, empty.complete) == (200, [], True)


def test_a_bare_stream_has_the_name_output_and_joins_bare() -> None:
    flow = FakeFlow(gives(lambda: iter([1, "b"])), named=False)
    assert ask(flow, headers=EVENTS).events == [{"output": 1}, {"output": "b"}]
    assert ask(flow).json == "1b"


@pytest.mark.parametrize("make", [lambda: iter(["a", 1]), lambda: words("a", "1")])
def test_streams_are_joined_for_json(make: Callable[[], Any]) -> None:
    assert ask(gives(lambda: {"said": make(), "more": make()})).json == {"said": "a1", "more": "a1"}


def test_synchronous_streams_run_off_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def where() -> Iterator[str]:
        threads.append(threading.current_thread())
        yield "a"

    for headers in ({}, EVENTS):
        assert ask(gives(lambda: {"said": where()}), headers=headers).status == 200
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_hundreds_of_synchronous_streams_run_side_by_side() -> None:
    """Each has its piece only when all have begun."""
    together = threading.Barrier(200)

    def meet() -> Iterator[str]:
        together.wait(20)
        yield "met"

    async def scene() -> list[Answer]:
        caller = Caller(FakeFlow(gives(lambda: {"said": meet()})), ServingSettings())
        return await asyncio.gather(*(caller.ask(headers=EVENTS) for _ in range(200)))

    assert {each.events[0]["said"] for each in asyncio.run(scene())} == {"met"}


def test_two_streams_cannot_share_a_response_and_are_closed() -> None:
    closed: list[str] = []

    def stream(name: str) -> Iterator[str]:
        try:
            yield name
        finally:
            closed.append(name)

    def two() -> Any:
        values = {name: stream(name) for name in "ab"}
        for each in values.values():
            next(each)
        return values

    answer = ask(gives(two), headers=EVENTS)
    assert (answer.status, answer.json["error"]["code"]) == (400, "UserError")
    assert "Multiple stream" in answer.json["error"]["message"]
    assert sorted(closed) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "accept", "supported"),
    [
        ({"said": "a"}, "text/event-stream", "application/json"),
        ({"said": "a"}, "text/html", "application/json"),
        (lambda: {"said": words("a")}, "text/html", "text/event-stream, application/json"),
    ],
)
def test_what_cannot_be_accepted_is_406(value: Any, accept: str, supported: str) -> None:
    answer = ask(gives(value), headers={"accept": accept})
    assert (answer.status, answer.json["error"]["code"]) == (406, "UserError")
    assert answer.json["error"]["message"].endswith(supported)


async def breaks_after(*said: str) -> AsyncIterator[str]:
    for each in said:
        yield each
    raise ValueError("the line broke")


def test_a_broken_stream_counts_before_an_accept_header_that_cannot_be_served() -> None:
    assert ask(gives(lambda: {"said": breaks_after("a")}), headers={"accept": "text/html"}).status == 500


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        (FlowKind.DAG, "SystemError", "the line broke"),
        (FlowKind.FLEX, "UserError", "Execution failure in 'answer': (ValueError) the line broke"),
    ],
)
def test_a_stream_that_breaks_midway_says_why_and_is_cut(kind: FlowKind, code: str, said: str) -> None:
    flow = FakeFlow(gives(lambda: {"said": breaks_after("a")}), replace(DEFINITION, kind=kind, entry="app:answer"))
    answer = ask(flow, headers=EVENTS)
    assert (answer.status, answer.events, answer.complete) == (200, [{"said": "a"}], False)
    assert answer.error == {"code": code, "message": said}


def test_no_secret_leaves_in_the_event_that_ends_a_stream() -> None:
    SECRETS.learn(["sk-in-a-broken-stream"])

    async def breaks() -> AsyncIterator[str]:
        yield "a"
        raise ValueError("refused sk-in-a-broken-stream")

    assert ask(gives(lambda: {"said": breaks()}), headers=EVENTS).error["message"] == "refused ******"


@pytest.mark.parametrize("headers", [{}, EVENTS])
@pytest.mark.parametrize(("kind", "status"), [(FlowKind.DAG, 500), (FlowKind.FLEX, 400)])
def test_a_stream_that_breaks_before_its_first_byte_has_a_status(
    kind: FlowKind, status: int, headers: dict[str, str]
) -> None:
    flow = FakeFlow(gives(lambda: {"said": breaks_after()}), replace(DEFINITION, kind=kind, entry="app:answer"))
    answer = ask(flow, headers=headers)
    assert answer.status == status
    assert "the line broke" in answer.json["error"]["message"]
    assert ("'answer'" in answer.json["error"]["message"]) == (kind is FlowKind.FLEX)


def test_a_piece_that_is_no_json_breaks_the_stream() -> None:
    answer = ask(gives(lambda: {"said": iter(["a", object()])}), headers=EVENTS)
    assert (answer.status, answer.events, answer.complete) == (200, [{"said": "a"}], False)
    assert "not JSON serializable" in answer.error["message"]


def test_the_deadline_ends_with_the_first_byte() -> None:
    gate = threading.Event()

    def slow() -> Iterator[str]:
        yield "a"
        gate.wait(5)
        yield "b"

    async def scene() -> Answer:
        caller = Caller(FakeFlow(gives(lambda: {"said": slow()})), ServingSettings(timeout_s=0.02))
        asking = asyncio.ensure_future(caller.ask(headers=EVENTS))
        asyncio.get_running_loop().call_later(0.1, gate.set)
        return await asking

    answer = asyncio.run(scene())
    assert (answer.status, answer.events, answer.complete) == (200, [{"said": "a"}, {"said": "b"}], True)


def test_a_deadline_before_the_first_piece_is_408_and_the_context_knows_it() -> None:
    async def never() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "a"

    flow = FakeFlow(gives(lambda: {"said": never()}))
    assert ask(flow, ServingSettings(timeout_s=0.01), headers=EVENTS).status == 408
    assert flow.contexts[0].deadline is not None


def test_a_stream_that_has_begun_outlives_the_callers_deadline() -> None:
    async def slow() -> AsyncIterator[str]:
        yield "a"
        loop = asyncio.get_running_loop()
        passed = loop.create_future()
        loop.call_at(loop.time() + 0.05, passed.set_result, None)
        await passed
        yield "b"

    answer = ask(gives(lambda: {"said": slow()}), headers={**EVENTS, "x-request-timeout-ms": "25"})
    assert answer.complete
    assert len(answer.events) == 2
