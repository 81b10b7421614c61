"""Who may do what, by REST: identities, principals, role definitions and assignments."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from flowstead.client.resources import Body, pages
from flowstead.client.session import Session
from flowstead.resources.role import AUTHORIZATION


class Principals:
    """Users and service principals; what reads shows those of identities too."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> Body:
        """By name, or by object or client id. Raises ResourceNotFound."""
        return dict(self._session.request("GET", self._path(name)).json())

    def all(self) -> list[Body]:
        return pages(self._session, self._path("").rstrip("/"))

    def put(self, name: str, kind: str) -> Body:
        """kind: User or ServicePrincipal. `clientSecret` is in the answer for a new one, this once."""
        return dict(self._session.request("PUT", self._path(name), body={"properties": {"type": kind}}).json())

    def delete(self, name: str) -> None:
        self._session.request("DELETE", self._path(name))

    def reset_secret(self, name: str) -> Body:
        """With its new `clientSecret`. Raises ResourceNotFound."""
        return dict(self._session.request("POST", f"{self._path(name)}/resetSecret").json())

    def revoke_tokens(self, name: str) -> Body:
        """Raises ResourceNotFound."""
        return dict(self._session.request("POST", f"{self._path(name)}/revokeTokens").json())

    def block(self, name: str, blocked: bool) -> Body:
        """Let it in no more, or again. Raises ResourceNotFound."""
        return dict(self._session.request("POST", f"{self._path(name)}/{'block' if blocked else 'unblock'}").json())

    def _path(self, name: str) -> str:
        return self._session.workspace.principal(quote(name, safe=""))


class RoleDefinitions:
    def __init__(self, session: Session) -> None:
        self._session = session

    def at(self, scope: str, *conditions: str) -> list[Body]:
        """Those that can be granted at the scope. conditions: as `$filter` has them."""
        return pages(self._session, _collection(scope, "roleDefinitions"), **_filter(conditions))

    def named(self, scope: str, name: str) -> list[Body]:
        """The one of that name, if it can be granted at the scope."""
        return self.at(scope, f"roleName eq '{_text(name)}'")

    def put(self, guid: str, properties: Body) -> Body:
        body = {"properties": properties}
        return dict(self._session.request("PUT", self._path(guid), body=body).json())

    def delete(self, guid: str) -> None:
        self._session.request("DELETE", self._path(guid))

    def _path(self, guid: str) -> str:
        return self._session.workspace.role_definition(quote(guid, safe=""))


class RoleAssignments:
    def __init__(self, session: Session) -> None:
        self._session = session

    def at(self, scope: str, principal_id: str = "") -> list[Body]:
        """Those at the scope, above it and below it. principal_id: of the one whose they are, "" for all."""
        asked = [f"principalId eq '{_text(principal_id)}'"] if principal_id else []
        return pages(self._session, _collection(scope, "roleAssignments"), **_filter(asked))

    def put(self, scope: str, guid: str, properties: Body) -> Body:
        """Raises RoleAssignmentExists, PrincipalNotFound, ResourceNotFound, AuthorizationFailed."""
        path = f"{_collection(scope, 'roleAssignments')}/{quote(guid, safe='')}"
        return dict(self._session.request("PUT", path, body={"properties": properties}).json())

    def delete(self, id: str) -> bool:
        """By its ARM id. False when there is none."""
        return self._session.request("DELETE", quote(id, safe="/")).status_code != 204


def _collection(scope: str, kind: str) -> str:
    return f"{quote(scope.rstrip('/'), safe='/')}/providers/{AUTHORIZATION}/{kind}"


def _filter(conditions: Sequence[str]) -> dict[str, str]:
    return {"$filter": " and ".join(conditions)} if conditions else {}


def _text(value: str) -> str:
    """Within the quotes of OData."""
    return value.replace("'", "''")
