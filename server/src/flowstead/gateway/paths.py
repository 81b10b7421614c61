"""Which paths are the endpoints' and which of them are forwarded. Pure."""

from __future__ import annotations

ENDPOINTS_PREFIX = "/endpoints/"

INSTANCE_PATHS = ("score", "feedback", "swagger.json", "health", "version")
"""What callers may reach in an instance; nothing else of it is forwarded."""

PIN_HEADER = "azureml-model-deployment"
"""In a request: the deployment that must answer, past the split. In an answer: the one that did."""

CLIENT_HEADER = "x-flowstead-client"
"""What opened the door: the key, `primary` or `secondary`, or whose token. Set by the gateway, never taken from a
caller."""

MIRROR_PATH_HEADER = "x-flowstead-mirror-path"
"""From the gateway's route to the mirror's cluster: the path on which the mirror scores. Nobody else sees it, and it is
never taken from a caller."""

BROWSER_HEADERS = ("cookie", "x-csrf-token")
"""In which a browser that is signed in to this server proves it; no instance sees them."""

ORIGIN_WIDE_HEADERS = (
    "set-cookie",
    "clear-site-data",
    "strict-transport-security",
    "service-worker-allowed",
    "alt-svc",
    "nel",
    "report-to",
    "reporting-endpoints",
    "accept-ch",
    "origin-agent-cluster",
    "refresh",
    "www-authenticate",
    "location",
    "link",
    "speculation-rules",
    "set-login",
    "use-as-dictionary",
    "critical-ch",
    CLIENT_HEADER,
)
"""In an answer: orders to a browser about all that shares the instance's origin, which is the server's, or to go
elsewhere, and what only the gateway says. It gets none of them from a flow. Who may read an answer (`access-control-…`)
is the flow's to say: it is for the holder of a key."""

REQUEST_ID, CLIENT_REQUEST_ID = "x-request-id", "x-ms-client-request-id"

STOPPED = "/stopped"
"""What the names of routes end with that lead to a deployment which is stopped."""
API_ROUTE = "api"
"""The name of the route to the API."""

METADATA = "flowstead"
"""Under which routes and hosts say what they belong to."""


def endpoint_prefix(endpoint: str) -> str:
    return f"{ENDPOINTS_PREFIX}{endpoint}/"
