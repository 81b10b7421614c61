"""The whole application, driven through ASGI's three arguments, around a flow of the test's own."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from flowstead_runtime import __version__
from flowstead_runtime.errors import NodeFailed
from flowstead_runtime.flow.definition import FlowInput, FlowOutput, ValueType
from flowstead_runtime.flow.running import RunContext
from flowstead_runtime.serving.settings import ServingSettings
from runtime.tests.unit.serving_caller import (
    DEFINITION,
    Answer,
    Caller,
    FakeFlow,
    ask,
    echo,
    gives,
    raises,
)


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
