"""The service that gives connections over HTTP: `GET {endpoint}/connections/{name}`, as promptflow asks for them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from flowstead_runtime.errors import ConnectionInvalid

TIMEOUT_S = 30.0
"""For one connection, from the first byte sent to the last one received."""
MAX_BYTES = 1024 * 1024
_PIECE = 64 * 1024


class HttpProvider:
    """variable: that named the endpoint, told in errors."""

    def __init__(
        self,
        endpoint: str,
        *,
        variable: str,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConnectionInvalid when the endpoint is no address."""
        address = urlsplit(endpoint)
        if address.scheme not in ("http", "https") or not address.hostname or "@" in address.netloc or address.query:
            # Not quoted: it may hold a secret.
            raise ConnectionInvalid(f"{variable} must be an address such as http://host:port, without a password.")
        self._endpoint = endpoint.rstrip("/")
        self._variable = variable
        self._timeout_s = timeout_s
        self._now = now
        self._opener = urllib.request.build_opener(_NoRedirect)

    def address(self, name: str) -> str:
        return f"{self._endpoint}/connections/{quote(name, safe='')}"

    def find(self, name: str) -> Mapping[str, Any] | None:
        """None when the service does not know the name. Raises ConnectionInvalid when it cannot be asked."""
        try:
            body = self._get(self.address(name))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise self._failure(name, f"it answered {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise self._failure(name, str(error.reason)) from None
        except (OSError, HTTPException) as error:
            raise self._failure(name, str(error) or type(error).__name__) from None
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            # What it answered could be a secret, so it is not quoted.
            raise self._failure(name, "it did not answer with a JSON object")
        return found

    def _get(self, url: str) -> bytes:
        ends = self._now() + self._timeout_s
        with self._opener.open(url, timeout=self._timeout_s) as response:
            body = b""
            while piece := response.read1(_PIECE):
                body += piece
                if len(body) > MAX_BYTES:
                    raise OSError(f"its answer is over {MAX_BYTES} bytes")
                if self._now() > ends:
                    raise TimeoutError(f"its answer took over {self._timeout_s:g} s")
        return body

    def _failure(self, name: str, problem: str) -> ConnectionInvalid:
        return ConnectionInvalid(
            f"Connection '{name}' could not be had from {self.address(name)} ({self._variable}): {problem}."
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """promptflow does not follow any either: another server would be asked for secrets."""

    def redirect_request(self, *_: Any) -> None:
        return None
