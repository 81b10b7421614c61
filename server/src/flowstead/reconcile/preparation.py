"""What is told of how a deployment's environment and its model's files were put in place. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flowstead.reconcile.decision import DeploymentView
from flowstead.resources.deployment import Condition, DeploymentStatus

PREPARATION_LOG = "storage-initializer-preparation.log"
"""In a deployment's log folder, beside what was said while its environment was built."""

_AT_ONCE_S = 1.0
"""Nothing is built in less."""


@dataclass(frozen=True)
class ModelFiles:
    count: int
    size_bytes: int


def preparation_lines(
    view: DeploymentView, after: DeploymentStatus, measure: Callable[[], ModelFiles]
) -> Iterator[str]:
    """A line for each thing that came to hold with this look, or failed. measure: the model's files, asked for only
    when there is something to say of them."""
    if view.settled:
        return
    known = () if view.first_look else view.record.status.conditions
    before = {each.type: each for each in known}
    model = view.record.spec.model
    name = ":".join(model.split("/")[-3::2]) if "/versions/" in model else model
    for now in after.conditions:
        was = before.get(now.type)
        if was is not None and (was.status, was.message) == (now.status, now.message):
            continue
        seconds = after.phase_times.get(now.type, 0.0)
        if now.type == "EnvironmentBuilt":
            yield from _environment(now, seconds)
        elif now.type == "ArtifactInPlace" and now.status:
            files = measure()
            yield (
                f"{now.at} Model {name}: {files.count} files, {files.size_bytes} bytes, in place after {seconds:.1f} s;"
                " addressed by their content, as they were registered."
            )
        elif now.type == "ArtifactInPlace":
            yield f"{now.at} Model {name}: {now.message}"


def _environment(now: Condition, seconds: float) -> Iterator[str]:
    if not now.status:
        yield f"{now.at} Environment: {now.message.partition(chr(10))[0]}"
    elif seconds < _AT_ONCE_S:
        yield f"{now.at} Environment: there already."
    else:
        yield f"{now.at} Environment: ready after {seconds:.1f} s."
