"""What exists, by REST: one small class a kind. Bodies are ARM's, as they come and go on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from flowstead.client.operations import Operation
from flowstead.client.session import Session
from flowstead.errors import ResourceNotFound

Body = dict[str, Any]


class OfGroup:
    """A kind of which the resource group, or the workspace, has some by their names: its PUT, PATCH and DELETE are done
    when they are answered."""

    def __init__(self, session: Session, path: Callable[[str], str]) -> None:
        """path: name → ARM id."""
        self._session, self._path_of = session, path

    def get(self, name: str) -> Body:
        """Raises ResourceNotFound."""
        return dict(self._session.request("GET", self._path(name)).json())

    def all(self) -> list[Body]:
        return pages(self._session, self._path("").rstrip("/"))

    def put(self, name: str, body: Body) -> Body:
        return dict(self._session.request("PUT", self._path(name), body=body).json())

    def change(self, name: str, body: Body) -> Body:
        """What the body does not name stays. Raises ResourceNotFound."""
        return dict(self._session.request("PATCH", self._path(name), body=body).json())

    def delete(self, name: str) -> None:
        self._session.request("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return self._path_of(quote(name, safe=""))


class Endpoints:
    """Names were checked, or the server refuses them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def path(self, name: str) -> str:
        return self._session.workspace.endpoint(quote(name, safe=""))

    def get(self, name: str) -> Body:
        """Its `etag` is that of the answer. Raises ResourceNotFound."""
        return _with_etag(self._session.request("GET", self.path(name)))

    def find(self, name: str) -> Body | None:
        try:
            return self.get(name)
        except ResourceNotFound:
            return None

    def all(self) -> list[Body]:
        return pages(self._session, f"{self._session.workspace.path}/onlineEndpoints")

    def put(self, name: str, body: Body, *, if_match: str = "") -> Operation:
        """if_match: the `etag` that it must still have. Raises PreconditionFailed."""
        answer = self._session.request("PUT", self.path(name), body=body, if_match=if_match)
        return Operation(self._session, answer)

    def delete(self, name: str) -> Operation:
        return Operation(self._session, self._session.request("DELETE", self.path(name)))

    def keys(self, name: str) -> Body:
        """`{"primaryKey", "secondaryKey"}`."""
        return dict(self._session.request("POST", f"{self.path(name)}/listKeys").json())

    def token(self, name: str) -> Body:
        """`{"accessToken", "expiryTimeUtc", …}`, for endpoints with authMode AMLToken."""
        return dict(self._session.request("POST", f"{self.path(name)}/token").json())

    def regenerate_key(self, name: str, key_type: str, value: str = "") -> Operation:
        """key_type: Primary or Secondary; value: the new key, "" to have one made."""
        body = {"keyType": key_type, **({"keyValue": value} if value else {})}
        return Operation(self._session, self._session.request("POST", f"{self.path(name)}/regenerateKeys", body=body))


