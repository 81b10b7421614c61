"""What the blob routes answer with: headers of a file, parts of it, conditions that a client sets."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import BinaryIO

from fastapi.responses import Response, StreamingResponse

from flowstead.api.failures import blob_error
from flowstead.store.uploads import Blob, utc

VERSION = "2026-10-06"
METADATA = "x-ms-meta-"
_CHUNK = 1024 * 1024
_MAX_HASHED_RANGE = 4 * 1024 * 1024
"""Azure's bound of a range whose MD5 can be asked for, bytes."""
_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{0,19})")


def stamp(blob: Blob) -> dict[str, str]:
    """What identifies this state of the file."""
    return {
        "ETag": blob.etag,
        "Last-Modified": format_datetime(utc(blob.modified_at), usegmt=True),
        "x-ms-version": VERSION,
    }


def properties(blob: Blob) -> dict[str, str]:
    """All that a reader is told of the file, but its length and its MD5."""
    metadata = {METADATA + name: value for name, value in blob.metadata.items()}
    return {
        **stamp(blob),
        **metadata,
        "x-ms-blob-type": "BlockBlob",
        # Whatever it is, no browser is to show it as part of this site.
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
    }


def content(blob: Blob, file: BinaryIO, headers: Mapping[str, str]) -> Response:
    """The file, whole, or the part that `x-ms-range` or `Range` asks for. Closes the file."""
    asked = _RANGE.fullmatch(headers.get("x-ms-range", headers.get("range", "")).strip())
    if asked is None:
        md5 = {"Content-MD5": blob.md5} if blob.md5 else {}
        length = {"Content-Length": str(blob.size)}
        return StreamingResponse(_bytes(file, 0, blob.size), headers={**properties(blob), **length, **md5})
    first = int(asked[1])
    last = min(int(asked[2]) if asked[2] else blob.size, blob.size - 1)
    if first >= blob.size or last < first:
        file.close()
        answer = blob_error(416, "InvalidRange", f"{blob.name} has {blob.size} bytes.")
        answer.headers["Content-Range"] = f"bytes */{blob.size}"
        return answer
    part = {"Content-Range": f"bytes {first}-{last}/{blob.size}", "Content-Length": str(last - first + 1)}
    if blob.md5:
        part["x-ms-blob-content-md5"] = blob.md5  # `Content-MD5` would be taken as the part's
    if headers.get("x-ms-range-get-content-md5", "").lower() == "true" and last - first < _MAX_HASHED_RANGE:
        part["Content-MD5"] = _md5(file, first, last - first + 1)
    return StreamingResponse(_bytes(file, first, last - first + 1), 206, {**properties(blob), **part})


def unmet_condition(blob: Blob | None, headers: Mapping[str, str], *, reading: bool) -> Response | None:
    """The answer to a request whose condition (`If-Match`, `If-None-Match`, `If-Modified-Since`,
    `If-Unmodified-Since`) does not hold, or None. blob: as it is now."""
    for name, holds, unmet in _CONDITIONS:
        given = headers.get(name)
        if given is None or holds(given, blob):
            continue
        if unmet == 304 and reading and blob is not None:
            return Response(status_code=304, headers={**stamp(blob), "x-ms-error-code": "ConditionNotMet"})
        if name == "if-none-match" and given == "*":
            return blob_error(409, "BlobAlreadyExists", f"{'' if blob is None else blob.name} exists.")
        return blob_error(412, "ConditionNotMet", f"The condition {name} does not hold.")
    return None


def _matches(given: str, blob: Blob | None) -> bool:
    tags = [tag.strip() for tag in given.split(",")]
    return blob is not None and ("*" in tags or blob.etag in tags)


def _is_newer(given: str, blob: Blob | None) -> bool:
    """Whether the file has changed since; a date that is none is no condition."""
    since = _moment(given)
    return blob is None or since is None or utc(blob.modified_at).replace(microsecond=0) > since


_CONDITIONS: tuple[tuple[str, Callable[[str, Blob | None], bool], int], ...] = (
    ("if-match", _matches, 412),
    (
        "if-unmodified-since",
        lambda given, blob: blob is None or _moment(given) is None or not _is_newer(given, blob),
        412,
    ),
    ("if-none-match", lambda given, blob: not _matches(given, blob), 304),
    ("if-modified-since", _is_newer, 304),
)
"""Header, what it demands, and what a reader is told when that is not so; in the order of RFC 9110."""


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _bytes(file: BinaryIO, first: int, count: int) -> Iterator[bytes]:
    """No more than was announced, though the file may be growing."""
    with file:
        file.seek(first)
        while count > 0 and (chunk := file.read(min(_CHUNK, count))):
            count -= len(chunk)
            yield chunk


def _md5(file: BinaryIO, first: int, count: int) -> str:
    file.seek(first)
    return base64.b64encode(hashlib.md5(file.read(count), usedforsecurity=False).digest()).decode()
