"""From a request's body to the flow's inputs. The Content-Type is never looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import InputError, InternalFailure, PayloadTooLarge
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.serving.exchange import CallerGone, Exchange, Handler
from flowstead_runtime.serving.types import Receive

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

Convert = Callable[[FlowDefinition, Mapping[str, Any]], Mapping[str, Any]]
"""Inputs by name, complete, to the types that the flow declares. Raises InputError."""

_NAMES_SHOWN = 20


def decode(serving: Serving, proceed: Handler) -> Handler:
    """Layer: reads the body and makes the inputs of it."""
    limit = serving.settings.body_limit
    inputs_of = make_decoder(serving.definition, serving.convert)

    async def decoded(exchange: Exchange) -> None:
        body = await read_body(exchange.receive, limit, exchange.content_length)
        exchange.inputs = inputs_of(body)
        await proceed(exchange)

    return decoded


async def read_body(receive: Receive, limit: int, announced: int = 0) -> bytes:
    """The whole body, at most `limit` bytes. Raises PayloadTooLarge, or CallerGone when the caller hung up."""
    if announced > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise CallerGone
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()


def make_decoder(definition: FlowDefinition, convert: Convert) -> Callable[[bytes], Mapping[str, Any]]:
    """A function from a body to this flow's inputs: defaults filled in, unknown fields dropped, types converted."""
    declared = definition.inputs
    if not declared:
        return lambda body: {}
    required = [name for name, each in declared.items() if each.default is None]
    defaults = {name: each.default for name, each in declared.items()}
    only = next(iter(declared)) if len(declared) == 1 else None

    def inputs_of(body: bytes) -> Mapping[str, Any]:
        data = _parse(body, only)
        if type(data) is not dict:
            data = _as_fields(data, required)
        else:
            _check_required(data, required)
        known = {name: data.get(name, default) for name, default in defaults.items()}
        return convert(definition, known)

    return inputs_of


def _parse(body: bytes, only: str | None) -> Any:
    """JSON, or the raw text as the only input's value."""
    try:
        return json.loads(body)
    except RecursionError:
        raise InputError("The request body is JSON nested too deeply to be read.") from None
    except UnicodeDecodeError:
        raise InputError("The request body is not UTF-8 text.") from None
    except json.JSONDecodeError:
        pass
    except ValueError as problem:
        # A whole number of more digits than Python reads (sys.set_int_max_str_digits).
        raise InputError(f"The request body holds a number that cannot be read: {problem}") from None
    if only is None:
        raise InputError(
            "The flow received non json data, but there's more than 1 input fields; send a JSON object with the inputs."
        )
    return {only: body.decode("utf-8")}


def _as_fields(data: Any, required: list[str]) -> dict[str, Any]:
    """What to make of JSON that is no object, as recorded from promptflow's server: null is an empty object; a list or
    text has no fields, and where none is required the flow cannot be run with it, a failure of the system's kind."""
    if data is None:
        _check_required({}, required)
        return {}
    kind = type(data).__name__
    if not isinstance(data, list | str):
        raise InputError(f"The request body must be a JSON object with the flow's inputs; it is of type {kind}.")
    _check_required(data, required)
    raise InternalFailure(f"A JSON {kind} cannot be read as the flow's inputs; send a JSON object.")


def _check_required(data: dict[str, Any] | list[Any] | str, required: list[str]) -> None:
    missing = [name for name in required if name not in data]
    if not missing:
        return
    given = f"a JSON {type(data).__name__}"
    if isinstance(data, dict):
        names = ", ".join(name[:64] for name in list(data)[:_NAMES_SHOWN])
        given = f"fields {names}" if names else "no fields"
    raise InputError(f"Required input fields {missing} are missing in request data; received {given}.")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body is over the limit of {limit} bytes.")
