"""The environment that a deployment starts from: which one its body names, and what it adds to the runtime."""

from __future__ import annotations

import re

from flowstead.api.context import Context
from flowstead.api.deployment_bodies import DeploymentBody
from flowstead.environments.base import base_environment
from flowstead.errors import BadArgument
from flowstead.resources.environment import RUNTIME_ALONE, BaseEnvironment
from flowstead.resources.names import Workspace
from flowstead.store import Reading
from flowstead.store.records import EnvironmentVersionRecord, Kind

_RUNTIME_ENVIRONMENT = re.compile(r"azureml://registries/[^/]+/environments/promptflow-runtime[^/]*/.+", re.I)
_ENVIRONMENT = re.compile(
    r"(?P<workspace>/subscriptions/.+)/environments/(?P<name>[^/]+)/(?:versions|labels)/(?P<version>[^/]+)", re.I
)
_TARGET = "properties.environmentId"


def environment_of(body: DeploymentBody, here: Context) -> tuple[str | None, BaseEnvironment]:
    """Its id in exact casing, None for the flow's own. Raises BadArgument when there is none such, and when nothing can
    be started from it here."""
    given = body.properties.environment_id
    if not given or _RUNTIME_ENVIRONMENT.fullmatch(given):
        return given or None, RUNTIME_ALONE
    name, version = _named(given, here.workspace)
    with here.store.reading() as tx:
        record = _find(tx, here.workspace, name, version)
    if record is None:
        raise _missing(name, version)
    context = here.contents.locate(record.spec.context_hash) if record.spec.context_hash else None
    try:
        base = base_environment(record.spec, context, has_engine=here.has_container_engine)
        if not base.needs_engine:
            here.interpreters.choose(base.python)
    except BadArgument as problem:
        raise BadArgument(
            f"No deployment can start from the environment {name}:{record.name}. {problem.message}",
            hint=problem.next_step,
            target=_TARGET,
        ) from None
    return record.id, base


def check_still_there(tx: Reading, environment_id: str | None) -> None:
    """In the transaction that writes the deployment: what `environment_of` found may have been deleted since."""
    if environment_id and environment_id.startswith("/") and tx.find(Kind.ENVIRONMENT_VERSION, environment_id) is None:
        raise _missing(*environment_id.partition("/environments/")[2].split("/versions/"))


def _missing(name: str, version: str) -> BadArgument:
    return BadArgument(
        f"There is no version {version} of the environment {name}.",
        hint="Register it first (flowstead environment create), or leave environmentId out: packages then come "
        "from the flow's requirements.txt alone.",
        target=_TARGET,
    )


def _named(given: str, workspace: Workspace) -> tuple[str, str]:
    match = _ENVIRONMENT.fullmatch(given)
    if match is None or match["workspace"].lower() != workspace.path.lower():
        raise BadArgument(
            f"environmentId {given[:200]!r} is not an environment of this workspace.",
            hint=f"Leave it out, or give {workspace.environment('NAME', 'VERSION')}.",
            target=_TARGET,
        )
    return match["name"], match["version"]


def _find(tx: Reading, workspace: Workspace, name: str, version: str) -> EnvironmentVersionRecord | None:
    """`latest` is the version that was registered last, unless one is called so."""
    found = tx.find(Kind.ENVIRONMENT_VERSION, workspace.environment(name, version))
    if found is None and version.lower() == "latest":
        versions = tx.list(Kind.ENVIRONMENT_VERSION, workspace.environment(name))
        active = [each for each in versions if not each.spec.is_archived]
        found = active[-1] if active else None
    return found
