"""What a client asks before it signs in: which cloud this is, whom to trust, and whether the server is well."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flowstead.api.context import Here, door_scheme
from flowstead.api.middleware import SOCKET_HOST
from flowstead.errors import ResourceNotFound

STORAGE_SUFFIX = "core.private"
router = APIRouter(tags=["discovery"])


@router.get("/health")
def server_health() -> dict[str, str]:
    """The server answers."""
    return {"status": "Healthy", "version": version("flowstead")}


@router.get("/ca.pem", response_class=Response)
def certificate_authority(here: Here) -> Response:
    """The certificate of the authority that signed the HTTPS door's, which clients are told to trust. Public, as
    certificates are; compare it with the file in the home before you trust it."""
    try:
        certificate = here.home.ca_certificate.read_bytes()
    except FileNotFoundError:
        raise ResourceNotFound("This server has no certificate authority of its own.") from None
    return Response(certificate, media_type="application/x-pem-file")


@router.get("/metadata/endpoints")
def cloud_metadata(request: Request, here: Here) -> list[dict[str, Any]]:
    """The cloud document that Azure's SDKs read.

    Its addresses repeat the host that the client used: the SDK takes the document only when `resourceManager`
    is a part of the URL that it fetched. The host is a known one, `middleware.KnownHosts` sees to that."""
    host = request.headers["host"]
    base = here.base_url
    if host != base.partition("://")[2] and host != SOCKET_HOST:
        base = f"{door_scheme(request)}://{host}"
    return [
        {
            "name": "AzurePrivate",
            # The SDK makes a suffix of what follows the second dot: three labels, no port.
            "portal": "https://portal.aml.private/",
            "resourceManager": f"{base}/",
            "authentication": {
                "loginEndpoint": base,
                "audiences": [base],
                "tenant": here.access.tenant_id,
                "identityProvider": "AAD",
            },
            "suffixes": {"storage": STORAGE_SUFFIX},
        }
    ]
