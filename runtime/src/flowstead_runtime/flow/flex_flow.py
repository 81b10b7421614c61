"""A flex flow that is loaded: one function, or one object for the life of the process."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from types import CoroutineType
from typing import Any

from flowstead_runtime.flow.definition import FlowDefinition
from flowstead_runtime.flow.entry import Entry
from flowstead_runtime.flow.execute import is_cancelled
from flowstead_runtime.flow.failures import entry_failure
from flowstead_runtime.flow.running import RunContext, RunResult
from flowstead_runtime.flow.threads import ThreadPool
from flowstead_runtime.tools.multimedia import BASIC, dump_nested
from flowstead_runtime.tools.resolved import Mode


class FlexFlow:
    """A loaded flex flow. Its entry sees requests side by side, blocking ones each in a thread."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._pool = ThreadPool()

    @property
    def definition(self) -> FlowDefinition:
        return self._entry.definition

    async def run(self, inputs: Mapping[str, Any], context: RunContext) -> RunResult:
        """Raises NodeFailed for whatever the entry raised, promptflow's own exceptions included."""
        try:
            value = await self._call(inputs)
        except KeyboardInterrupt:
            raise
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise entry_failure(self._entry.qualname, error) from error
        except BaseException as error:
            raise entry_failure(self._entry.qualname, error) from error
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        named = isinstance(value, dict)
        try:
            return RunResult(dump_nested(value, BASIC), named)
        except RecursionError:
            # No JSON either: who encodes the outputs says so.
            return RunResult(value, named)

    async def close(self) -> None:
        self._pool.close()

    async def _call(self, inputs: Mapping[str, Any]) -> Any:
        entry = self._entry
        if entry.mode is Mode.THREAD:
            value = await self._pool.submit(entry.call, inputs)
            # A synchronous wrapper around an asynchronous function.
            return await value if type(value) is CoroutineType else value
        value = entry.call(**inputs)
        return await value if entry.mode is Mode.COROUTINE else value
