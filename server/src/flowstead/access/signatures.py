"""Shared access signatures: a query string that opens upload prefixes of one container for a short time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlencode

from flowstead.errors import UploadRefused

_VERSION = "2026-10-06"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SIGNED = ("sv", "sr", "sp", "st", "se", "si")
"""What the signature covers, in this order: names of Azure's alone, since Azure's clients take a text with any other
for an account's key. si, which names a policy there, holds `{container}:{prefixes}:{prefixes to be read only}:{area}`,
the prefixes percent-encoded and with commas between."""
_READING = frozenset("rl")


def sign(
    key: bytes,
    *,
    container: str,
    prefixes: tuple[str, ...],
    permissions: str,
    expires: datetime,
    starts: datetime | None = None,
    read_only: tuple[str, ...] = (),
    area: str = "",
) -> str:
    """The query string. permissions: letters of Azure's `racwdl`. prefixes: begin of paths in the container, "" for
    all; read_only: prefixes of which only `r` and `l` hold. area: what `check` is to answer."""
    if not prefixes:
        raise ValueError("a signature is for some prefix")
    fields = {
        "sv": _VERSION,
        "sr": "c",
        "sp": permissions,
        **({"st": _text(starts)} if starts is not None else {}),
        "se": _text(expires),
        "si": ":".join((container, _joined(prefixes), _joined(read_only), area)),
    }
    return urlencode({**fields, "sig": _signature(key, fields)})


def check(key: bytes, query: Mapping[str, str], *, container: str, path: str, permissions: str, now: datetime) -> str:
    """The signature's area. Raises UploadRefused unless the signature is ours, holds now, and gives one of these
    permissions on this path. path: of a blob, or what the names of a list begin with."""
    fields = {name: query.get(name, "") for name in _SIGNED}
    if not hmac.compare_digest(_signature(key, fields).encode(), query.get("sig", "").encode()):
        raise UploadRefused("The signature is missing or wrong.")
    if fields["st"] and now < _moment(fields["st"]):
        raise UploadRefused(f"The signature holds from {fields['st']} on.")
    if now >= _moment(fields["se"]):
        raise UploadRefused(f"The signature expired at {fields['se']}.")
    of, writable, read_only, area, *_ = fields["si"].split(":") + [""] * 3
    may_write = _is_below(path, writable)
    if container != of or not (may_write or (read_only and _is_below(path, read_only))):
        raise UploadRefused("The signature is for other paths.")
    wanted = set(permissions) & set(fields["sp"])
    if not wanted or not (may_write or wanted <= _READING):
        raise UploadRefused("The signature does not permit this.")
    return area


def _joined(prefixes: tuple[str, ...]) -> str:
    return ",".join(quote(prefix, safe="/") for prefix in prefixes)


def _is_below(path: str, prefixes: str) -> bool:
    return any(path.startswith(unquote(prefix)) for prefix in prefixes.split(","))


def _signature(key: bytes, fields: Mapping[str, str]) -> str:
    text = "\n".join(fields.get(name, "") for name in _SIGNED)
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
