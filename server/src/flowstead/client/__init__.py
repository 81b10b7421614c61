"""The HTTP client of the management API."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flowstead.client.access import Principals, RoleAssignments, RoleDefinitions
from flowstead.client.codes import Codes
from flowstead.client.downloads import download
from flowstead.client.flows import Flows
from flowstead.client.operations import Operation, Progress
from flowstead.client.resources import (
    Assets,
    AuditRecords,
    Connections,
    Deployments,
    Endpoints,
    Models,
    OfGroup,
    Workspaces,
    pages,
)
from flowstead.client.scoring import Answer, invoke
from flowstead.client.session import Session
from flowstead.client.uploads import Uploaded, upload
from flowstead.resources.home import Home

__all__ = ["Answer", "Assets", "FlowsteadClient", "Operation", "Progress", "Session", "invoke"]


class FlowsteadClient:
    """All of the API that the command line needs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.endpoints = Endpoints(session)
        self.deployments = Deployments(session)
        self.models = Models(session)
        self.environments = Assets(session, "environments")
        self.data = Assets(session, "data")
        self.codes = Codes(session)
        self.connections = Connections(session)
        self.flows = Flows(session)
        self.workspaces = Workspaces(session)
        self.audit_records = AuditRecords(session)
        self.identities = OfGroup(session, session.workspace.identity)
        self.autoscale_settings = OfGroup(session, session.workspace.autoscale_setting)
        self.principals = Principals(session)
        self.role_definitions = RoleDefinitions(session)
        self.role_assignments = RoleAssignments(session)

    @classmethod
    def of(cls, home: Home) -> FlowsteadClient:
        """To the server that this home was logged in to, else to its own. Raises ServerNotRunning."""
        return cls(Session.of(home))

    @classmethod
    def local(cls, home: Home) -> FlowsteadClient:
        """To the server of this home. Raises ServerNotRunning."""
        return cls(Session.local(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.__exit__(kind, error, trace)

    def upload(self, path: Path) -> Uploaded:
        """Send a folder or a file. Raises BadArgument, PayloadTooLarge, UploadRefused."""
        return upload(self.session, path)

    def download(self, uri: str, folder: Path) -> list[Path]:
        """Fetch what was uploaded. Raises BadArgument, CommandFailed."""
        return download(self.session, uri, folder)

    def deployments_of_all(self) -> list[dict[str, Any]]:
        """The deployments of all endpoints: their state, how many of their instances are ready."""
        return pages(self.session, f"{self.session.workspace.path}/onlineDeployments")

    def cores(self) -> tuple[float, float]:
        """How many cores all deployments take with the upgrade reserve, and how many they may take."""
        rows = pages(self.session, f"{self.session.workspace.path}/usage")
        cores = next(row for row in rows if row["name"]["value"] == "cores")
        return cores["currentValue"], cores["limit"]

    def collect_garbage(self, *, dry_run: bool) -> dict[str, Any]:
        """Remove files that nothing uses, or only say which: `{"value": [{"kind", "name", "size"}, …], "bytes"}`."""
        path = f"{self.session.workspace.path}/garbageCollection"
        return dict(self.session.request("POST", path, dryRun=str(dry_run).lower()).json())

    def master_key(self) -> dict[str, Any]:
        """`{"keyId", "source", "rotatedAt", "secrets", "finished"}`; never the key."""
        return dict(self.session.request("GET", f"{self.session.workspace.path}/masterKey").json())

    def rotate_master_key(self) -> dict[str, Any]:
        """Seal everything under another key; answers as `master_key`. Raises ResourceConflict, HostProblem."""
        return dict(self.session.request("POST", f"{self.session.workspace.path}/rotateMasterKey").json())

    def issuer_keys(self) -> dict[str, Any]:
        """`{"issuer", "keyId", "since", "rotatesAt", "former": [{"keyId", "until"}]}`."""
        return dict(self.session.request("GET", f"{self._access}/issuerKeys").json())

    def rotate_issuer_key(self, *, end_tokens: bool) -> dict[str, Any]:
        """Sign tokens with a new key; answers as `issuer_keys`. end_tokens: those that are there end at once."""
        body = {"endTokens": end_tokens}
        return dict(self.session.request("POST", f"{self._access}/rotateIssuerKey", body=body).json())

    @property
    def _access(self) -> str:
        return f"{self.session.workspace.subscription_path}/providers/Flowstead.Access"

    def sign_in_link(self) -> str:
        """A link that signs a browser in as whom this client is, once, within ten minutes."""
        return str(self.session.request("POST", "/signin/links").json()["url"])

    def register(
        self, name: str, path: Path, properties: dict[str, Any], *, version: str | None = None
    ) -> dict[str, Any]:
        """Upload a folder and register it as the next version of a model, or the given one. Returns the model version.

        Raises BadArgument, UploadRefused, ImmutableAsset."""
        uri = self.upload(path).uri
        return self.models.put(name, version or self.models.next_version(name), {**properties, "modelUri": uri})

    def register_anonymous(self, path: Path, properties: dict[str, Any]) -> dict[str, Any]:
        """Upload a folder and register it as a model without a name of its own: its content is its name, and lists
        leave it out.

        Equal content is registered once."""
        uploaded = self.upload(path)
        anonymous = {**properties, "modelUri": uploaded.uri, "isAnonymous": True}
        return self.models.put(uploaded.content, "1", anonymous)
