"""Operations followed to their end, with their phases in plain words."""

from __future__ import annotations

from flowstead.cli.progress import Stage
from flowstead.client import Operation

PHASES = {
    "EnvironmentBuilt": "building the environment",
    "ArtifactInPlace": "placing the flow's files",
    "IdentityGranted": "checking what its identity may do",
    "ConnectionsResolvable": "looking up its connections",
    "InstancesStarted": "starting instances",
    "InstancesReady": "waiting until instances are ready",
    "RoutePublished": "telling the gateway",
    "RouteSwitched": "switching the gateway to the new instances",
    "OldInstancesDrained": "letting old instances finish their requests",
    "OldInstancesStopped": "stopping old instances",
    "RouteRemoved": "taking the route away",
    "DeploymentsRemoved": "deleting its deployments",
    "InstancesStopped": "stopping instances",
    "FilesRemoved": "removing files",
    "RowsRemoved": "removing the last traces",
}
"""What the reconciler calls a phase → what a person reads while it lasts."""


def follow(operation: Operation, stage: Stage) -> None:
    """Wait for its end and show each phase. Raises the error with which it ended."""
    for progress in operation.follow():
        stage.phase(PHASES.get(progress.phase, progress.phase))
