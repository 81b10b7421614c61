"""Calls of an engine's command line that end soon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

_CLIENT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "REGISTRY_AUTH_FILE", "DBUS_SESSION_BUS_ADDRESS"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
_CLIENT_PREFIXES = ("XDG_", "DOCKER_", "CONTAINER", "STORAGE_")
_LONGEST_COMPLAINT = 2000


class CallFailed(Exception):
    """The engine could not be run, took too long, or said no; its own words."""


def client_variables(host: Mapping[str, str]) -> dict[str, str]:
    """What an engine's client gets of the server's environment: where its storage, its daemon and its registries'
    accounts are."""
    return {name: value for name, value in host.items() if name in _CLIENT or name.startswith(_CLIENT_PREFIXES)}


def call(argv: Sequence[str], variables: Mapping[str, str], *, within_s: float) -> str:
    """What it says. Raises CallFailed."""
    try:
        ended = subprocess.run(
            argv, cwd="/", env=dict(variables), stdin=subprocess.DEVNULL, capture_output=True, timeout=within_s
        )
    except subprocess.TimeoutExpired:
        raise CallFailed(f"no answer within {within_s:.0f} s") from None
    except OSError as failure:
        raise CallFailed(failure.strerror or str(failure)) from failure
    if ended.returncode != 0:
        words = ended.stderr.decode("utf-8", "replace").strip()
        raise CallFailed(words[-_LONGEST_COMPLAINT:] or f"it ended with status {ended.returncode}")
    return ended.stdout.decode("utf-8", "replace")


def call_json(argv: Sequence[str], variables: Mapping[str, str], *, within_s: float) -> Any:
    """The same, its answer read. Raises CallFailed."""
    said = call(argv, variables, within_s=within_s)
    try:
        return json.loads(said)
    except ValueError:
        raise CallFailed(f"an answer that is no JSON: {said[:80]!r}") from None
