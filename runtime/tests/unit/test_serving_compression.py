"""Bodies that were compressed for the way."""

from __future__ import annotations

import gzip
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


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "gzip,gzip", "deflate,gzip"]))
def test_no_body_breaks_it(body: bytes, encoding: str) -> None:
    try:
        assert len(decompressed(body, encoding, LIMIT)) <= LIMIT
    except RuntimeFailure as failure:
        assert failure.status in (400, 413)
