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

REQUEST_ID, CLIENT_REQUEST_ID = "x-request-id", "x-ms-client-request-id"

API_ROUTE = "api"
"""The name of the route to the API."""

METADATA = "flowstead"
"""Under which routes and hosts say what they belong to."""


def endpoint_prefix(endpoint: str) -> str:
    return f"{ENDPOINTS_PREFIX}{endpoint}/"
