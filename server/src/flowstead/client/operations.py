"""Long-running operations: following one to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from flowstead.client.failures import failure_from
from flowstead.client.session import Session
from flowstead.resources.operation import OperationState

POLL_S = 0.15
"""Between polls, seconds. `Retry-After` (1 s) is for clients far away: ours asks over a Unix socket."""


@dataclass(frozen=True)
class Progress:
    """How far an operation is. phase: in progress; phase_times: phase → seconds, of those that are done."""

    state: OperationState
    phase: str = ""
    phase_times: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


class Operation:
    """A change that was begun. resource: what the request's answer said of it, {} after a DELETE."""

    def __init__(self, session: Session, answer: httpx.Response, *, poll_s: float = POLL_S) -> None:
        self.resource: dict[str, Any] = answer.json() if answer.content else {}
        self._session = session
        self._poll_s = poll_s
        self._url = answer.headers.get("Azure-AsyncOperation", "")

    def follow(self) -> Iterator[Progress]:
        """Its progress, at each poll, until it has ended; the last one is terminal and Succeeded.

        Raises the error with which it ended."""
        if not self._url:
            yield Progress(OperationState.SUCCEEDED)
            return
        path = urlsplit(self._url).path
        while True:
            progress = _progress(self._session.request("GET", path).json())
            if progress.state.terminal and progress.state is not OperationState.SUCCEEDED:
                raise failure_from(progress.error or {"code": f"Operation{progress.state}"})
            yield progress
            if progress.state.terminal:
                return
            time.sleep(self._poll_s)

    def wait(self) -> None:
        """Until it has ended. Raises the error with which it ended."""
        for _ in self.follow():
            pass


def _progress(body: Mapping[str, Any]) -> Progress:
    properties = body.get("properties") or {}
    return Progress(
        state=OperationState(body["status"]),
        phase=str(properties.get("phase") or ""),
        phase_times=dict(properties.get("phaseTimes") or {}),
        error=body.get("error"),
    )
