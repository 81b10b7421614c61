"""Calls in spans: what is wrapped here is timed, shown with its inputs and its output, and counted.

A frame is one call that is going on. It hangs in OpenTelemetry's context beside its span, so whatever the flow's code
carries along, to a thread or to a task, carries both.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import Token
from time import perf_counter
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace

from flowstead_runtime.telemetry import llm_answers
from flowstead_runtime.telemetry.error_codes import error_code
from flowstead_runtime.telemetry.metrics import Metrics
from flowstead_runtime.telemetry.payloads import set_ok, set_payload, start_span
from flowstead_runtime.telemetry.snapshot import snapshot
from flowstead_runtime.telemetry.traced_stream import AsyncTracedStream, TracedStream
from flowstead_runtime.tracing import SpanType, Traced, is_quiet

_FRAME = "flowstead-frame"
_COMPUTED = "__computed__.cumulative_token_count"


def current_node() -> str:
    """The node whose code runs here, "" outside of any."""
    frame: Any = otel.get_current().get(_FRAME)
    return frame.node if frame is not None else ""


class Instrument:
    """tracer: None when there are no spans. metrics: None when nothing is measured."""

    def __init__(self, tracer: Callable[[], trace.Tracer] | None, metrics: Metrics | None) -> None:
        self._tracer = tracer
        self._metrics = metrics

    def wrap(self, function: Callable[..., Any], what: Traced) -> Callable[..., Any]:
        """The function in a span; a coroutine function stays one."""
        inputs_of = _inputs_reader(function, what)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            frame = self.open(what, inputs_of(args, kwargs))
            entered = frame.enter()
            try:
                value = function(*args, **kwargs)
            except BaseException as error:
                frame.fail(error)
                raise
            finally:
                otel.detach(entered)
            return _later(frame, value) if inspect.iscoroutine(value) else frame.finish(value)

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            frame = self.open(what, inputs_of(args, kwargs))
            entered = frame.enter()
            try:
                value = await function(*args, **kwargs)
            except BaseException as error:
                frame.fail(error)
                raise
            finally:
                otel.detach(entered)
            return frame.finish(value)

        return awaited if inspect.iscoroutinefunction(function) else called

    def open(
        self,
        what: Traced,
        inputs: Mapping[str, Any],
        *,
        shared: Mapping[str, str] | None = None,
    ) -> Frame:
        """Begin a call, below the current span. shared: attributes of this span and of all below it."""
        context = otel.get_current()
        parent: Any = context.get(_FRAME)
        if shared is None:
            shared = parent.shared if parent is not None else {}
        quiet = is_quiet()
        frame = Frame(what, parent, None if quiet else self._metrics, context, shared)
        if what.type in (SpanType.LLM, SpanType.EMBEDDING):
            frame.asked = inputs
        if self._tracer is not None and not quiet:
            frame.begin_span(self._tracer(), inputs)
        return frame


class Frame:
    """One call. `enter` before it, then either `finish` or `fail`, once. api_call: the names from below the node down
    to this call. asked: of a call to a provider, its arguments;
    streamed: the answer that is coming in pieces."""

    __slots__ = (
        "_began",
        "_context",
        "_metrics",
        "_parent",
        "_what",
        "api_call",
        "asked",
        "name",
        "node",
        "shared",
        "span",
        "streamed",
        "tokens",
    )

    def __init__(
        self,
        what: Traced,
        parent: Frame | None,
        metrics: Metrics | None,
        context: otel.Context,
        shared: Mapping[str, str],
    ) -> None:
        self._what = what
        self._parent = parent
        self._metrics = metrics
        self._context = context
        self.shared = shared
        self.span: trace.Span | None = None
        self.tokens: dict[str, int] | None = None
        self.asked: Mapping[str, Any] = {}
        self.streamed: llm_answers.StreamedAnswer | None = None
        self.name = what.name
        inside_builtin = parent is not None and parent._what.builtin
        if inside_builtin:
            # promptflow's tools call the SDK's blocking client; that ours call the other one is nobody's business.
            self.name = self.name.removesuffix("_async")
        self.node: str = what.node or (parent.node if parent is not None else "")
        above = parent.api_call if parent is not None else ""
        outermost = bool(what.node) or what.type is SpanType.FLOW
        self.api_call: str = "" if outermost else f"{above}_{self.name}" if above else self.name
        self._began = perf_counter()

    def begin_span(self, tracer: trace.Tracer, inputs: Mapping[str, Any]) -> None:
        what = self._what
        attributes = {**what.attributes, **self.shared}
        if self.name != what.name:
            attributes["function"] = what.function.replace(".Async", ".")
        if self.node:
            attributes["node_name"] = self.node
        span = self.span = start_span(tracer, self.name, self._context, attributes)
        if not span.is_recording():
            return
        if what.template:
            variables = snapshot({name: inputs[name] for name in sorted(what.variables) if name in inputs})
            span.set_attribute("prompt.template", what.template)
            set_payload(span, "prompt.variables", "", variables)
            told = {"prompt.template": what.template, "prompt.variables": variables}
            set_payload(span, "", "promptflow.prompt.template", told)
            inputs = {what.template_input: what.template, **inputs}
        set_payload(span, "inputs", "promptflow.function.inputs", snapshot(inputs))

    def enter(self) -> Token[otel.Context]:
        """Make this the current call, until the token is detached."""
        context = otel.set_value(_FRAME, self, self._context)
        if self.span is not None:
            context = trace.set_span_in_context(self.span, context)
        return otel.attach(context)

    def finish(self, value: Any) -> Any:
        """The value of the call; a stream in place of one, which ends the call when it is exhausted or closed."""
        kind = self._what.type
        if isinstance(value, Iterator | AsyncIterator):
            if kind is SpanType.LLM:
                self.streamed = llm_answers.StreamedAnswer()
            return TracedStream(value, self) if isinstance(value, Iterator) else AsyncTracedStream(value, self)
        if kind is SpanType.LLM:
            self._tell_answer(llm_answers.answer_of(value))
        elif kind is SpanType.EMBEDDING:
            self._tell_answer(llm_answers.embeddings_of(value, self.asked.get("input")))
        self._show_output(value)
        self._end("", "Completed")
        return value

    def finish_stream(self, pieces: list[Any]) -> None:
        """The stream that the call gave is at its end. pieces: what it gave."""
        if self.streamed is not None:
            self._tell_answer(self.streamed.answer())
        if self.span is not None:
            self.span.set_attribute("output_type", "iterated")
        self._show_output(pieces)
        self._end("", "Completed")

    def finish_flow(self, outputs: Any) -> None:
        """The flow's answer is out. outputs: streams among them are exhausted by now."""
        self._show_output(outputs)
        self._end("", "Completed")

    def fail(self, error: BaseException) -> None:
        name = type(error).__name__
        if self.span is not None and self.span.is_recording():
            self.span.record_exception(error)
            self.span.set_status(trace.StatusCode.ERROR, f"{name}: {error}")
        self._end(error_code(error) if self._what.node else name, "Failed")

    def _tell_answer(self, answer: llm_answers.Answer | None) -> None:
        if answer is None:
            return
        if answer.usage:
            self._add_tokens(answer.usage)
        span = self.span
        if span is None:
            return
        if answer.model:
            span.set_attribute("llm.response.model", answer.model)
        if answer.message is not None:
            event = "promptflow.llm.generated_message"
            set_payload(span, "llm.generated_message", event, snapshot(answer.message))
        if answer.embeddings is not None:
            event = "promptflow.embedding.embeddings"
            set_payload(span, "embedding.embeddings", event, snapshot(answer.embeddings))
        for kind, count in answer.usage.items():
            span.set_attribute(f"llm.usage.{kind}", count)

    def _add_tokens(self, usage: Mapping[str, int]) -> None:
        """To this call and to all that it is part of."""
        frame: Frame | None = self
        while frame is not None:
            before = frame.tokens or {}
            frame.tokens = {kind: before.get(kind, 0) + usage.get(kind, 0) for kind in {**before, **usage}}
            frame = frame._parent
        if self._metrics is not None:
            for kind in llm_answers.COUNTED:
                if usage.get(kind):
                    self._metrics.tokens(self.node, str(self.asked.get("model") or ""), kind, usage[kind])

    def _show_output(self, value: Any) -> None:
        span = self.span
        if span is not None and span.is_recording():
            set_payload(span, "output", "promptflow.function.output", snapshot(value))
            set_ok(span)

    def _end(self, exception: str, run_status: str) -> None:
        span = self.span
        if span is not None:
            for kind, count in (self.tokens or {}).items():
                span.set_attribute(f"{_COMPUTED}.{kind.partition('_')[0]}", count)
            span.end()
        if self._metrics is None or self._what.type is SpanType.FLOW:
            return
        ms = (perf_counter() - self._began) * 1000
        if self._what.node:
            self._metrics.node(self.node, run_status, exception, ms)
        else:
            self._metrics.rpc(self.node, self.api_call, exception, ms)


async def _later(frame: Frame, pending: Any) -> Any:
    """For a synchronous function around an asynchronous one."""
    entered = frame.enter()
    try:
        value = await pending
    except BaseException as error:
        frame.fail(error)
        raise
    finally:
        otel.detach(entered)
    return frame.finish(value)


def _inputs_reader(
    function: Callable[..., Any], what: Traced
) -> Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, Any]]:
    """From a call's arguments to the inputs to show, by name."""
    try:
        names = tuple(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        names = ()
    ignored = what.ignored | {"self"}

    def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        if not args and ignored.isdisjoint(kwargs):
            return kwargs
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        return {name: value for name, value in given.items() if name not in ignored}

    return read
