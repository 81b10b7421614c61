"""Endpoints on the wire and in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from flowstead.api.arm import envelope, shown_state
from flowstead.api.bodies import Body, TextMap
from flowstead.api.context import Context
from flowstead.resources.endpoint import HIGHEST_RATE, AuthMode, EndpointSpec
from flowstead.resources.identity import client_id_of, principal_id_of
from flowstead.resources.names import LOCATION
from flowstead.store.records import EndpointRecord

_COPIED_BY_THE_SDK = ("createdBy", "createdAt", "lastModifiedAt")
"""The SDK puts these parts of systemData into properties.properties when it updates."""


def _auth_mode(value: Any) -> Any:
    """Case does not matter; YAML's `aml_token` is taken too."""
    spelt = {mode.value.lower(): mode for mode in AuthMode}
    return spelt.get(value.lower().replace("_", ""), value) if isinstance(value, str) else value


Percent = Annotated[int, Field(ge=0, le=100)]


class IdentityBody(Body):
    type: str = "SystemAssigned"
    user_assigned_identities: dict[str, Any] | None = None


class KeysBody(Body):
    """Those that an endpoint begins with; one that is missing is made."""

    primary_key: str | None = None
    secondary_key: str | None = None


class EndpointProperties(Body):
    auth_mode: Annotated[AuthMode, BeforeValidator(_auth_mode)] = AuthMode.KEY
    description: str | None = None
    traffic: dict[str, Percent] | None = None
    mirror_traffic: dict[str, Percent] | None = None
    public_network_access: str | None = None
    properties: TextMap = Field(default_factory=dict)
    compute: str | None = None
    keys: KeysBody | None = None
    requests_per_second: Annotated[int, Field(ge=0, le=HIGHEST_RATE)] | None = None


class EndpointBody(Body):
    location: str | None = None
    tags: TextMap = Field(default_factory=dict)
    identity: IdentityBody | None = None
    properties: EndpointProperties


class KeyBody(Body):
    """keyValue: the wanted key; the current key, which the SDK sends, means: make a new one."""

    key_type: str
    key_value: str | None = None


def to_spec(body: EndpointBody, before: EndpointSpec | None) -> EndpointSpec:
    """What the user wants. A split that the body does not mention stays as it is; so does a rate, which Azure's SDK
    does not know and would take away."""
    given = body.properties
    rate = given.requests_per_second
    if before is not None and "requests_per_second" not in given.model_fields_set:
        rate = before.requests_per_second
    traffic, mirror = given.traffic, given.mirror_traffic
    identity = body.identity or IdentityBody()
    return EndpointSpec(
        auth_mode=given.auth_mode,
        description=given.description or "",
        traffic=_shares(before.traffic if traffic is None and before is not None else traffic),
        mirror_traffic=_shares(before.mirror_traffic if mirror is None and before is not None else mirror),
        public_network_access=given.public_network_access or "Enabled",
        identity=_wanted_identity(identity),
        properties={k: v for k, v in given.properties.items() if k not in _COPIED_BY_THE_SDK},
        requests_per_second=rate,
        tags=body.tags,
        location=body.location or LOCATION,
    )


def show(record: EndpointRecord, here: Context, identities: Mapping[str, str]) -> dict[str, Any]:
    """The endpoint as GET shows it. identities: uids of user-assigned ones, by ARM id in lower case.

    No `compute`: the SDK would take it for a Kubernetes endpoint."""
    spec = record.spec
    base = here.settings.endpoint_url(record.name, here.base_url)
    properties: dict[str, Any] = {
        "description": spec.description,
        "authMode": spec.auth_mode.value,
        "traffic": dict(spec.traffic),
        "mirrorTraffic": dict(spec.mirror_traffic),
        "publicNetworkAccess": spec.public_network_access,
        "properties": dict(spec.properties),
        "keys": None,
        "provisioningState": shown_state(record),
        "scoringUri": f"{base}/score",
        "swaggerUri": f"{base}/swagger.json",
    }
    if spec.requests_per_second is not None:
        properties["requestsPerSecond"] = spec.requests_per_second
    if record.status.error is not None:
        properties["provisioningError"] = dict(record.status.error)
    return envelope(
        record,
        "workspaces/onlineEndpoints",
        properties,
        location=spec.location,
        kind="Managed",
        tags=dict(spec.tags),
        identity=_identity(record, here, identities),
    )


def _wanted_identity(given: IdentityBody) -> dict[str, Any]:
    if "UserAssigned" not in given.type:
        return {"type": given.type}
    return {"type": given.type, "userAssignedIdentities": sorted(given.user_assigned_identities or {})}


def _identity(record: EndpointRecord, here: Context, identities: Mapping[str, str]) -> dict[str, Any]:
    wanted = record.spec.identity
    identity: dict[str, Any] = {"type": wanted["type"]}
    if "SystemAssigned" in wanted["type"]:
        identity["principalId"] = principal_id_of(record.uid)
        identity["tenantId"] = here.access.tenant_id
    if "UserAssigned" in wanted["type"]:
        given = record.spec.identity_uids
        named = {each: given.get(each.lower()) for each in wanted["userAssignedIdentities"]}
        identity["userAssignedIdentities"] = {
            each: _ids(uid) if uid and identities.get(each.lower()) == uid else {} for each, uid in named.items()
        }
    return identity


def _ids(uid: str) -> dict[str, str]:
    return {"principalId": principal_id_of(uid), "clientId": client_id_of(uid)}


def _shares(given: Mapping[str, int] | None) -> dict[str, int]:
    return {name: share for name, share in (given or {}).items() if share}
