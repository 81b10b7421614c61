"""Shared access signatures: a query string that opens one upload prefix for a short time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from flowstead.errors import UploadRefused

_VERSION = "2026-10-06"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SIGNED = ("sv", "sr", "sp", "se", "fsc", "fsp")
"""What the signature covers, in this order. fsc: the container, fsp: prefixes that may be touched, with
commas between; both are our own, the client takes the whole as an opaque text."""


def sign(key: bytes, *, container: str, prefixes: tuple[str, ...], permissions: str, expires: datetime) -> str:
    """The query string. permissions: letters of Azure's `racwdl`. prefixes: begin of paths in the
    container."""
    fields = {
        "sv": _VERSION,
        "sr": "c",
        "sp": permissions,
        "se": expires.astimezone(UTC).strftime(_TIME),
        "fsc": container,
        "fsp": ",".join(prefixes),
    }
    return urlencode({**fields, "sig": _signature(key, fields)})


def check(key: bytes, query: Mapping[str, str], *, container: str, path: str, permissions: str, now: datetime) -> None:
    """Raises UploadRefused unless the query's signature is ours, still holds, and gives one of these
    permissions on this path."""
    fields = {name: query.get(name, "") for name in _SIGNED}
    if not hmac.compare_digest(_signature(key, fields).encode(), query.get("sig", "").encode()):
        raise UploadRefused("The signature is missing or wrong.")
    if now >= datetime.strptime(fields["se"], _TIME).replace(tzinfo=UTC):
        raise UploadRefused(f"The signature expired at {fields['se']}.")
    if container != fields["fsc"] or not any(path.startswith(prefix) for prefix in fields["fsp"].split(",")):
        raise UploadRefused("The signature is for other paths.")
    if not set(permissions) & set(fields["sp"]):
        raise UploadRefused("The signature does not permit this.")


def _signature(key: bytes, fields: Mapping[str, str]) -> str:
    text = "\n".join(fields[name] for name in _SIGNED)
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
