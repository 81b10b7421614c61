"""Environments: the one that every deployment starts from, and what it provides."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version as installed_version
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Depends, Request
from packaging.requirements import InvalidRequirement, Requirement

from flowstead.api.arm import page
from flowstead.api.context import PROVIDER, SITE, Context, Here, Needs
from flowstead.errors import ResourceNotFound

DEFAULT_ENVIRONMENT = "flowstead-runtime"
_ENVIRONMENTS = SITE + "/environments"
router = APIRouter(tags=["environments"], dependencies=[Depends(Needs("workspaces/environments/read"))])


@router.get(_ENVIRONMENTS)
def list_environments(request: Request, here: Here) -> dict[str, Any]:
    return page(request, [DEFAULT_ENVIRONMENT], lambda _: _show_container(here))


@router.get(_ENVIRONMENTS + "/{environment}")
def get_environment(environment: str, here: Here) -> dict[str, Any]:
    _check_name(environment)
    return _show_container(here)


@router.get(_ENVIRONMENTS + "/{environment}/versions")
def list_environment_versions(environment: str, request: Request, here: Here) -> dict[str, Any]:
    _check_name(environment)
    return page(request, [runtime_version()], lambda _: _show_version(here))


@router.get(_ENVIRONMENTS + "/{environment}/versions/{version}")
def get_environment_version(environment: str, version: str, here: Here) -> dict[str, Any]:
    """The runtime; `properties.packages` lists what it provides to every flow, as `name==version`."""
    check_environment(environment, version)
    return _show_version(here)


def check_environment(name: str, version: str) -> None:
    """Raises ResourceNotFound unless there is such an environment."""
    _check_name(name)
    if version not in (runtime_version(), "latest"):
        raise ResourceNotFound(
            f"There is no version {version} of the environment {name}.", hint=f"It has {runtime_version()}."
        )


def runtime_version() -> str:
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


def _check_name(name: str) -> None:
    if name.lower() != DEFAULT_ENVIRONMENT:
        raise ResourceNotFound(f"There is no environment {name}.", hint=f"This server has one: {DEFAULT_ENVIRONMENT}.")


def _show_container(here: Context) -> dict[str, Any]:
    return {
        "id": here.workspace.environment(DEFAULT_ENVIRONMENT),
        "name": DEFAULT_ENVIRONMENT,
        "type": f"{PROVIDER}/workspaces/environments",
        "properties": {
            "description": "The prompt flow runtime",
            "latestVersion": runtime_version(),
            "nextVersion": runtime_version(),
            "isArchived": False,
            "tags": {},
            "properties": {},
        },
    }


def _show_version(here: Context) -> dict[str, Any]:
    return {
        "id": here.workspace.environment(DEFAULT_ENVIRONMENT, runtime_version()),
        "name": runtime_version(),
        "type": f"{PROVIDER}/workspaces/environments/versions",
        "properties": {
            "description": "The prompt flow runtime; a flow's requirements.txt adds to it",
            "environmentType": "Curated",
            "osType": "Linux",
            "isAnonymous": False,
            "isArchived": False,
            "tags": {},
            "properties": {},
            "packages": list(provided_packages()),
        },
    }
