"""Small HTTP calls of built-in tools."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from flowstead_runtime.errors import ConnectionInvalid, ProviderFailed

TIMEOUT_S = 300.0


def get(url: str, query: Mapping[str, Any]) -> tuple[int, str]:
    """(status, body). Raises ProviderFailed when there is no answer."""
    return _send(urllib.request.Request(f"{url}?{urllib.parse.urlencode(query)}"))  # noqa: S310 - see _send


def post(url: str, body: Any, headers: Mapping[str, str]) -> tuple[int, str]:
    """As `get`, with a JSON body."""
    sent = {"Content-Type": "application/json", **headers}
    return _send(urllib.request.Request(url, json.dumps(body).encode(), sent))  # noqa: S310 - see _send


def _send(request: urllib.request.Request) -> tuple[int, str]:
    if request.type not in ("http", "https"):
        raise ConnectionInvalid("The connection's address must begin with http:// or https://.")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - the scheme is checked
            return int(response.status), response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise ProviderFailed(f"{request.host} did not answer: {error}", "UserErrorException") from None
