"""Who endpoints are, and what their deployments use: each table read once, however many endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowstead.resources.identity import EndpointIdentity, UsedConnection, principal_id_of
from flowstead.resources.principal import Principal
from flowstead.store.records import ConnectionRecord, DeploymentRecord, EndpointRecord, IdentityRecord, Kind

if TYPE_CHECKING:
    from flowstead.store.reading import Reading


class Identities:
    """As of one transaction."""

    def __init__(self, tx: Reading) -> None:
        self.principals: Sequence[Principal] = tx.principals.all()
        self.granted_elsewhere = tx.principals.granted_elsewhere()
        self._by_id: Mapping[str, Principal] = {
            each.object_id: replace(each, grants=()) if each.blocked else each for each in self.principals
        }
        """Who is blocked may nothing."""
        self._assigned: Mapping[str, IdentityRecord] = {each.id.lower(): each for each in tx.list(Kind.IDENTITY)}
        self._connections: Mapping[str, ConnectionRecord] = {each.id.lower(): each for each in tx.list(Kind.CONNECTION)}

    def identity(self, endpoint: EndpointRecord) -> EndpointIdentity:
        """Who the endpoint is: of several user-assigned identities the first. One that was made anew under the name
        is not it: nobody has given that one to the endpoint."""
        named: Sequence[str] = endpoint.spec.identity.get("userAssignedIdentities") or ()
        if not named:
            given = "SystemAssigned" in endpoint.spec.identity["type"]
            return EndpointIdentity("", self._by_id.get(principal_id_of(endpoint.uid)) if given else None)
        record = self._assigned.get(named[0].lower())
        if record is not None and record.uid != endpoint.spec.identity_uids.get(named[0].lower()):
            record = None
        principal = None if record is None else self._by_id.get(principal_id_of(record.uid))
        application = None if record is None else record.spec.application
        return EndpointIdentity(named[0], principal, user_assigned=True, application=application)

    def connections(self, deployment: DeploymentRecord) -> Sequence[UsedConnection]:
        """Those that it uses and that exist."""
        workspace = deployment.parent_id.rpartition("/onlineEndpoints/")[0]
        ids = dict.fromkeys(f"{workspace}/connections/{use.connection}".lower() for use in deployment.spec.connections)
        return [_used(self._connections[id]) for id in ids if id in self._connections]


def _used(record: ConnectionRecord) -> UsedConnection:
    spec = record.spec
    named = next((value for key, value in spec.metadata.items() if key.lower() == "resourceid" and value), None)
    return UsedConnection(record.id, record.name, spec.category, spec.auth_type, str(named or record.id))