class Deployments:
    def __init__(self, session: Session) -> None:
        self._session = session

    def path(self, endpoint: str, name: str) -> str:
        return self._session.workspace.deployment(quote(endpoint, safe=""), quote(name, safe=""))

    def get(self, endpoint: str, name: str) -> Body:
        """Its `etag` is that of the answer. Raises ResourceNotFound."""
        return _with_etag(self._session.request("GET", self.path(endpoint, name)))

    def find(self, endpoint: str, name: str) -> Body | None:
        try:
            return self.get(endpoint, name)
        except ResourceNotFound:
            return None

    def all(self, endpoint: str) -> list[Body]:
        return pages(self._session, f"{self._session.workspace.endpoint(quote(endpoint, safe=''))}/deployments")

    def put(self, endpoint: str, name: str, body: Body, *, if_match: str = "") -> Operation:
        """if_match: the `etag` that it must still have. Raises PreconditionFailed."""
        answer = self._session.request("PUT", self.path(endpoint, name), body=body, if_match=if_match)
        return Operation(self._session, answer)

    def delete(self, endpoint: str, name: str) -> Operation:
        return Operation(self._session, self._session.request("DELETE", self.path(endpoint, name)))

    def stop(self, endpoint: str, name: str) -> Operation:
        """It gives up its instances and keeps all else."""
        return Operation(self._session, self._session.request("POST", f"{self.path(endpoint, name)}/stop"))

    def start(self, endpoint: str, name: str) -> Operation:
        """Raises OutOfQuota when others have taken its cores meanwhile."""
        return Operation(self._session, self._session.request("POST", f"{self.path(endpoint, name)}/start"))

    def revisions(self, endpoint: str, name: str) -> list[Body]:
        """Newest first."""
        return pages(self._session, f"{self.path(endpoint, name)}/revisions")

    def roll_back(self, endpoint: str, name: str, revision: str | None = None) -> Operation:
        """revision: a number or a name, None for the one that served before the present one."""
        body = {} if revision is None else {"revision": revision}
        return Operation(
            self._session, self._session.request("POST", f"{self.path(endpoint, name)}/rollback", body=body)
        )

    def logs(self, endpoint: str, name: str, *, lines: int, container: str, instance: str = "") -> str:
        """container: InferenceServer or StorageInitializer. instance: of which alone, "" for all."""
        body = {"containerType": container, "tail": lines, **({"instanceId": instance} if instance else {})}
        answer = self._session.request("POST", f"{self.path(endpoint, name)}/getLogs", body=body)
        return str(answer.json()["content"])

    def follow_logs(
        self, endpoint: str, name: str, *, lines: int, container: str, instance: str = ""
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """(name of the log, its lines): the last ones, then each that is written, until the deployment is deleted."""
        query = {"containerType": container, "tail": str(lines), **({"instanceId": instance} if instance else {})}
        for event, content in self._session.events(f"{self.path(endpoint, name)}/followLogs", query=query):
            if event == "log":
                yield str(content["log"]), list(content["lines"])


class Assets:
    """Models, environments or data assets: containers of versions. segment: of the path, as in `models`."""

    def __init__(self, session: Session, segment: str) -> None:
        self._session, self._segment = session, segment

    def get(self, name: str, version: str) -> Body:
        """A version. Raises ResourceNotFound."""
        return dict(self._session.request("GET", self.path(name, version)).json())

    def container(self, name: str) -> Body:
        """What the versions have in common. Raises ResourceNotFound."""
        return dict(self._session.request("GET", self.path(name)).json())

    def latest(self, name: str) -> Body:
        """The newest version. Raises ResourceNotFound."""
        query = {"$orderBy": "createdtime desc", "$top": "1"}
        found = self._session.request("GET", f"{self.path(name)}/versions", **query).json()["value"]
        if not found:
            raise ResourceNotFound(f"There is no version of {name!r} in the workspace's {self._segment}.")
        return dict(found[0])

    def next_version(self, name: str) -> str:
        """The version that the next registration gets; "1" for a new name."""
        try:
            return str(self.container(name)["properties"]["nextVersion"])
        except ResourceNotFound:
            return "1"

    def all(self, view: str = "ActiveOnly") -> list[Body]:
        """The containers. view: ActiveOnly, ArchivedOnly or All."""
        return pages(self._session, f"{self._session.workspace.path}/{self._segment}", listViewType=view)

    def versions(self, name: str, view: str = "ActiveOnly") -> list[Body]:
        return pages(self._session, f"{self.path(name)}/versions", listViewType=view)

    def put(self, name: str, version: str, properties: Body) -> Body:
        body = {"properties": properties}
        return dict(self._session.request("PUT", self.path(name, version), body=body).json())

    def archive(self, name: str, version: str | None, archived: bool) -> None:
        """Archive or restore a version, or, without one, the whole container."""
        path = self.path(name, version)
        properties = dict(self._session.request("GET", path).json()["properties"])
        if version is None:
            properties = {key: properties.get(key) or {} for key in ("tags", "properties")}
        self._session.request("PUT", path, body={"properties": {**properties, "isArchived": archived}})

    def delete(self, name: str, version: str) -> None:
        self._session.request("DELETE", self.path(name, version))

    def path(self, name: str, version: str | None = None) -> str:
        container = f"{self._session.workspace.path}/{self._segment}/{quote(name, safe='')}"
        return container if version is None else f"{container}/versions/{quote(version, safe='')}"


class Models(Assets):
    def __init__(self, session: Session) -> None:
        super().__init__(session, "models")

    def connections_named(self, id: str) -> list[str]:
        """The connections that the flow of a version names in its files. id: the version's. Raises FlowInvalid and
        ResourceNotFound."""
        flow = self._session.request("GET", f"{quote(id, safe='/')}/flow").json()
        return [str(each["name"]) for each in flow["properties"]["connections"]]


class Connections(OfGroup):
    """The workspace's. What reads shows no secrets, and a change keeps those that it does not name."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, lambda name: f"{session.workspace.path}/connections/{name}")

    def with_secrets(self, name: str) -> Body:
        """Raises ResourceNotFound, and AuthorizationFailed for a caller who may not read them."""
        return dict(self._session.request("POST", f"{self._path(name)}/listsecrets").json())

    def all(self, category: str = "") -> list[Body]:
        return pages(self._session, self._path("").rstrip("/"), **({"category": category} if category else {}))


class Workspaces:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str = "") -> Body:
        """The one of that name, or the session's own. Raises ResourceNotFound."""
        here = self._session.workspace
        return dict(self._session.request("GET", replace(here, name=name or here.name).path).json())

    def all(self) -> list[Body]:
        return pages(self._session, self._session.workspace.path.rpartition("/")[0])


def _with_etag(answer: httpx.Response) -> Body:
    return {**answer.json(), "etag": answer.headers.get("ETag", "")}


class AuditRecords:
    def __init__(self, session: Session) -> None:
        self._session = session

    def newest(self, count: int, **wanted: str) -> list[Body]:
        """So many at most, newest first. wanted: resource, principal, action, outcome, since, until; "" asks for
        nothing."""
        query = {name: value for name, value in wanted.items() if value}
        return pages(self._session, f"{self._session.workspace.path}/auditRecords", count, **query)


def pages(session: Session, path: str, most: int | None = None, /, **query: str) -> list[Body]:
    """All items of a collection, or the first ones, following nextLink."""
    items: list[Body] = []
    while True:
        answer = session.request("GET", path, **query).json()
        items += answer["value"]
        if not answer.get("nextLink") or (most is not None and len(items) >= most):
            return items[:most]
        following = urlsplit(answer["nextLink"])
        path = following.path
        query = dict(parse_qsl(following.query))
