"""What calls from flow code need and are not given: the connections, and clients that are kept between calls."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from weakref import WeakKeyDictionary

from flowstead_runtime.connections.sources import Connections, ConnectionSource
from flowstead_runtime.connections.types import Connection
from flowstead_runtime.tools.provider import BlockingProvider, Provider, make_blocking_provider, make_provider

_KEPT = 64
"""Clients that are kept: flow code often loads its prompty anew for each request."""

_source: list[ConnectionSource] = []
_blocking: dict[Any, BlockingProvider] = {}
_asynchronous: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, Provider]] = WeakKeyDictionary()
"""By event loop: a client's connections belong to the loop that opened them."""


def use_connections(source: ConnectionSource) -> None:
    """From here on, names of connections in flow code's calls are looked up there."""
    _source[:] = [source]


def connections() -> ConnectionSource:
    """The flow's; outside of a flow those of the environment."""
    return _source[0] if _source else Connections(os.environ)


def blocking_provider(connection: Connection) -> BlockingProvider:
    """Raises ConnectionInvalid."""
    key = _key(connection)
    if key not in _blocking:
        _make_room(_blocking)
        _blocking[key] = make_blocking_provider(connection)
    return _blocking[key]


def provider(connection: Connection) -> Provider:
    """The running event loop's. Raises ConnectionInvalid."""
    kept = _asynchronous.setdefault(asyncio.get_running_loop(), {})
    key = _key(connection)
    if key not in kept:
        _make_room(kept)
        kept[key] = make_provider(connection)
    return kept[key]


def _key(connection: Connection) -> Any:
    fields = tuple((name, str(value)) for name, value in connection.items())
    return type(connection), fields, getattr(connection, "token_provider", None)


def _make_room(kept: dict[Any, Any]) -> None:
    """The oldest goes; whoever uses it still holds it."""
    if len(kept) >= _KEPT:
        kept.pop(next(iter(kept)), None)
