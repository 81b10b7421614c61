"""The whole application, driven through ASGI's three arguments, around a flow of the test's own."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime import __version__
from flowstead_runtime.connections.hiding import SECRETS
from flowstead_runtime.errors import NodeFailed
from flowstead_runtime.flow.definition import FlowDefinition, FlowInput, FlowKind, FlowOutput, ValueType
from flowstead_runtime.flow.running import RunContext, RunResult
from flowstead_runtime.serving.application import build_application
from flowstead_runtime.serving.serving import Serving
from flowstead_runtime.serving.settings import ServingSettings
from flowstead_runtime.serving.types import Message

DEFINITION = FlowDefinition(
    "echo",
    FlowKind.DAG,
    Path(),
    Path("flow.dag.yaml"),
    inputs={"text": FlowInput(ValueType.STRING, default="hello")},
    outputs={"said": FlowOutput(ValueType.STRING)},
)
Run = Callable[[Mapping[str, Any], RunContext], Awaitable[Any]]
EVENTS = {"accept": "text/event-stream"}


@dataclass
class FakeFlow:
    """A flow that is one coroutine; contexts: of each run."""

    body: Run
    definition: FlowDefinition = DEFINITION
    named: bool = True
    contexts: list[RunContext] = field(default_factory=list)

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        self.contexts.append(context)
        return RunResult(await self.body(inputs, context), self.named)

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Answer:
    """complete: the last piece of the body was sent."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]
    complete: bool

    @property
    def json(self) -> Any:
        return json.loads(b"".join(self.pieces))

    @property
    def events(self) -> list[Any]:
        return [json.loads(frame.removeprefix(b"data: ")) for frame in self._frames() if frame.startswith(b"data: ")]

    @property
    def error(self) -> Any:
        """The error that ends a stream."""
        last = self._frames()[-1]
        assert last.startswith(b"event: error\ndata: ")
        return json.loads(last.partition(b"data: ")[2])["error"]

    def _frames(self) -> list[bytes]:
        frames = b"".join(self.pieces).split(b"\n\n")
        assert frames.pop() == b""
        return frames


class Caller:
    """Asks one application, in one event loop."""

    def __init__(self, flow: FakeFlow, settings: ServingSettings) -> None:
        loop = asyncio.get_running_loop()
        self.application = build_application(Serving(flow, settings, loop))

    async def ask(
        self,
        method: str = "POST",
        path: str = "/score",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"{}",
        hang_up: asyncio.Event | None = None,
    ) -> Answer:
        arriving: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if arriving:
                return arriving.pop()
            await (hang_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        # A task of its own, as a server gives it: it may be cancelled.
        await asyncio.create_task(_call(self.application(scope, receive, send)))
        if not sent:
            return Answer(0, {}, [], complete=False)
        start, *bodies = sent
        return Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            [each["body"] for each in bodies],
            complete=bool(bodies) and not bodies[-1].get("more_body"),
        )


async def _call(answering: Awaitable[None]) -> None:
    await answering


def ask(flow: FakeFlow | Run, settings: ServingSettings | None = None, **request: Any) -> Answer:
    """One request to a new application."""

    async def scene() -> Answer:
        given = flow if isinstance(flow, FakeFlow) else FakeFlow(flow)
        return await Caller(given, settings or ServingSettings()).ask(**request)

    return asyncio.run(scene())


async def echo(inputs: Mapping[str, Any], context: RunContext) -> Any:
    return {"said": inputs["text"]}


def gives(value: Any) -> Run:
    """A flow body that makes its value anew for each run when it is a function."""

    async def body(inputs: Mapping[str, Any], context: RunContext) -> Any:
        return value() if callable(value) else value

    return body


def raises(problem: BaseException) -> Run:
    async def body(inputs: Mapping[str, Any], context: RunContext) -> Any:
        raise problem

    return body


async def words(*said: str) -> AsyncIterator[str]:
    for each in said:
        yield each


def test_a_request_is_answered() -> None:
    answer = ask(echo, body=b'{"text": "hi"}')
    assert (answer.status, answer.json, answer.complete) == (200, {"said": "hi"}, True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(b'{"said":"hi"}'))
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("sent", "echoed", "run_as"),
    [
        ({"x-request-id": "r1"}, {"x-request-id": "r1", "x-ms-request-id": "r1"}, "r1"),
        (
            {"x-ms-client-request-id": "c1"},
            {"x-request-id": "c1", "x-ms-request-id": "c1", "x-ms-client-request-id": "c1"},
            "c1",
        ),
        (
            {"x-request-id": "r1", "x-ms-client-request-id": "c1"},
            {"x-request-id": "r1", "x-ms-request-id": "r1", "x-ms-client-request-id": "c1"},
            "r1",
        ),
    ],
)
def test_request_ids_are_used_and_echoed(sent: dict[str, str], echoed: dict[str, str], run_as: str) -> None:
    flow = FakeFlow(echo)
    answer = ask(flow, headers=sent)
    assert {name: value for name, value in answer.headers.items() if "request-id" in name} == echoed
    assert flow.contexts[0].request_id == run_as


