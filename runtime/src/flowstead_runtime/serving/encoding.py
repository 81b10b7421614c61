"""From outputs to bytes: one JSON text, or server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import InternalFailure, OutputError, RuntimeFailure, UserError
from flowstead_runtime.flow.definition import FlowKind
from flowstead_runtime.flow.failures import words_of
from flowstead_runtime.serving.exchange import Exchange, Handler
from flowstead_runtime.serving.outputs import Outputs
from flowstead_runtime.serving.streams import close, joined, pieces

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def encode(serving: Serving) -> Handler:
    """What the layers lead to: answers in the way that the caller accepts. A stream goes out as it comes, once its
    first piece is there, so that a failure or a time-out before it still has a status of its own."""

    async def encoded(exchange: Exchange) -> None:
        outputs = exchange.outputs
        if exchange.accept.stream and outputs.streams:
            await _send_events(serving, exchange, outputs)
        else:
            values = await _joined(serving, outputs) if outputs.streams else outputs.values
            body = encode_outputs(values, outputs.named)
            if not exchange.accept.json:
                raise exchange.accept.refusal(has_stream=bool(outputs.streams))
            serving.begins_to_answer(exchange)
            await exchange.reply(200, body)

    return encoded


def to_json(value: Any) -> bytes:
    """The value as JSON; NaN and infinity as bare words, as promptflow's server sends them and Python reads them.
    Raises TypeError, ValueError or RecursionError for what has no JSON form."""
    text = _dumps(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8 form, but an escape.
        return _dumps_ascii(value).encode()


def event(value: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + to_json(value) + b"\n\n"


def encode_outputs(values: Mapping[str, Any], named: bool) -> bytes:
    """The answer's body. Raises OutputError, naming the output that cannot be encoded."""
    try:
        return to_json(values if named else next(iter(values.values())))
    except (TypeError, ValueError, RecursionError) as problem:
        raise _not_encodable(values, problem) from None


def _not_encodable(values: Mapping[str, Any], problem: Exception) -> OutputError:
    guilty = "output"
    for name, value in values.items():
        try:
            to_json({name: value})
        except (TypeError, ValueError, RecursionError) as own_problem:
            guilty, problem = name, own_problem
            break
    return OutputError(
        f"The output '{guilty}' of the flow is incorrect: its value is not JSON serializable "
        f"({type(problem).__name__}: {problem}). Return text, numbers, booleans, lists, dictionaries or None."
    )


async def _joined(serving: Serving, outputs: Outputs) -> Mapping[str, Any]:
    """The values with each stream as one text."""
    whole = dict(outputs.values)
    try:
        for name in outputs.streams:
            whole[name] = await joined(whole[name], serving.stream_threads)
    except RuntimeFailure:
        raise
    except Exception as problem:
        raise stream_failure(serving, problem) from problem
    finally:
        await _close_all(serving, outputs)
    return whole


def stream_failure(serving: Serving, problem: Exception) -> RuntimeFailure:
    """What a stream that broke is to the caller: in a DAG it breaks outside of any node, hence a system error; in a
    flex flow it is the entry that failed."""
    if serving.definition.kind is FlowKind.DAG:
        return InternalFailure(words_of(problem))
    definition = serving.definition
    qualname = definition.flex.qualname if definition.flex is not None else ""
    entry = qualname or definition.entry.rpartition(":")[2] or definition.name
    return UserError(f"Execution failure in '{entry}': ({type(problem).__name__}) {words_of(problem)}")


async def _send_events(serving: Serving, exchange: Exchange, outputs: Outputs) -> None:
    field, *more = outputs.streams
    if more:
        await _close_all(serving, outputs)
        raise UserError("Multiple stream output fields not supported.")
    stream = outputs.values[field]
    try:
        rest = {name: value for name, value in outputs.values.items() if name != field}
        pending = [_first_event(rest)] if rest else []
        async with aclosing(pieces(stream, serving.stream_threads)) as source:
            async for piece in source:
                pending.append(event({field: piece}))
                if not exchange.started:
                    await _start_events(serving, exchange)
                await exchange.send({"type": "http.response.body", "body": b"".join(pending), "more_body": True})
                pending.clear()
        if not exchange.started:
            await _start_events(serving, exchange)
        await exchange.send({"type": "http.response.body", "body": b"".join(pending), "more_body": False})
    except RuntimeFailure:
        raise
    except Exception as problem:
        raise stream_failure(serving, problem) from problem
    finally:
        await close(stream, serving.stream_threads)


def _first_event(rest: Mapping[str, Any]) -> bytes:
    return b"data: " + encode_outputs(rest, True) + b"\n\n"


async def _start_events(serving: Serving, exchange: Exchange) -> None:
    serving.begins_to_answer(exchange)
    exchange.streaming = True
    await exchange.start(200, [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")])


async def _close_all(serving: Serving, outputs: Outputs) -> None:
    for name in outputs.streams:
        await close(outputs.values[name], serving.stream_threads)
