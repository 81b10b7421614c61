"""REST bodies of assets, connections and workspaces → what `show` and `list` print: the YAML's own keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowstead.azure_yaml.connection_types import TYPES
from flowstead.azure_yaml.credentials import written_credentials
from flowstead.azure_yaml.environment import ROUTES
from flowstead.azure_yaml.shown import snake_case
from flowstead.resources.connection import NO_TARGET

Body = Mapping[str, Any]


def shown_model(body: Body) -> dict[str, Any]:
    """A model, or one version of one."""
    return _asset(body, "models", _model_contents)


def shown_data(body: Body) -> dict[str, Any]:
    """A data asset, or one version of one."""
    return _asset(
        body, "data", lambda properties: {"type": properties.get("dataType"), "path": properties.get("dataUri")}
    )


def shown_environment(body: Body) -> dict[str, Any]:
    """An environment, or one version of one."""
    return _asset(body, "environments", _contents)


def shown_connection(body: Body) -> dict[str, Any]:
    """A connection, without its secrets."""
    properties = body["properties"]
    return {
        "name": body["name"],
        "type": _connection_type(properties),
        "target": None if properties.get("target") == NO_TARGET else properties.get("target"),
        "credentials": {"type": written_credentials(str(properties.get("authType") or "None"), {})["type"]},
        "metadata": properties.get("metadata") or {},
        "is_shared": properties.get("isSharedToAll", True),
        "id": body["id"],
    }


def shown_with_secrets(body: Body) -> dict[str, Any]:
    """What a file says of this connection. body: with its secrets."""
    properties = body["properties"]
    credentials = written_credentials(str(properties.get("authType") or "None"), properties.get("credentials") or {})
    return {**shown_connection(body), "credentials": credentials}


def shown_workspace(body: Body) -> dict[str, Any]:
    return {
        "name": body["name"],
        "display_name": (body.get("properties") or {}).get("friendlyName") or body["name"],
        "resource_group": str(body["id"]).partition("/resourceGroups/")[2].partition("/")[0],
        "location": body.get("location"),
        "id": body["id"],
    }


def _asset(body: Body, plural: str, of_version: Callable[[Body], dict[str, Any]]) -> dict[str, Any]:
    properties = body["properties"]
    shown = {
        "name": body["name"],
        "description": properties.get("description") or "",
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
    }
    if properties.get("isArchived"):
        shown["is_archived"] = True
    if "/versions/" in body["id"]:
        name = body["id"].rpartition(f"/{plural}/")[2].partition("/")[0]
        shown |= {"name": name, "version": body["name"], **of_version(properties)}
    else:
        shown["latest_version"] = properties.get("latestVersion")
    return {**shown, "id": body["id"]}


def _model_contents(properties: Body) -> dict[str, Any]:
    shown = {"type": properties.get("modelType"), "path": properties.get("modelUri")}
    return shown | ({"stage": properties["stage"]} if properties.get("stage") else {})


def _contents(properties: Body) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, name in (("image", "image"), ("conda_file", "condaFile"), ("os_type", "osType")):
        if properties.get(name):
            shown[key] = properties[name]
    build, routes = properties.get("build"), properties.get("inferenceConfig")
    if build:
        shown["build"] = {"path": build.get("contextUri"), "dockerfile_path": build.get("dockerfilePath")}
    if routes:
        shown["inference_config"] = {key: routes[name] for key, name in ROUTES.items() if routes.get(name)}
    return shown


def _connection_type(properties: Body) -> str:
    """The word that YAML has for it; the category in snake case for one that YAML has no word for."""
    category = str(properties.get("category") or "")
    metadata = properties.get("metadata") or {}
    kinds = {str(metadata.get("Kind", "")), str(metadata.get("azureml.flow.connection_type", ""))}
    same = [each for each in TYPES.values() if each.category.lower() == category.lower()]
    telling = [each for each in same if kinds & each.tells]
    plain = [each for each in same if not each.flow_type]
    found = telling or plain or same
    return found[0].word if found else snake_case(category)