@pytest.mark.parametrize("unusable", ["", "two words", "x" * 257, "é"])
def test_a_request_without_a_usable_id_gets_one(unusable: str) -> None:
    flow = FakeFlow(echo)
    answer = ask(flow, headers={"x-request-id": unusable})
    assert len(answer.headers["x-request-id"]) == 32
    assert flow.contexts[0].request_id == answer.headers["x-request-id"]


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


@pytest.mark.parametrize(
    ("problem", "status", "code", "said"),
    [
        (NodeFailed("Execution failure in 'n': (KeyError) 'k'"), 400, "UserError", "'n'"),
        (KeyError("k"), 500, "SystemError", "'k'"),
        (ZeroDivisionError(), 500, "SystemError", "ZeroDivisionError"),
        (SystemExit(3), 400, "UserError", "sys.exit(3)"),
        (asyncio.CancelledError(), 500, "SystemError", "cancelled its own task"),
    ],
)
def test_failures_have_a_body(problem: BaseException, status: int, code: str, said: str) -> None:
    answer = ask(raises(problem))
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert said in answer.json["error"]["message"]


def test_a_hosted_flows_failure_is_wrapped() -> None:
    hosted = ServingSettings(wrap_failures=True)
    for problem, status in ((NodeFailed("no"), "400"), (KeyError("k"), "500")):
        answer = ask(raises(problem), hosted)
        assert answer.status == 424
        assert answer.headers["ms-azureml-model-error-statuscode"] == status
        assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
        assert answer.json["error"]["message"]
    assert ask(echo, hosted).status == 200
    assert ask(echo, hosted, headers={"accept": "text/html"}).headers["ms-azureml-model-error-statuscode"] == "406"


@pytest.mark.parametrize("wrap", [False, True])
def test_the_deadline_is_408_wrapped_or_not(wrap: bool) -> None:
    cancelled: list[bool] = []

    async def forever(inputs: Mapping[str, Any], context: RunContext) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    answer = ask(forever, ServingSettings(timeout_s=0.01, wrap_failures=wrap))
    assert (answer.status, answer.json["error"]["code"]) == (408, "RequestTimeout")
    assert "0.01 s" in answer.json["error"]["message"]
    assert cancelled == [True]


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


