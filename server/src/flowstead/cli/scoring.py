"""Asking an endpoint: with what, and what its answer means."""

from __future__ import annotations

import json
from typing import Any

from flowstead.client import Answer, FlowsteadClient
from flowstead.errors import CommandFailed

_NEXT = {
    401: "`flowstead online-endpoint get-credentials --name {name}` prints the keys.",
    404: "`flowstead online-endpoint show --name {name}` shows its deployments and the split.",
    408: "Raise request_settings.request_timeout_ms of the deployment, or mend what is slow.",
    413: "Send less in one request.",
    424: "Mend the flow or the request. The flow's log: "
    "flowstead online-deployment get-logs --endpoint-name {name} --name {deployment}",
    429: "Send fewer requests at once, or add instances.",
    503: "`flowstead status` shows the instances.",
}


def credential_of(client: FlowsteadClient, endpoint: dict[str, Any]) -> str:
    """What opens the endpoint: its primary key, or a token, by its mode."""
    mode = str(endpoint["properties"]["authMode"]).lower()
    if mode == "key":
        return str(client.endpoints.keys(endpoint["name"])["primaryKey"])
    return str(client.endpoints.token(endpoint["name"])["accessToken"])


def check_answer(answer: Answer, endpoint: str) -> Answer:
    """The answer, when it is one. Raises CommandFailed with status, reason and next step."""
    if answer.ok:
        return answer
    said = _message(answer.text)
    inner = f" (the flow itself: {answer.model_status})" if answer.model_status else ""
    hint = _NEXT.get(answer.status, "`flowstead status` shows what runs.")
    raise CommandFailed(
        f"The endpoint {endpoint} answered {answer.status}{inner}: {said}",
        hint=hint.format(name=endpoint, deployment=answer.deployment or "DEPLOYMENT"),
    )


def _message(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return text.strip() or "nothing"
