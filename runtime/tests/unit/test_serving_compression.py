"""Bodies that were compressed for the way."""

from __future__ import annotations

import contextlib
import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead_runtime.errors import InputError, PayloadTooLarge, RuntimeFailure, UnsupportedEncoding
from flowstead_runtime.serving.compression import decompressed

TEXT = b'{"text": "hello"}'
LIMIT = 1000


def gzipped(data: bytes) -> bytes:
    """The same bytes each time: the tests are named after them."""
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    making = zlib.compressobj(wbits=-15)
    return making.compress(data) + making.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(TEXT)),
        (",X-GZIP", gzipped(TEXT)),
        ("gzip", gzipped(TEXT[:5]) + gzipped(TEXT[5:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("deflate, gzip", gzipped(zlib.compress(TEXT))),
        ("identity", TEXT),
        ("", TEXT),
    ],
)
def test_what_clients_send_comes_out_as_it_was(encoding: str, body: bytes) -> None:
    assert decompressed(body, encoding, LIMIT) == TEXT


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, compress", "\xff"])
def test_other_codings_are_named(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="gzip"):
        decompressed(TEXT, encoding, LIMIT)


@pytest.mark.parametrize("body", [TEXT, gzipped(TEXT)[:-3], gzipped(TEXT) + b"rest"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_data_that_are_no_such_data_are_the_callers_fault(encoding: str, body: bytes) -> None:
    with pytest.raises(InputError, match="Content-Encoding"):
        decompressed(body, encoding, LIMIT)


@pytest.mark.parametrize("members", [1, 3])
def test_more_than_the_limit_never_comes_out(members: int) -> None:
    with pytest.raises(PayloadTooLarge, match="limit of 1000 bytes"):
        decompressed(gzipped(b"x" * 999) * members + gzipped(b"x" * 10_000_000), "gzip", LIMIT)


@pytest.mark.parametrize(("encoding", "piece"), [("gzip", gzipped(b"")), ("deflate", raw_deflate(b""))])
def test_a_body_of_nothing_but_members_keeps_nobody_waiting(encoding: str, piece: bytes) -> None:
    """Megabytes of empty ones: each that is read must not cost a copy of all that follow."""
    body = piece * (4 * 1024 * 1024 // len(piece))
    began = time.process_time()
    with contextlib.suppress(InputError):
        assert decompressed(body, encoding, LIMIT) == b""
    assert time.process_time() - began < 3


@pytest.mark.parametrize("sizes", [(0, 0, 5), (5000, 0, 3, 70_000, 0), (1024,) * 40])
def test_members_of_any_size_are_read_to_their_end(sizes: tuple[int, ...]) -> None:
    parts = [bytes(index % 251 for index in range(size)) for size in sizes]
    body = b"".join(gzipped(part) for part in parts)
    assert decompressed(body, "gzip", sum(sizes)) == b"".join(parts)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "gzip,gzip", "deflate,gzip"]))
def test_no_body_breaks_it(body: bytes, encoding: str) -> None:
    try:
        assert len(decompressed(body, encoding, LIMIT)) <= LIMIT
    except RuntimeFailure as failure:
        assert failure.status in (400, 413)
