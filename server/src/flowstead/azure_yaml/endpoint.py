"""Endpoint YAML → the REST body of an online endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowstead.azure_yaml.document import Document
from flowstead.azure_yaml.entry import Entry
from flowstead.azure_yaml.fields import (
    IGNORED_AT_TOP,
    Choice,
    Each,
    Named,
    NotHere,
    Number,
    Section,
    filled_text,
    text,
    texts,
)
from flowstead.azure_yaml.recorded import recorded_only
from flowstead.azure_yaml.schemas import check_schema
from flowstead.resources.endpoint import AuthMode
from flowstead.resources.names import LOCATION

AUTH_MODES = Choice({"key": AuthMode.KEY, "aml_token": AuthMode.AML_TOKEN, "aad_token": AuthMode.AAD_TOKEN})
ON_OR_OFF = Choice({"enabled": "Enabled", "disabled": "Disabled"})
_HERE = ("managed", "online")
_IDENTITIES = {
    "system_assigned": "SystemAssigned",
    "user_assigned": "UserAssigned",
    "system_assigned,user_assigned": "SystemAssigned,UserAssigned",
    "none": "None",
}
_IDENTITY = Section(
    {
        "type": Choice(_IDENTITIES),
        "user_assigned_identities": Each(
            Section({"resource_id": filled_text}, required=("resource_id",), ignored=("principal_id", "client_id"))
        ),
    },
    ignored=("principal_id", "tenant_id"),
)


def managed(entry: Entry) -> str:
    """`type:` of an endpoint or deployment, as older files of Azure ML have it."""
    if filled_text(entry).lower() not in _HERE:
        raise entry.wrong(
            f"{entry.text[:60]!r} is no type that there is here: instances run where Flowstead runs.",
            hint=f"Remove the key, or write one of {', '.join(_HERE)}.",
        )
    return entry.text


_ENDPOINT = Section(
    {
        "name": filled_text,
        "type": managed,
        "description": text,
        "tags": texts,
        "auth_mode": AUTH_MODES,
        "identity": _IDENTITY,
        "public_network_access": ON_OR_OFF,
        "traffic": Named(Number(0, 100)),
        "mirror_traffic": Named(Number(0, 50)),
        "properties": texts,
        "requests_per_second": Number(0),
        "compute": NotHere(
            "a Kubernetes compute cannot be attached here; instances run where Flowstead runs.", "Remove the key."
        ),
    },
    ignored=(*IGNORED_AT_TOP, "resourceGroup"),
)


@dataclass(frozen=True)
class EndpointDocument:
    """name: "" when neither file nor option gives one. body: of the PUT. notes: what it says that nothing follows
    from."""

    name: str
    body: dict[str, Any]
    notes: tuple[str, ...] = ()


def read_endpoint(document: Document) -> EndpointDocument:
    """Raises BadArgument naming file, line and key."""
    check_schema(document, "online-endpoint")
    read = _ENDPOINT(document.top)
    properties: dict[str, Any] = {
        "description": read.get("description", ""),
        "authMode": str(read.get("auth_mode", AuthMode.KEY)),
        "properties": read.get("properties", {}),
    }
    # A split that the file does not mention stays as it is.
    for key, name in (("traffic", "traffic"), ("mirror_traffic", "mirrorTraffic")):
        if key in read:
            properties[name] = read[key]
    if "requests_per_second" in read:
        properties["requestsPerSecond"] = read["requests_per_second"]
    if "public_network_access" in read:
        properties["publicNetworkAccess"] = read["public_network_access"]
    body = {
        "location": LOCATION,
        "properties": properties,
        "identity": _identity(read.get("identity", {})),
        "tags": read.get("tags", {}),
    }
    return EndpointDocument(read.get("name", ""), body, recorded_only(document))


def _identity(read: dict[str, Any]) -> dict[str, Any]:
    kind = read.get("type", "SystemAssigned")
    if "UserAssigned" not in kind:
        return {"type": kind}
    return {
        "type": kind,
        "userAssignedIdentities": {one["resource_id"]: {} for one in read.get("user_assigned_identities", [])},
    }
