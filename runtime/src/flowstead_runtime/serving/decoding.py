"""From a request's body to the flow's inputs. The Content-Type is never looked at."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from flowstead_runtime.errors import InputError
from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.serving.compression import body_too_large, decompressed
from flowstead_runtime.serving.exchange import CallerGone, Exchange, Handler
from flowstead_runtime.serving.types import Receive
from flowstead_runtime.tools.addresses import is_public
from flowstead_runtime.tools.image_fetch import ImageFetcher
from flowstead_runtime.tools.multimedia import RemoteImage, put_in_place

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving
    from flowstead_runtime.serving.settings import ServingSettings


_raw_decode = json.JSONDecoder().raw_decode


def decode(serving: Serving, proceed: Handler) -> Handler:
    """Layer: reads the body and makes the inputs of it, but for the images to fetch."""
    settings = serving.settings
    inputs_of = make_decoder(serving.definition)

    async def decoded(exchange: Exchange) -> None:
        body = await read_content(exchange, settings)
        remote: list[RemoteImage] = []
        exchange.inputs = inputs_of(body, remote)
        if remote:
            exchange.remote = remote
        await proceed(exchange)

    return decoded


def fetch_images(serving: Serving, proceed: Handler) -> Handler:
    """Layer: fetches the images that the inputs name by their address. It lies where a caller who hangs up is seen."""
    allowed = _anywhere if serving.settings.private_images else is_public
    fetcher = ImageFetcher(serving.settings.content_limit, allowed)

    def fetched(exchange: Exchange) -> Awaitable[None]:
        return fetch(exchange) if exchange.remote else proceed(exchange)

    async def fetch(exchange: Exchange) -> None:
        exchange.inputs = put_in_place(exchange.inputs, await fetcher.fetch(exchange.remote))
        await proceed(exchange)

    return fetched


async def read_content(exchange: Exchange, limits: ServingSettings) -> bytes:
    """The request's body as it was before it was encoded for the way. Raises PayloadTooLarge, UnsupportedEncoding,
    InputError or CallerGone."""
    body = await read_body(exchange.receive, limits.body_limit, exchange.content_length)
    encoding = exchange.content_encoding
    return decompressed(body, encoding, limits.content_limit) if encoding else body


async def read_body(receive: Receive, limit: int, announced: int = 0) -> bytes:
    """The whole body, at most `limit` bytes. Raises PayloadTooLarge, or CallerGone when the caller hung up."""
    if announced > limit:
        raise body_too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise body_too_large(limit)
        return body
    parts = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise CallerGone
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise body_too_large(limit)
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()


Decoder = Callable[[bytes, list[RemoteImage] | None], Mapping[str, Any]]


def make_decoder(definition: FlowDefinition) -> Decoder:
    """A function from a body to this flow's inputs, complete and converted but for the images to fetch, which it puts
    on the list. It raises InputError, or InternalFailure as `convert_inputs` says."""
    if not definition.inputs:
        sampled = definition.prompty.sample_inputs if definition.prompty is not None else ()
        return (lambda body, _: _sampled(body, sampled)) if sampled else (lambda body, _: {})
    only = next(iter(definition.inputs)) if len(definition.inputs) == 1 else None

    def inputs_of(body: bytes, remote: list[RemoteImage] | None) -> Mapping[str, Any]:
        try:
            return convert_inputs(definition, _parse(body, only), remote=remote)
        except RecursionError:
            raise InputError("The request body is JSON nested too deeply to be read.") from None

    return inputs_of


def _parse(body: bytes, only: str | None) -> Any:
    """JSON, or the raw text as the only input's value."""
    try:
        text = body.decode()
        value, end = _raw_decode(text)
        if end == len(text):
            return value
    except (ValueError, RecursionError):
        pass  # the slower way knows blanks around, other encodings, and what is wrong
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        raise InputError("The request body is not UTF-8 text.") from None
    except json.JSONDecodeError:
        why = ""
    except RecursionError:
        why = ": it is nested too deeply to be read"
    except ValueError as problem:
        # A whole number of more digits than Python reads (sys.set_int_max_str_digits).
        why = f": it holds a number that cannot be read ({problem})"
    if only is None:
        raise InputError(
            f"The flow received non json data, but there's more than 1 input fields{why}; send a JSON object with the "
            "inputs."
        )
    try:
        return {only: body.decode("utf-8")}
    except UnicodeDecodeError:
        raise InputError("The request body is not UTF-8 text.") from None


def _anywhere(address: str) -> bool:
    return True


def _sampled(body: bytes, names: Collection[str]) -> dict[str, Any]:
    """The values that a body gives for a prompty that has a sample and declares no inputs. promptflow's server ignores
    every body then, so one that makes no sense is no mistake."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {name: data[name] for name in names if name in data} if isinstance(data, dict) else {}
