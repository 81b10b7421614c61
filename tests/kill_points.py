"""At which points the server is killed while it carries out operations, as `faults/dying` names them."""

from __future__ import annotations

CREATION = (
    "uv running",
    "create deployment EnvironmentBuilt before",
    "+create deployment EnvironmentBuilt after",
    "create deployment InstancesStarted after",
    "create deployment InstancesReady before",
    "+create deployment InstancesReady after",
    "+create deployment RouteSwitched before",
    "create deployment RouteSwitched after",
)
UPDATE = (
    "+update deployment InstancesStarted before",
    "+update deployment InstancesReady before",
    "+update deployment InstancesReady after",
    "update deployment RouteSwitched before",
    "+update deployment RouteSwitched after",
    "+update deployment OldInstancesDrained before",
    "update deployment OldInstancesDrained after",
    "update deployment OldInstancesStopped before",
)
DELETION = (
    "delete deployment InstancesStopped before",
    "delete deployment FilesRemoved after",
    "delete deployment RowsRemoved before",
)
STOP = (
    "stop deployment OldInstancesDrained before",
    "+stop deployment OldInstancesDrained after",
    "stop deployment OldInstancesStopped before",
)
START = (
    "+start deployment InstancesReady before",
    "start deployment InstancesReady after",
    "+start deployment RouteSwitched before",
    "start deployment RouteSwitched after",
)
IN_BATCHES = (
    "+deployment after StartInstance",
    "update deployment InstancesReady before",
    "deployment after StopInstance",
    "+deployment after StartInstance",
    "+update deployment InstancesReady before",
    "+deployment after StopInstance",
    "+update deployment RouteSwitched before",
    "update deployment OldInstancesStopped before",
)
"""Of an overwrite of three instances, which come in three batches; each answers a warm call first, in which it is held
where the server dies while it waits for one to be ready."""
BACK_IN_BATCHES = (
    "+deployment after StartInstance",
    "+update deployment InstancesReady before",
    "deployment after StopInstance",
    "+deployment after StopInstance",
    "+update deployment RouteSwitched after",
)
"""Of a rollback of them."""
SCALE = ("update deployment InstancesReady after",)
ENDPOINT_MADE = ("create endpoint - before",)
ENDPOINT_CHANGED = ("gateway published", "+update endpoint - before")
KEYS = ("regenerateKey endpoint - before",)
WITHOUT_CONNECTION = (
    "create deployment ConnectionsResolvable before",
    "+create deployment ConnectionsResolvable after",
)
WITHOUT_RIGHTS = ("+create deployment IdentityGranted before", "create deployment IdentityGranted after")
WITH_THE_ENDPOINT = (
    (
        "deployment after StopInstance",
        "deployment after RemoveFiles",
        "delete endpoint DeploymentsRemoved after",
        "endpoint after RemoveFiles",
        "endpoint after RemoveRows",
    ),
    (
        "delete endpoint DeploymentsRemoved before",
        "deployment after RemoveRows",
        "delete endpoint FilesRemoved before",
    ),
)
"""In their order; those with a plus only with full counts. What was started, stopped or removed is so for the next
server: such a phase is come to once, so one operation dies before and another one after what it did is written down.
Some phases hold or fail, and nothing is waited for in them (`test_a_failure_is_written_down…`); the gateway has dropped
a route before anything is decided."""
IN_NO_WAIT = {
    "ArtifactInPlace": "it holds or fails, as ConnectionsResolvable does, and what is written down is the same",
    "RouteRemoved": "the gateway has dropped the route before anything is decided",
    "RoutePublished": "the gateway has the route before anything is decided",
}
"""Phases in which the server cannot be killed, and why."""
POINTS = (
    *(CREATION + UPDATE + DELETION + STOP + START + SCALE),
    *(ENDPOINT_MADE + ENDPOINT_CHANGED + KEYS + WITHOUT_CONNECTION + WITHOUT_RIGHTS),
    *WITH_THE_ENDPOINT[0],
    *WITH_THE_ENDPOINT[1],
    "delete endpoint RowsRemoved after",
    "deployment after StartInstance",
)
