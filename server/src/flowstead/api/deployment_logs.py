"""Logs of a deployment's instances as they are written: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Collection
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.datastructures import Headers

from flowstead.access.decisions import allowed
from flowstead.api.context import Context, Here, Needs
from flowstead.api.deployments import ACTION, DEPLOYMENT, is_storage_initializer
from flowstead.api.event_feed import Follower
from flowstead.api.events import FollowingStream
from flowstead.api.instance_logs import MAX_LINES, LogFollower, folder_of
from flowstead.errors import IssuerUnreachable, Unauthorized
from flowstead.resources.principal import Principal
from flowstead.store.records import DeploymentRecord, Kind
from flowstead_runtime.secret_values import redact

LOOK_EVERY_S = 0.4
_HEARTBEAT_S = 15.0
_GET_LOGS = Needs(f"{ACTION}/getLogs/action")
router = APIRouter(tags=["deployments"])


@router.get(DEPLOYMENT + "/followLogs", response_class=Response)
def follow_logs(
    endpoint: str,
    deployment: str,
    request: Request,
    here: Here,
    reader: Annotated[Principal, Depends(_GET_LOGS)],
    container_type: Annotated[str, Query(alias="containerType")] = "InferenceServer",
    tail: Annotated[int, Query(ge=0, le=MAX_LINES)] = 100,
    instance_id: Annotated[str, Query(alias="instanceId", max_length=64)] = "",
) -> FollowingStream:
    """The last lines of its instances' logs, then each line when it is written, until the deployment is deleted.

    `log`: `{log, lines}`, log being the name of the instance, or storage-initializer. containerType: InferenceServer or
    StorageInitializer; tail: how many lines there shall be at the beginning; instanceId: of which instance alone."""
    wanted = is_storage_initializer(container_type)
    with here.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
    logs = LogFollower(folder_of(here.home, record), tail, storage_initializer=wanted, instance=instance_id)
    return FollowingStream(
        here.feed, reader.object_id, lambda follower: _texts(here, request.headers, record, logs, follower)
    )


async def _texts(
    here: Context, credentials: Headers, record: DeploymentRecord, logs: LogFollower, follower: Follower
) -> AsyncGenerator[bytes, None]:
    yield b"retry: 1000\n\n"
    loop = asyncio.get_running_loop()
    beat_at = loop.time() + _HEARTBEAT_S
    secrets: Collection[str] | None = None
    while not here.feed.closed:
        beats = loop.time() >= beat_at
        # Whatever is changed may be what he may read, or a secret: both are looked up anew after each change.
        if secrets is None or follower.woken.is_set() or beats:
            follower.woken.clear()
            secrets = await to_thread.run_sync(_secrets, here, credentials, record)
            if secrets is None:
                return
        for name, lines in await to_thread.run_sync(logs.look):
            # What a flow prints is its own affair, but a log is read by more people than may know its secrets.
            text = redact("\n".join(lines), secrets)
            data = json.dumps({"log": name, "lines": text.split("\n")}, ensure_ascii=False, separators=(",", ":"))
            yield f"event: log\ndata: {data}\n\n".encode()
        if beats:
            yield b": alive\n\n"
            beat_at = loop.time() + _HEARTBEAT_S
        await asyncio.sleep(LOOK_EVERY_S)


def _secrets(here: Context, credentials: Headers, record: DeploymentRecord) -> Collection[str] | None:
    """What its logs are shown without; None when the caller may not read them any more, or it is gone."""
    try:
        reader = here.callers.recognise(credentials, used=False).principal
    except (Unauthorized, IssuerUnreachable):
        return None
    if not allowed(reader, _GET_LOGS.action, f"{record.id}/followLogs"):
        return None
    with here.store.reading() as tx:
        found = tx.find(Kind.DEPLOYMENT, record.id)
        return None if found is None or found.uid != record.uid else tx.secrets_in_logs(found)
