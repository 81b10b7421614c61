"""Searching the web through SerpAPI."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from flowstead_runtime.connections.hiding import HIDDEN
from flowstead_runtime.connections.types import SerpConnection
from flowstead_runtime.errors import InternalFailure, ProviderFailed
from flowstead_runtime.tools.builtin.http import get
from flowstead_runtime.tools.decorator import ToolProvider, tool

ADDRESS = "https://serpapi.com/search"


class SafeMode(StrEnum):
    ACTIVE = "active"
    OFF = "off"


class Engine(StrEnum):
    GOOGLE = "google"
    BING = "bing"


@tool
def search(
    connection: SerpConnection,
    query: str,
    location: str | None = None,
    safe: SafeMode = SafeMode.OFF,
    num: int = 10,
    engine: Engine = Engine.GOOGLE,
) -> Any:
    """What SerpAPI found, as it says it. Raises ProviderFailed."""
    google = str(engine).lower() == Engine.GOOGLE
    asked: dict[str, Any] = {"q": query, "location": location, "api_key": connection.api_key, "engine": str(engine)}
    if safe == SafeMode.ACTIVE:
        asked.update({"safe": "Active"} if google else {"safeSearch": "Strict"})
    if int(num) > 0:
        asked["num" if google else "count"] = int(num)
    status, answer = get(ADDRESS, {name: value for name, value in asked.items() if value is not None})
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if status == 200 and found is not None:
        return found
    told = found.get("error") if isinstance(found, dict) else None
    message = str(told or f"SerpAPI search request failed: {answer[:500]}")
    if connection.api_key:
        message = message.replace(connection.api_key, HIDDEN)
    raise InternalFailure(message) if status >= 500 else ProviderFailed(message, "SerpAPIUserError")


class SerpAPI(ToolProvider):
    """The same by a connection that is given once."""

    def __init__(self, connection: SerpConnection) -> None:
        self.connection = connection

    @tool
    def search(
        self,
        query: str,
        location: str | None = None,
        safe: SafeMode = SafeMode.OFF,
        num: int = 10,
        engine: Engine = Engine.GOOGLE,
    ) -> Any:
        return search(self.connection, query, location, safe, num, engine)
