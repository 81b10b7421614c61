"""Goes through a PUT as its route would, on a store that keeps nothing of it: so a plan can't disagree with what is
done later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from flowstead.api.context import Context, Needs, context_of
from flowstead.api.preconditions import READERS, Preconditions
from flowstead.errors import BadArgument, ResourceNotFound
from flowstead.resources.principal import Principal

PLANNED = (
    "put_endpoint",
    "put_deployment",
    "put_connection",
    "put_model",
    "put_model_version",
    "put_environment",
    "put_environment_version",
    "put_data_version",
)
"""Routes that can be rehearsed: all that they change lies in the store, or is content."""


@dataclass(frozen=True)
class Written:
    """What a PUT answered: the resource as GET shows it then, and its ETag."""

    body: dict[str, Any]
    etag: str


@dataclass(frozen=True)
class PlannedRoute:
    """put, get: of one path. names: what the path says. action: what the caller must be allowed."""

    put: APIRoute
    get: APIRoute
    names: Mapping[str, str]
    action: str

    def before(self, here: Context, caller: Principal) -> Written | None:
        """The resource as it is; None when there is none."""
        try:
            return _written(_call(self.get, self.names, here, caller, {}))
        except ResourceNotFound:
            return None

    def after(self, here: Context, caller: Principal, body: object) -> Written:
        """The resource as it would be. Raises what the route raises."""
        field = self.put.dependant.body_params[0]
        try:
            given = _model(self.put).model_validate(body)
        except ValidationError as problem:
            raise RequestValidationError(problem.errors(include_input=False)) from None
        return _written(_call(self.put, self.names, here, caller, {field.name: given}))


class PlannedRoutes:
    """Those of an application's routers."""

    def __init__(self, routers: Sequence[APIRouter]) -> None:
        routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        gets = {route.path_format: route for route in routes if "GET" in (route.methods or ())}
        self._routes = [(route, gets[route.path_format]) for route in routes if route.name in PLANNED]

    def at(self, path: str) -> PlannedRoute:
        """path: an ARM id in canonical casing. Raises BadArgument when no PUT on it can be planned."""
        for put, get in self._routes:
            match = put.path_regex.fullmatch(path)
            if match is not None:
                [action] = [each.call.action for each in put.dependant.dependencies if isinstance(each.call, Needs)]
                return PlannedRoute(put, get, match.groupdict(), action)
        raise BadArgument(
            f"{path[:200]!r} is no id of a resource that can be planned.",
            hint="Endpoints, deployments, connections, models, environments and data assets can be.",
            target="resources.id",
        )


def _model(route: APIRoute) -> type[BaseModel]:
    annotation = route.dependant.body_params[0].field_info.annotation
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError(f"{route.name} has no body of one shape.")
    return annotation


def _call(
    route: APIRoute, names: Mapping[str, str], here: Context, caller: Principal, given: Mapping[str, Any]
) -> Response:
    arguments: dict[str, Any] = dict(given)
    arguments |= {param.name: names[param.alias] for param in route.dependant.path_params}
    for dependency in route.dependant.dependencies:
        if dependency.name is None:
            continue
        if dependency.call is context_of:
            arguments[dependency.name] = here
        elif isinstance(dependency.call, Needs):
            arguments[dependency.name] = caller
        elif dependency.call in READERS:
            arguments[dependency.name] = Preconditions()  # a plan is of what is there now
        else:
            raise TypeError(f"{route.name} takes {dependency.name}, which no plan has.")
    answer: Response = route.endpoint(**arguments)
    return answer


def _written(answer: Response) -> Written:
    return Written(json.loads(bytes(answer.body)), answer.headers["ETag"])
