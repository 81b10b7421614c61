"""The HTTP client of the management API."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flowstead.client.operations import Operation, Progress
from flowstead.client.resources import Deployments, Endpoints, Models
from flowstead.client.scoring import Answer, invoke
from flowstead.client.session import Session
from flowstead.client.uploads import upload
from flowstead.resources.home import Home

__all__ = ["Answer", "FlowsteadClient", "Operation", "Progress", "Session", "invoke"]


class FlowsteadClient:
    """All of the API that the command line needs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.endpoints = Endpoints(session)
        self.deployments = Deployments(session)
        self.models = Models(session)

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

    def register(
        self, name: str, folder: Path, properties: dict[str, Any], *, version: str | None = None
    ) -> dict[str, Any]:
        """Upload a folder and register it as the next version, or the given one. Returns the model version.

        Raises BadArgument, UploadRefused, ImmutableAsset."""
        uri = upload(self.session, folder)
        chosen = version or self.models.next_version(name)
        return self.models.put(name, chosen, {**properties, "modelUri": uri})

    def register_anonymous(self, folder: Path, properties: dict[str, Any]) -> dict[str, Any]:
        """Upload a folder and register it without a name of its own: its content is its name, and lists leave it out.

        Equal content is registered once."""
        uri = upload(self.session, folder)
        name = uri.partition("/LocalUpload/")[2].partition("/")[0]
        return self.models.put(name, "1", {**properties, "modelUri": uri, "isAnonymous": True})
