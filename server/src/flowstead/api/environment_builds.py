"""Building an environment before a deployment needs it: its own packages beside the runtime's, without any flow's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.api.environments import ENVIRONMENTS
from flowstead.api.event_streams import EVENT_STREAM, EventStream
from flowstead.api.instance_logs import MAX_LINES, last_lines
from flowstead.environments.base import base_environment
from flowstead.environments.protocol import BuildFailed, Building, Built, EnvironmentRequest, EnvironmentState
from flowstead.errors import BadArgument, FlowsteadError, ImageBuildFailure
from flowstead.store.records import EnvironmentVersionRecord, Kind

_BUILD = SITE + "/environments/{name}/versions/{version}/build"
_LOOK_S = 0.2
_SILENCE_S = 15.0
"""After so many seconds without a word a comment is sent, so that nobody on the way takes the stream for dead."""
_PIECE = 256 * 1024
_MEND = "Register a version without the line that is named above, or with another one."
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What is said while it is built", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}}
}
router = APIRouter(tags=["environments"])


@router.get(_BUILD, dependencies=[Depends(Needs("workspaces/environments/versions/read"))])
def get_environment_build(name: str, version: str, here: Here) -> dict[str, Any]:
    """Whether the version has been built on this machine as it is now, and what was said meanwhile. Starts nothing."""
    record = _get(here, name, version)
    state: EnvironmentState | FlowsteadError | None
    try:
        state = here.environments.look(_request(here, record))
    except BadArgument as refusal:
        state = refusal
    error = _error(state)
    properties: dict[str, Any] = {"state": _STATES.get(type(state), "Failed"), "log": _log(state)}
    if error:
        properties["error"] = error
    return {
        "id": f"{record.id}/build",
        "name": "build",
        "type": f"{PROVIDER}/workspaces/environments/versions/build",
        "properties": properties,
    }


@router.post(
    _BUILD,
    response_class=Response,
    responses=_EVENTS,
    dependencies=[Depends(Needs("workspaces/environments/build/action"))],
)
def build_environment(name: str, version: str, here: Here) -> Response:
    """Build the version unless it is there, and tell it as server-sent events: `log` with each piece of the builder's
    words, and at the end `built` or `error`. One that has failed is tried again. Whoever calls meanwhile follows the
    same build; half a minute after the last one has left it is ended."""
    request = _request(here, _get(here, name, version))
    return EventStream(_told(here, request))


def _get(here: Context, name: str, version: str) -> EnvironmentVersionRecord:
    with here.store.reading() as tx:
        return tx.get(Kind.ENVIRONMENT_VERSION, ENVIRONMENTS.version_id(here, name, version))


def _request(here: Context, record: EnvironmentVersionRecord) -> EnvironmentRequest:
    """What a deployment would build for a flow without packages of its own. Raises BadArgument."""
    context = here.contents.locate(record.spec.context_hash) if record.spec.context_hash else None
    base = base_environment(record.spec, context, has_engine=here.has_container_engine)
    if not base.needs_engine:
        here.interpreters.choose(base.python)
    return EnvironmentRequest.of(base)


async def _told(here: Context, request: EnvironmentRequest) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    state = await to_thread.run_sync(partial(here.environments.ensure, request, retry_failed=True))
    log, read, said_at = _file(state), 0, loop.time()
    while True:
        piece, read = await to_thread.run_sync(_more, log, read)
        if piece:
            said_at = loop.time()
            yield _event("log", {"text": piece})
        elif not isinstance(state, Building) or here.feed.closed:
            break
        elif loop.time() - said_at > _SILENCE_S:
            said_at = loop.time()
            yield b": still at work\n\n"
        if not piece:
            await asyncio.sleep(_LOOK_S)
        # Looked at before the log is read to its end: what is said last is told too.
        state = await to_thread.run_sync(here.environments.ensure, request)
        log = _file(state) or log
    error = _error(state)
    if error:
        yield _event("error", {"error": error})
    elif not isinstance(state, Building):
        yield _event("built", {})


def _event(kind: str, content: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode()


def _more(log: Path | None, read: int) -> tuple[str, int]:
    """Whole lines of what was written since, and up to where that is."""
    if log is None:
        return "", read
    try:
        with log.open("rb") as file:
            file.seek(read)
            found = file.read(_PIECE)
    except OSError:
        return "", read
    whole = found if len(found) == _PIECE else found[: found.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace"), read + len(whole)


_STATES: Mapping[type, str] = {type(None): "NotBuilt", Building: "Building", Built: "Succeeded"}


def _file(state: EnvironmentState | FlowsteadError | None) -> Path | None:
    return getattr(state, "log", None)


def _log(state: EnvironmentState | FlowsteadError | None) -> str:
    log = _file(state)
    if log is None:
        return ""
    return "".join(f"{line}\n" for line in last_lines(log, MAX_LINES))


def _error(state: EnvironmentState | FlowsteadError | None) -> dict[str, Any]:
    if isinstance(state, BuildFailed):
        return dict(ImageBuildFailure(state.message, hint=state.next_step or _MEND, details=state.output).as_body())
    return dict(state.as_body()) if isinstance(state, FlowsteadError) else {}
