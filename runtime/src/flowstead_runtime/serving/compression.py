"""Bodies that were compressed for the way: gzip and deflate, what Python brings along."""

from __future__ import annotations

import zlib

from flowstead_runtime.errors import InputError, PayloadTooLarge, UnsupportedEncoding

_ANY_HEADER = 32 + zlib.MAX_WBITS
"""gzip or zlib, whichever the data begins with."""

_NO_HEADER = -zlib.MAX_WBITS
"""Some clients send deflate without the zlib frame that RFC 9110, 8.4.1.2, asks for."""

_GZIP = b"\x1f\x8b"
_FIRST_PIECE = 1024
"""Of each member, then twice as much, and so on: the library copies what is left of a piece, and a body may be nothing
but members of twenty bytes."""

_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """The body before it was encoded. encoding: a Content-Encoding header. Raises UnsupportedEncoding for a coding that
    is not known, InputError for data that are not in it, PayloadTooLarge as soon as more than `limit` bytes come out.
    """
    codings = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    for name in codings:
        if name not in _CODINGS:
            raise UnsupportedEncoding(
                f"The request body is encoded as '{name[:40]}', which is not known here; send it as gzip, as deflate "
                "or as it is."
            )
    for name in reversed(codings):
        body = _inflated(body, name, limit)
    return body


def body_too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body is over the limit of {limit} bytes.")


def _inflated(body: bytes, name: str, limit: int) -> bytes:
    try:
        return _members(body, _ANY_HEADER, limit)
    except zlib.error as problem:
        if name != "deflate":
            raise _undecodable(name, problem) from None
    try:
        return _members(body, _NO_HEADER, limit)
    except zlib.error as problem:
        raise _undecodable(name, problem) from None


def _members(body: bytes, header: int, limit: int) -> bytes:
    """gzip data may be several after each other."""
    whole, rest = bytearray(), memoryview(body)
    while rest:
        member, piece = zlib.decompressobj(header), _FIRST_PIECE
        while not member.eof:
            if not rest:
                raise zlib.error("it ends too early")
            given = rest[:piece]
            whole += member.decompress(given, limit + 1 - len(whole))
            if len(whole) > limit:
                raise body_too_large(limit)
            rest, piece = rest[len(given) - len(member.unused_data) :], 2 * piece
        if rest and rest[: len(_GZIP)] != _GZIP:
            raise zlib.error("more follows after its end")
    return bytes(whole)


def _undecodable(name: str, problem: zlib.error) -> InputError:
    return InputError(f"The request body is not what its Content-Encoding says, {name}: {problem}.")
