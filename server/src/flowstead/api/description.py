"""The OpenAPI document: FastAPI's, with our errors instead of its own, and with the action that each route needs and
the least of the built-in roles that allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from flowstead.api.answers import describe_answers
from flowstead.api.context import Needs
from flowstead.resources.built_in_roles import least_role

_PARAMETER = re.compile(r"{(\w+)}")
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "target": {"type": "string", "description": "the field or resource at fault"},
            },
        }
    },
}
_REFUSED = {
    "description": "Refused or failed",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
}


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Make the document once, at the first request for it. routers: those that the application includes."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, needed_actions(routers))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to do this


def actions(dependant: Dependant) -> Iterator[str]:
    """The actions that a route's caller must be allowed."""
    if isinstance(dependant.call, Needs):
        yield dependant.call.action
    for dependency in dependant.dependencies:
        yield from actions(dependency)


def _describe(app: FastAPI, needed: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["ErrorBody"] = _ERROR
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "signature": {"type": "apiKey", "in": "query", "name": "sig"},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _name_all_parameters(path, operation)
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _REFUSED
            action = needed.get((path, method.upper()))
            if action is not None:
                operation["x-action"] = action
                operation["x-role"] = least_role(action)
                operation["security"] = [{"bearer": []}]
            elif ".blob." in path:
                operation["security"] = [{"signature": []}]
    describe_answers(document)
    return document


def _name_all_parameters(path: str, operation: dict[str, Any]) -> None:
    """FastAPI leaves out what a route does not take itself: the names of the workspace, which `Needs` looks at."""
    declared = operation.setdefault("parameters", [])
    known = {each["name"] for each in declared if each["in"] == "path"}
    named = [name for name in _PARAMETER.findall(path) if name not in known]
    declared[:0] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named]


def needed_actions(routers: Sequence[APIRouter]) -> Mapping[tuple[str, str], str]:
    """(path, method) → the action that a caller must be allowed, of all routes that need a token."""
    return {
        (route.path_format, method): action
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
        for action in actions(route.dependant)
    }
