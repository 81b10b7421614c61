"""Asking an endpoint: with what, and what its answer means."""

from __future__ import annotations

import json
from typing import Any

from flowstead.client import Answer, FlowsteadClient
from flowstead.errors import CommandFailed
from flowstead.resources.endpoint import AuthMode

_SCORING_AUDIENCE = "https://ml.azure.com"
"""Whom the token of a caller is for, as Azure ML's clients ask for it."""
_NEXT = {
    401: "`flowstead online-endpoint get-credentials --name {name}` prints what opens it.",
    404: "`flowstead online-endpoint show --name {name}` shows its deployments and the split.",
    408: "Raise request_settings.request_timeout_ms of the deployment, or mend what is slow.",
    413: "Send less in one request.",
    424: "Mend the flow or the request. The flow's log: "
    "flowstead online-deployment get-logs --endpoint-name {name} --name {deployment}",
    429: "Send fewer requests at once, or add instances.",
    500: "The deployment's log says why its instance ended: "
    "flowstead online-deployment get-logs --endpoint-name {name} --name {deployment}",
    503: "`flowstead status` shows the instances.",
}


def credential_of(client: FlowsteadClient, endpoint: dict[str, Any]) -> str:
    """What opens the endpoint: its primary key, or a token, by its mode."""
    credentials = credentials_of(client, endpoint)
    return str(credentials.get("primaryKey") or credentials["accessToken"])


def credentials_of(client: FlowsteadClient, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Both keys, a token of the endpoint's own, or one of the caller's, by the endpoint's mode."""
    mode = AuthMode(endpoint["properties"]["authMode"])
    if mode is AuthMode.KEY:
        return client.endpoints.keys(endpoint["name"])
    if mode is AuthMode.AML_TOKEN:
        return client.endpoints.token(endpoint["name"])
    return {"accessToken": client.session.token(_SCORING_AUDIENCE), "tokenType": "Bearer"}


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
