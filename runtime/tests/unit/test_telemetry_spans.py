"""Our spans behind OpenTelemetry's API, and the calls that they are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from flowstead_runtime.telemetry.instrument import Instrument
from flowstead_runtime.telemetry.metrics import Metrics
from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.spans import MOST, TracerProvider
from flowstead_runtime.tracing import SpanType, Traced, original, quiet

FLOW = Traced("flow", "flow", SpanType.FLOW)


class Recorded(list[SpanRecord]):
    def named(self, name: str) -> SpanRecord:
        (found,) = [each for each in self if each.name == name]
        return found

    def payload(self, name: str, key: str) -> Any:
        return {each[0]: each[3] for each in self.named(name).payloads}[key]


@pytest.fixture
def spans() -> Recorded:
    return Recorded()


@pytest.fixture
def tracer(spans: Recorded) -> trace.Tracer:
    return TracerProvider(spans.append).get_tracer("test")


@pytest.fixture
def instrument(tracer: trace.Tracer) -> Instrument:
    return Instrument(lambda: tracer, Metrics({}))


def traced(name: str, **more: Any) -> Traced:
    return Traced(name, name, **more)


def test_spans_nest_by_context(spans: Recorded, tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, attributes={"a": 1}) as outer:
        link = trace.Link(outer.get_span_context(), {"why": "test"})
        with tracer.start_as_current_span("inner", links=[link]):
            pass
    inner, seen = spans
    assert (inner.parent_id, inner.trace_id) == (seen.span_id, seen.trace_id)
    assert (seen.parent_id, seen.kind, seen.attributes) == (0, 1, {"a": 1})
    assert inner.links == [(seen.trace_id, seen.span_id, {"why": "test"})]


def test_an_exception_in_a_span_is_recorded(spans: Recorded, tracer: trace.Tracer) -> None:
    with pytest.raises(ValueError, match="no"), tracer.start_as_current_span("s"):
        raise ValueError("no")
    (span,) = spans
    assert (span.status, span.message) == (StatusCode.ERROR.value, "ValueError: no")
    assert span.events[0][2]["exception.type"] == "ValueError"


def test_a_span_takes_what_fits_and_nothing_after_its_end(spans: Recorded, tracer: trace.Tracer) -> None:
    span = tracer.start_span("s")
    span.set_attributes({"list": (1, 2), "mixed": [1, "a"], "object": object(), "": "no name"})  # type: ignore[dict-item]
    for number in range(2 * MOST):
        span.set_attribute(f"n{number}", number)
        span.add_event(f"n{number}")
    span.set_attribute("list", [3])
    span.set_status(Status(StatusCode.OK))
    span.set_status(StatusCode.ERROR, "too late")
    span.update_name("renamed")
    span.end()
    span.set_attribute("late", 1)
    span.end()
    (seen,) = spans
    assert (seen.name, seen.status) == ("renamed", StatusCode.OK.value)
    assert seen.attributes["list"] == [3]
    assert not {"mixed", "object", "", "late"} & set(seen.attributes)
    assert (len(seen.attributes), len(seen.events)) == (MOST, MOST)


def test_code_for_the_sdks_provider_is_told_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider(lambda _: None)
    provider.add_span_processor(object())
    assert provider.force_flush()
    assert "PF_BUILTIN_TRACE_EXPORTERS_DISABLE" in caplog.text


async def a_coroutine(text: str) -> str:
    return text + trace.get_current_span().get_span_context().span_id.to_bytes(8, "big").hex()


def a_function(text: str) -> str:
    return text + trace.get_current_span().get_span_context().span_id.to_bytes(8, "big").hex()


@pytest.mark.parametrize("function", [a_coroutine, a_function, lambda text: a_coroutine(text)])
def test_a_wrapped_call_is_the_current_span(spans: Recorded, instrument: Instrument, function: Any) -> None:
    wrapped = instrument.wrap(function, traced("call", node="n"))
    value = wrapped("x")
    value = asyncio.run(value) if asyncio.iscoroutine(value) else value
    span = spans.named("call")
    assert value == "x" + span.span_id.to_bytes(8, "big").hex()
    assert spans.payload("call", "inputs") == {"text": "x"}
    assert spans.payload("call", "output") == value
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert asyncio.iscoroutinefunction(wrapped) == asyncio.iscoroutinefunction(function)


class Counter:
    def __init__(self, step: int) -> None:
        self.step = step

    def count(self, to: int) -> Iterator[int]:
        yield from range(0, to, self.step)

    async def count_slowly(self, to: int) -> AsyncIterator[int]:
        for number in range(0, to, self.step):
            yield number


def test_a_stream_ends_its_call_when_it_is_exhausted(spans: Recorded, instrument: Instrument) -> None:
    stream = instrument.wrap(Counter(2).count, traced("count"))(5)
    assert isinstance(stream, Iterator)
    assert next(stream) == 0
    assert not spans
    assert list(stream) == [2, 4]
    assert spans.payload("count", "output") == [0, 2, 4]
    assert spans.named("count").attributes["output_type"] == "iterated"


def test_an_async_stream_too(spans: Recorded, instrument: Instrument) -> None:
    async def drain() -> list[int]:
        stream = instrument.wrap(Counter(2).count_slowly, traced("count"))(5)
        return [each async for each in stream]

    assert asyncio.run(drain()) == [0, 2, 4]
    assert spans.payload("count", "output") == [0, 2, 4]


@pytest.mark.parametrize("end", ["close", "forget"])
def test_a_stream_that_nobody_reads_to_its_end_ends_too(spans: Recorded, instrument: Instrument, end: str) -> None:
    stream = instrument.wrap(Counter(1).count, traced("count"))(5)
    next(stream)
    if end == "close":
        stream.close()
    del stream
    assert spans.payload("count", "output") == [0]


def test_a_stream_that_breaks_fails_its_call(spans: Recorded, instrument: Instrument) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broke")

    stream = instrument.wrap(broken, traced("broken"))()
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broke"):
        next(stream)
    assert spans.named("broken").message == "ValueError: broke"


def test_a_cancelled_call_is_a_failed_one(spans: Recorded, instrument: Instrument) -> None:
    async def run() -> None:
        task = asyncio.ensure_future(instrument.wrap(asyncio.Event().wait, traced("wait"))())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert spans.named("wait").status == StatusCode.ERROR.value


def answer(text: str, prompt: int, completion: int) -> Any:
    usage = SimpleNamespace(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
    choice = SimpleNamespace(message=SimpleNamespace(content=text))
    return SimpleNamespace(model="m", usage=usage, choices=[choice])


def test_tokens_are_summed_up_the_tree(spans: Recorded, tracer: trace.Tracer) -> None:
    metrics = Metrics({})
    instrument = Instrument(lambda: tracer, metrics)

    def create(**_: Any) -> Any:
        return answer("hi", 3, 4)

    call = instrument.wrap(create, traced("openai_chat", type=SpanType.LLM, ignored=frozenset({"api_key"})))

    def node() -> None:
        call(model="big", api_key="secret")
        instrument.wrap(lambda: call(model="small"), traced("helper"))()

    frame = instrument.open(FLOW, {})
    entered = frame.enter()
    instrument.wrap(node, traced("node", node="node"))()
    context.detach(entered)
    frame.finish_flow({})
    total = "__computed__.cumulative_token_count.total"
    assert [span.attributes[total] for span in spans] == [7, 7, 7, 14, 14]
    first = spans[0]
    assert first.attributes["llm.usage.prompt_tokens"] == 3
    assert first.attributes["llm.response.model"] == "m"
    assert first.attributes["node_name"] == "node"
    assert {key: value for key, _, _, value in first.payloads}["inputs"] == {"model": "big"}
    counters = metrics.points()["counters"]
    engines = {(each["llm_engine"], each["token_type"]): count for each, count in counters["Token_Consumption"]}
    assert engines[("big", "prompt_tokens")] == engines[("small", "prompt_tokens")] == 3
    calls = {each["api_call"] for each, _ in counters["RPC_Request"]}
    assert calls == {"openai_chat", "helper", "helper_openai_chat"}


def test_a_long_answer_in_pieces_keeps_few_of_them(spans: Recorded, instrument: Instrument) -> None:
    def chunk(text: str, **more: Any) -> Any:
        delta = SimpleNamespace(content=text, role=None)
        return SimpleNamespace(model="m", choices=[SimpleNamespace(delta=delta)], **more)

    used = SimpleNamespace(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    chunks = [chunk("ab") for _ in range(1000)] + [SimpleNamespace(model="m", choices=[], usage=used)]
    stream = instrument.wrap(lambda: iter(chunks), traced("llm", type=SpanType.LLM))()
    assert sum(len(each.choices) for each in stream) == 1000
    assert spans.payload("llm", "llm.generated_message") == {"content": "ab" * 1000, "role": "assistant"}
    assert spans.named("llm").attributes["llm.usage.total_tokens"] == 3
    assert len(spans.payload("llm", "output")) <= 128


def test_calls_are_counted_without_spans_too() -> None:
    metrics = Metrics({"zone": "x"})
    wrapped = Instrument(None, metrics).wrap(lambda: answer("hi", 1, 2), traced("llm", type=SpanType.LLM))
    wrapped()
    assert metrics.points()["counters"]["Token_Consumption"][0] == (
        {"flow": "default_flow_id", "node": "", "llm_engine": "", "token_type": "prompt_tokens", "zone": "x"},
        1,
    )


def test_an_unsampled_caller_is_passed_on_unrecorded(spans: Recorded, instrument: Instrument) -> None:
    caller = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(0))
    with trace.use_span(trace.NonRecordingSpan(caller)):
        seen = instrument.wrap(lambda: trace.get_current_span().get_span_context(), traced("call"))()
    assert seen.trace_id == 1
    assert not spans


def test_a_provider_of_the_flows_own_gets_texts_as_json() -> None:
    class Spy(trace.NonRecordingSpan):
        def __init__(self) -> None:
            super().__init__(trace.INVALID_SPAN_CONTEXT)
            self.attributes: dict[str, Any] = {}
            self.events: list[str] = []

        def is_recording(self) -> bool:
            return True

        def set_attribute(self, key: str, value: Any) -> None:
            self.attributes[key] = value

        def add_event(self, name: str, attributes: Any = None, timestamp: Any = None) -> None:
            self.events.append(name)

    spy = Spy()
    theirs: Any = SimpleNamespace(start_span=lambda name, context, attributes: spy)
    Instrument(lambda: theirs, None).wrap(lambda text: [text], traced("call"))("x")
    assert spy.attributes["inputs"] == '{\n  "text": "x"\n}'
    assert spy.attributes["output"] == '[\n  "x"\n]'
    assert spy.events == ["promptflow.function.inputs", "promptflow.function.output"]


def test_the_original_is_found_below_its_span(instrument: Instrument) -> None:
    from flowstead_runtime import tracing

    assert original(a_function) is a_function
    tracing.switch_on(instrument.wrap)
    try:
        assert original(tracing.traced(a_function, traced("f"))) is a_function
        kind = type("Kind", (), {"__call__": tracing.traced(lambda self, x: (self, x), traced("f"))})
        one = kind()
        assert original(one.__call__)(3) == (one, 3)
    finally:
        tracing.switch_off()
    assert tracing.traced(a_function, traced("f")) is a_function


def test_of_what_is_kept_quiet_there_is_neither_span_nor_count(spans: Recorded, tracer: trace.Tracer) -> None:
    metrics = Metrics({})
    instrument = Instrument(lambda: tracer, metrics)
    called = instrument.wrap(lambda text: text, traced("do", node="do"))
    with quiet():
        assert called("x") == "x"
    assert (spans, metrics.points()["histograms"]) == ([], {})
    called("x")
    assert len(spans) == 1
    assert metrics.points()["histograms"]
