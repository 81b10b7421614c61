"""Calling an endpoint as its users do: through the gateway, with the key."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpx

from flowstead.errors import ServerUnreachable

_ANSWER_S = 310.0
"""A little more than the longest request time-out of a deployment (300 s), seconds."""


@dataclass(frozen=True)
class Answer:
    """What the scoring URL said. deployment: which one answered; model_status: the flow's own status when it failed
    (`ms-azureml-model-error-statuscode`)."""

    status: int
    text: str
    deployment: str
    model_status: str

    @property
    def ok(self) -> bool:
        return self.status in (200, 201)


def invoke(uri: str, key: str, body: bytes, *, deployment: str = "", trust: ssl.SSLContext | None = None) -> Answer:
    """POST the body, JSON text. deployment: to be asked, whatever the split. trust: what an https certificate is
    checked against, the system's authorities unless given. Raises ServerUnreachable."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if deployment:
        headers["azureml-model-deployment"] = deployment
    try:
        timeout = httpx.Timeout(_ANSWER_S, connect=5.0)
        answer = httpx.post(uri, content=body, headers=headers, timeout=timeout, verify=trust or True)
    except httpx.HTTPError as failure:
        raise ServerUnreachable(
            f"{uri} does not answer: {failure or type(failure).__name__}.", hint="`flowstead status` shows what runs."
        ) from failure
    return Answer(
        answer.status_code,
        answer.text,
        answer.headers.get("azureml-model-deployment", ""),
        answer.headers.get("ms-azureml-model-error-statuscode", ""),
    )
