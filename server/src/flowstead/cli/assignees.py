"""`--assignee`: from what a person knows of a principal to its object id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowstead.client import FlowsteadClient
from flowstead.errors import AuthorizationFailed, BadArgument, PrincipalNotFound, ResourceNotFound

Body = dict[str, Any]
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def object_id(client: FlowsteadClient, written: str) -> str:
    """Of a user, a service principal, an endpoint's own identity or a user-assigned identity, by name, object id,
    client id or ARM id. Raises PrincipalNotFound, BadArgument for a name that several have, and AuthorizationFailed
    when the caller may not know whether there is one."""
    wanted = written.lower()
    refusal = None
    try:
        known = client.principals.all()
    except AuthorizationFailed as refused:
        known, refusal = list(_readable(client, written)), refused
    found = [each for each in known if wanted in _ways_to_say(each)]
    ids = {str(each["properties"]["principalId"]) for each in found}
    if len(ids) > 1:
        told = "; ".join(f"{_described(each)} has the object id {each['properties']['principalId']}" for each in found)
        raise BadArgument(f"Several principals go by {written!r}: {told}.", hint="Add --assignee-object-id with one.")
    if not ids and refusal is not None:
        raise refusal
    if not ids:
        raise PrincipalNotFound(f"No user, service principal, endpoint or identity goes by {written!r}.")
    return ids.pop()


def checked_guid(written: str) -> str:
    """In lower case, as object ids are. Raises BadArgument."""
    if not GUID.fullmatch(written.lower()):
        raise BadArgument(
            f"--assignee-object-id {written!r} is not a GUID.", hint="To name somebody, use --assignee NAME."
        )
    return written.lower()


def principal_names(client: FlowsteadClient) -> dict[str, str]:
    """Object id → name; {} for a caller who may not know."""
    try:
        return {each["properties"]["principalId"]: each["name"] for each in client.principals.all()}
    except AuthorizationFailed:
        return {}


def _readable(client: FlowsteadClient, name: str) -> Iterator[Body]:
    """For a caller who may not list them: the endpoint and the identity of that name."""
    for collection, part in ((client.endpoints, "identity"), (client.identities, "properties")):
        try:
            body = collection.get(name)
        except (AuthorizationFailed, ResourceNotFound):
            continue
        if (body.get(part) or {}).get("principalId"):
            yield {"name": body["name"], "properties": {**body[part], "resourceId": body["id"]}}


def _ways_to_say(principal: Body) -> set[str]:
    properties = principal["properties"]
    ways = (principal["name"], properties["principalId"], properties.get("clientId"), properties.get("resourceId"))
    return {str(each).lower() for each in ways if each}


def _described(principal: Body) -> str:
    owner = str(principal["properties"].get("resourceId") or "")
    kind = "the endpoint" if "/onlineendpoints/" in owner.lower() else "the identity" if owner else "the principal"
    return f"{kind} {principal['name']}"