def test_a_full_instance_is_429_with_retry_after() -> None:
    async def scene() -> list[Answer]:
        gate = asyncio.Event()

        async def waits(inputs: Mapping[str, Any], context: RunContext) -> Any:
            await gate.wait()
            return {"said": "done"}

        settings = ServingSettings(concurrency=1, queue=1, queue_wait_s=30, wrap_failures=True)
        caller = Caller(FakeFlow(waits), settings)
        running = [asyncio.ensure_future(caller.ask()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        refused = await caller.ask()
        gate.set()
        return [refused, *await asyncio.gather(*running)]

    refused, *served = asyncio.run(scene())
    assert (refused.status, refused.json["error"]["code"]) == (429, "TooManyRequests")
    assert refused.headers["retry-after"] == "1"
    assert [answer.status for answer in served] == [200, 200]


def test_a_caller_who_hangs_up_ends_the_run_and_frees_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowstead_runtime.serving.deadline.LOOK_AFTER_S", 0.001)

    async def scene() -> tuple[Answer, Answer, list[str]]:
        seen: list[str] = []
        hang_up = asyncio.Event()

        async def waits(inputs: Mapping[str, Any], context: RunContext) -> Any:
            if inputs["text"] == "quick":
                return {"said": "quick"}
            hang_up.set()
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("cancelled")

        caller = Caller(FakeFlow(waits), ServingSettings(concurrency=1, timeout_s=30))
        gone = await caller.ask(hang_up=hang_up)
        return gone, await caller.ask(body=b'{"text": "quick"}'), seen

    gone, after, seen = asyncio.run(scene())
    assert (gone.status, seen, after.status) == (0, ["cancelled"], 200)


def test_a_caller_who_hangs_up_while_it_waits_leaves_the_queue() -> None:
    async def scene() -> tuple[Answer, Answer, Answer]:
        hang_up, go, runs = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def waits(inputs: Mapping[str, Any], context: RunContext) -> Any:
            runs.set()
            await go.wait()
            return {"said": inputs["text"]}

        flow = FakeFlow(waits)
        caller = Caller(flow, ServingSettings(concurrency=1, queue=1, queue_wait_s=60))
        first = asyncio.create_task(caller.ask())
        await runs.wait()
        gone = asyncio.create_task(caller.ask(hang_up=hang_up))
        await asyncio.sleep(0)
        hang_up.set()
        left = await gone
        second = asyncio.create_task(caller.ask(body=b'{"text": "waited"}'))
        await asyncio.sleep(0)
        go.set()
        assert (await first).status == 200
        answers = left, await second, await caller.ask(body=b'{"text": "after"}')
        assert len(flow.contexts) == 3
        return answers

    left, waited, after = asyncio.run(scene())
    assert (left.status, waited.json, after.json) == (0, {"said": "waited"}, {"said": "after"})


async def waits_for_ever(inputs: Mapping[str, Any], context: RunContext) -> Any:
    await asyncio.Event().wait()


def test_the_callers_own_deadline_is_408() -> None:
    answer = ask(waits_for_ever, headers={"x-request-timeout-ms": "10"})
    assert (answer.status, answer.json["error"]["code"]) == (408, "RequestTimeout")
    assert "0.01 s" in answer.json["error"]["message"]


def test_the_callers_deadline_counts_in_the_queue() -> None:
    async def scene() -> Answer:
        caller = Caller(FakeFlow(waits_for_ever), ServingSettings(concurrency=1, queue=1, queue_wait_s=60))
        running = asyncio.create_task(caller.ask())
        await asyncio.sleep(0)
        answer = await caller.ask(headers={"x-request-timeout-ms": "10"})
        running.cancel()
        return answer

    assert asyncio.run(scene()).status == 408


@pytest.mark.parametrize(("asked_ms", "allowed_s", "within_s"), [("5000", 90.0, 5), ("900000", 90.0, 90)])
def test_the_sooner_deadline_reaches_the_flow(asked_ms: str, allowed_s: float, within_s: float) -> None:
    async def scene() -> float:
        flow = FakeFlow(echo)
        await Caller(flow, ServingSettings(timeout_s=allowed_s)).ask(headers={"x-request-timeout-ms": asked_ms})
        deadline = flow.contexts[0].deadline
        assert deadline is not None
        return deadline - asyncio.get_running_loop().time()

    assert within_s / 2 < asyncio.run(scene()) <= within_s


@pytest.mark.parametrize("wrong", ["", "0", "-1", "2s", "1" * 10, "1.5"])
def test_a_deadline_that_cannot_be_read_is_refused(wrong: str) -> None:
    answer = ask(echo, headers={"x-request-timeout-ms": wrong})
    assert answer.status == 400
    assert "x-request-timeout-ms" in answer.json["error"]["message"]


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


def test_an_unknown_content_encoding_is_415() -> None:
    answer = ask(echo, ServingSettings(wrap_failures=True), headers={"content-encoding": "br"})
    assert (answer.status, answer.json["error"]["code"]) == (415, "UserError")
    assert answer.headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("path", ["/score", "/feedback"])
def test_a_compressed_body_is_bounded_by_what_comes_out(path: str) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    answer = ask(echo, ServingSettings(content_limit=5000), path=path, headers={"content-encoding": "gzip"}, body=bomb)
    assert answer.status == 413


def test_a_body_over_the_limit_is_413() -> None:
    answer = ask(echo, ServingSettings(body_limit=10, wrap_failures=True), body=b'{"text": "too long"}')
    assert (answer.status, answer.json["error"]["code"]) == (413, "PayloadTooLarge")
    assert answer.headers["connection"] == "close"


def test_outputs_are_selected() -> None:
    outputs = {"said": FlowOutput(ValueType.STRING), "grade": FlowOutput(ValueType.INT, evaluation_only=True)}
    flow = FakeFlow(gives({"said": None, "grade": 1}), replace(DEFINITION, outputs=outputs))
    assert ask(flow).json == {"said": None}
    assert ask(flow, ServingSettings(included_fields=frozenset({"grade"}))).json == {"grade": 1}


def test_the_other_routes() -> None:
    assert ask(echo, method="GET", path="/health").json == {"status": "Healthy", "version": __version__}
    version = ask(echo, ServingSettings(build_info='{"build_number": "7"}'), method="GET", path="/version").json
    assert version == {"status": "Healthy", "build_info": '{"build_number": "7"}', "version": "7"}
    assert ask(echo, method="HEAD", path="/health").status == 200
    for body in (b"", b"nice", b'{"comment": 1}'):
        feedback = ask(echo, path="/feedback", body=body)
        assert (feedback.status, feedback.json) == (200, {"status": "Feedback received."})
    assert ask(echo, ServingSettings(body_limit=2), path="/feedback", body=b"long").status == 413


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"thumbs": "up"}', {"thumbs": "up"}),
        (b"no JSON\nat all", "no JSON\nat all"),
        (b"", ""),
        (b"[" * 100_000, "[" * 4000 + "…"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_feedback_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture, sent: bytes, kept: object) -> None:
    """With what it is about: the id and the trace that the request brings along."""
    about = {"x-request-id": "asked-1", "traceparent": "00-aa-bb-01"}
    assert ask(echo, path="/feedback", headers=about, body=sent).status == 200
    [line] = [each.getMessage() for each in caplog.records if each.name == "flowstead.feedback"]
    assert "\n" not in line
    assert json.loads(line) == {"request_id": "asked-1", "traceparent": "00-aa-bb-01", "feedback": kept}


def test_swagger_describes_the_answered_outputs() -> None:
    outputs = {"said": FlowOutput(ValueType.STRING), "grade": FlowOutput(ValueType.INT, evaluation_only=True)}
    flow = FakeFlow(echo, replace(DEFINITION, outputs=outputs))
    document = ask(flow, method="GET", path="/swagger.json").json
    assert document["openapi"] == "3.0.0"
    text = json.dumps(document)
    assert "said" in text
    assert "grade" not in text


def test_the_page_knows_the_flow_and_lets_nothing_else_run() -> None:
    inputs = {"<b>": FlowInput(ValueType.STRING, default="</script>"), "n": FlowInput(ValueType.INT)}
    flow = FakeFlow(echo, replace(DEFINITION, name="<i>", inputs=inputs, sample={"n": 7}))
    page = ask(flow, method="GET", path="/")
    text = page.pieces[0].decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>&lt;i&gt;</h1>" in text
    data = json.loads(text.partition('id="flow">')[2].partition("</script>")[0])
    assert [(each["name"], each["value"]) for each in data["inputs"]] == [("<b>", "</script>"), ("n", 7)]
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        own = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'; " in policy
    assert "unsafe" not in policy


def test_unknown_routes_and_wrong_methods() -> None:
    unknown = ask(echo, method="GET", path="/un<known>")
    assert (unknown.status, unknown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert unknown.pieces[0].startswith(b"The requested api 'un&lt;known&gt;' with GET is not supported by current app")
    wrong = ask(echo, method="GET", path="/score")
    assert (wrong.status, wrong.json, wrong.headers["allow"]) == (405, {"detail": "Method Not Allowed"}, "POST")
    assert ask(echo, method="POST", path="/health").status == 405


def test_a_hosted_instance_refuses_as_its_gateway_does() -> None:
    hosted = ServingSettings(wrap_failures=True)
    unknown = ask(echo, hosted, method="GET", path="/un<known>\ud800")
    assert (unknown.status, unknown.headers["content-type"]) == (404, "application/json")
    assert unknown.json["error"]["code"] == "UnknownRoute"
    assert "/score" in unknown.json["error"]["message"]
    wrong = ask(echo, hosted, method="GET", path="/score")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json == {"error": {"code": "MethodNotAllowed", "message": "/score takes POST, not GET."}}


PAGE = {"origin": "https://a.example", "access-control-request-method": "POST"}


def test_no_page_may_call_unless_asked() -> None:
    assert ask(echo, method="OPTIONS", headers=PAGE).status == 405
    for answer in (
        ask(echo, headers=PAGE),
        ask(echo, ServingSettings(cors=frozenset({"https://b.example"})), headers=PAGE),
    ):
        assert answer.status == 200
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("allowed", "said"), [("https://a.example", "https://a.example"), ("*", "*")])
def test_the_pages_that_were_asked_for_may_call(allowed: str, said: str) -> None:
    settings = ServingSettings(cors=frozenset({allowed}))
    before = ask(echo, settings, method="OPTIONS", headers={**PAGE, "access-control-request-headers": "authorization"})
    assert before.status == 204
    assert before.headers["access-control-allow-methods"] == "POST"
    assert before.headers["access-control-allow-headers"] == "authorization"
    for answer in (before, ask(echo, settings, headers=PAGE), ask(raises(KeyError("k")), settings, headers=PAGE)):
        assert answer.headers["access-control-allow-origin"] == said
        assert answer.headers["vary"] == "origin"
    exposed = ask(echo, settings, headers=PAGE).headers["access-control-expose-headers"]
    assert "x-request-id" in exposed


def test_a_preflight_from_elsewhere_or_to_nowhere_is_refused() -> None:
    settings = ServingSettings(cors=frozenset({"https://b.example"}))
    answer = ask(echo, settings, method="OPTIONS", headers=PAGE)
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (405, False)
    assert ask(echo, ServingSettings(cors=frozenset("*")), method="OPTIONS", path="/no", headers=PAGE).status == 404
