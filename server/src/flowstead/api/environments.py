"""Environments: what deployments start from; one of them, the runtime itself, is always there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version as installed_version
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse
from packaging.requirements import InvalidRequirement, Requirement

from flowstead.api.arm import put_answer
from flowstead.api.assets import Asset, demand_not_deployed
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.environment_bodies import (
    DEFAULT_ENVIRONMENT,
    EnvironmentVersionBody,
    is_curated,
    show_version,
    version_spec,
)
from flowstead.api.preconditions import ForPut
from flowstead.api.upload_areas import own_upload
from flowstead.api.upload_uris import demand_own_files, uploaded_at
from flowstead.environments.base import demand_nothing_secret
from flowstead.errors import BadArgument, ResourceConflict
from flowstead.resources.environment import EnvironmentVersionSpec
from flowstead.resources.names import check_asset_name, check_asset_version
from flowstead.resources.principal import Principal
from flowstead.store import Reading
from flowstead.store.records import AnyRecord, EnvironmentVersionRecord, Kind

_CURATED_BY = "system"
_DEFAULT_IMAGE = "promptflow-runtime"


def _demand_unused(tx: Reading, record: AnyRecord) -> None:
    if is_curated(record):
        raise ResourceConflict(f"The environment {DEFAULT_ENVIRONMENT} is a part of Flowstead.", target=record.id)
    demand_not_deployed(tx, record, lambda spec: (spec.environment_id or "",))


def _show(record: EnvironmentVersionRecord) -> dict[str, Any]:
    """packages is ours: what the runtime of this version provides to every flow, as `name==version`."""
    shown = show_version(record)
    if is_curated(record) and record.name == _installed():
        shown["properties"]["packages"] = list(provided_packages())
    return shown


ENVIRONMENTS = Asset("environment", "environments", Kind.ENVIRONMENT, Kind.ENVIRONMENT_VERSION, _show, _demand_unused)
router = ENVIRONMENTS.router()


@router.put(SITE + "/environments/{name}/versions/{version}", status_code=201)
def put_environment_version(
    name: str,
    version: str,
    body: EnvironmentVersionBody,
    here: Here,
    only_if: ForPut,
    caller: Annotated[Principal, Depends(Needs("workspaces/environments/versions/write"))],
) -> JSONResponse:
    """Register a version, or change what is said of one; 409 when it would become another environment, at which the SDK
    takes the next version. What no deployment can start from can be registered, as in Azure."""
    check_asset_name(name, "environment")
    check_asset_version(version, "environment")
    if name.lower() == DEFAULT_ENVIRONMENT:
        raise BadArgument(f"The environment {DEFAULT_ENVIRONMENT} is a part of Flowstead.", target="name")
    demand_nothing_secret(body.properties.conda_file or "")
    with here.store.reading() as tx:
        before = ENVIRONMENTS.version_before(tx, here, name, version, only_if)
    with _context(body, here, caller, before) as context_hash:
        spec = version_spec(body, context_hash)
        if bool(spec.image) == bool(spec.context_uri):
            raise BadArgument(
                "The environment names both an image and a build context."
                if spec.image
                else "The environment names neither an image nor a build context.",
                target="properties.image",
            )
        with here.store.transaction() as tx:
            before = ENVIRONMENTS.version_before(tx, here, name, version, only_if)
            if before is not None and before.spec.substance != spec.substance:
                raise ResourceConflict(
                    f"Version {before.name} of the environment {name} is another one, and versions never change.",
                    hint="Register it under the next version.",
                    target=before.id,
                )
            record = ENVIRONMENTS.write_version(tx, here, name, version, spec, caller.name)
    return put_answer(here, record, _show(record), None, created=before is None)


def ensure_default_environment(here: Context) -> None:
    """The runtime's own environment, in the version that is installed. Once a start of the server."""
    version = _installed()
    id = ENVIRONMENTS.version_id(here, DEFAULT_ENVIRONMENT, version)
    spec = EnvironmentVersionSpec(
        image=_DEFAULT_IMAGE, description="The prompt flow runtime; a flow's requirements.txt adds to it"
    )
    with here.store.transaction() as tx:
        if tx.find(Kind.ENVIRONMENT_VERSION, id) is None:
            ENVIRONMENTS.write_version(tx, here, DEFAULT_ENVIRONMENT, version, spec, _CURATED_BY)


@cache
def _installed() -> str:
    return installed_version("flowstead-runtime")


@cache
def provided_packages() -> tuple[str, ...]:
    """`name==version` of each package that the runtime brings along on this machine."""
    text = (files("flowstead_runtime") / "provided.txt").read_text("utf-8")
    pins = [line.partition(" \\")[0].strip() for line in text.splitlines() if line[:1].isalnum()]
    return tuple(f"{pin.name}{pin.specifier}" for pin in map(_requirement, pins) if pin is not None)


def _requirement(line: str) -> Requirement | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None
    return requirement if requirement.marker is None or requirement.marker.evaluate() else None


@contextmanager
def _context(
    body: EnvironmentVersionBody, here: Context, caller: Principal, before: EnvironmentVersionRecord | None
) -> Iterator[str]:
    """The hash of the build context's files, copied to where no client can write; "" without one. Those of a version
    that is registered are not read again."""
    build = body.properties.build
    if build is None:
        yield ""
    elif before is not None and before.spec.context_uri == build.context_uri:
        yield before.spec.context_hash
    else:
        container, path = uploaded_at(build.context_uri, here.workspace, "build.contextUri")
        demand_own_files(path, "build.contextUri")
        with here.contents.held(own_upload(here, caller, container, path), "build.contextUri") as content_hash:
            yield content_hash
