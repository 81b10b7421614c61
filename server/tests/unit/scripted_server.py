"""A server that keeps what it is sent and gives it back, for the commands whose requests are looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import httpx

from flowstead.client import FlowsteadClient, Session
from flowstead.client.credentials import Credentials

URL = "http://127.0.0.1:8080"
WORKSPACE = Credentials(URL, "tenant", "client", "the-secret").workspace
_CONTAINER = "/wsstore.blob.core.private/azureml"
Refusal = Callable[[str, str, Any], httpx.Response | None]


class ScriptedServer:
    """puts: (path below the workspace, body) in their order. resources: by path. blobs: path in the container →
    content. matches: If-Match of each PUT to an endpoint or deployment. refuse: may answer in the server's place."""

    def __init__(self, refuse: Refusal = lambda method, path, body: None) -> None:
        self.puts: list[tuple[str, Any]] = []
        self.resources: dict[str, Any] = {}
        self.blobs: dict[str, bytes] = {}
        self.blob_sizes: dict[str, int] = {}
        """Of those that say that they have another one than they have."""
        self.matches: list[str] = []
        self.refuse = refuse

    def client(self) -> FlowsteadClient:
        transport = httpx.MockTransport(self._answer)
        return FlowsteadClient(
            Session(httpx.Client(transport=transport, base_url=URL), Credentials(URL, "t", "c", "s"))
        )

    def put(self, path: str) -> Any:
        """The body of the one PUT to the path."""
        (body,) = [body for where, body in self.puts if where == path]
        return body

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/t/oauth2/v2.0/token":
            return httpx.Response(200, json={"access_token": "a token", "expires_in": 3600})
        if path.startswith((_CONTAINER, "/code/place")):
            return self._blob(request, path.removeprefix(_CONTAINER).lstrip("/"))
        below = path.removeprefix(f"{WORKSPACE.path}/")
        body = json.loads(request.content) if request.content else None
        if request.method == "PUT" and below.startswith("onlineEndpoints/"):
            self.matches.append(request.headers.get("If-Match", ""))
        refused = self.refuse(request.method, below, body)
        return refused or getattr(self, f"_{request.method.lower()}")(below, body)

    def _put(self, path: str, body: Any) -> httpx.Response:
        self.puts.append((path, body))
        shown = {"id": f"{WORKSPACE.path}/{path}", "name": path.rpartition("/")[2], **body}
        self.resources[path] = shown
        return httpx.Response(201, json=shown)

    def _patch(self, path: str, body: Any) -> httpx.Response:
        properties = {**self.resources[path]["properties"], **body["properties"]}
        return self._put(path, {"properties": properties})

    def _get(self, path: str, body: Any) -> httpx.Response:
        if path == "datastores/workspaceblobstore":
            account = {"accountName": "127.0.0.1:8080/wsstore", "containerName": "azureml", "endpoint": "core.private"}
            return httpx.Response(200, json={"properties": account})
        if path in self.resources:
            return httpx.Response(200, json=self.resources[path], headers={"ETag": '"read"'})
        below = [each for where, each in self.resources.items() if where.rpartition("/")[0] == path]
        if below or path.rpartition("/")[2] in ("versions", "deployments", "connections"):
            return httpx.Response(200, json={"value": below})
        error = {"code": "ResourceNotFound", "message": f"There is no {path}.\nCheck the name."}
        return httpx.Response(404, json={"error": error})

    def _delete(self, path: str, body: Any) -> httpx.Response:
        del self.resources[path]
        return httpx.Response(200)

    def _post(self, path: str, body: Any) -> httpx.Response:
        if path.endswith("/listKeys"):
            return httpx.Response(200, json={"primaryKey": "first", "secondaryKey": "second"})
        if path.endswith("/token"):
            return httpx.Response(200, json={"accessToken": "of the endpoint", "expiryTimeUtc": 1})
        if path.endswith("/listSecrets"):
            return httpx.Response(200, json={"sasToken": "sv=1&sig=s"})
        if path.endswith("/startPendingUpload"):
            place = f"{URL}/code/place"
            credential = {"credentialType": "SAS", "sasUri": f"{place}?sig=code"}
            return httpx.Response(
                200, json={"blobReferenceForConsumption": {"blobUri": place, "credential": credential}}
            )
        if path.endswith("/listsecrets"):
            return self._get(path.removesuffix("/listsecrets"), None)
        return httpx.Response(404, json={"error": {"code": "UnknownRoute", "message": path}})

    def _blob(self, request: httpx.Request, name: str) -> httpx.Response:
        if request.url.params.get("comp") == "list":
            names = "".join(
                f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{self.blob_sizes.get(name, len(blob))}"
                "</Content-Length></Properties></Blob>"
                for name, blob in self.blobs.items()
            )
            return httpx.Response(200, text=f"<EnumerationResults><Blobs>{names}</Blobs></EnumerationResults>")
        if request.method == "PUT":
            if not request.url.params.get("comp"):
                self.blobs[name] = request.read()
            return httpx.Response(201)
        if name not in self.blobs:
            return httpx.Response(404)
        return httpx.Response(200, content=self.blobs[name])
