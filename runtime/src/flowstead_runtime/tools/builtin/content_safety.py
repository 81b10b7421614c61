"""Azure AI Content Safety: may this text be answered?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from flowstead_runtime.connections.types import AzureContentSafetyConnection
from flowstead_runtime.errors import InternalFailure, ProviderFailed
from flowstead_runtime.tools.builtin.http import post
from flowstead_runtime.tools.decorator import tool


class TextCategorySensitivity(StrEnum):
    DISABLE = "disable"
    LOW_SENSITIVITY = "low_sensitivity"
    MEDIUM_SENSITIVITY = "medium_sensitivity"
    HIGH_SENSITIVITY = "high_sensitivity"


REJECTED_FROM: Mapping[str, int | None] = {
    TextCategorySensitivity.DISABLE: None,
    TextCategorySensitivity.LOW_SENSITIVITY: 6,
    TextCategorySensitivity.MEDIUM_SENSITIVITY: 4,
    TextCategorySensitivity.HIGH_SENSITIVITY: 2,
}
"""The least severity that is rejected, None for none."""

_CATEGORIES = ("Hate", "SelfHarm", "Sexual", "Violence")
_ACCEPT, _REJECT = "Accept", "Reject"


@tool
def analyze_text(
    connection: AzureContentSafetyConnection,
    text: str,
    hate_category: TextCategorySensitivity = TextCategorySensitivity.MEDIUM_SENSITIVITY,
    sexual_category: TextCategorySensitivity = TextCategorySensitivity.MEDIUM_SENSITIVITY,
    self_harm_category: TextCategorySensitivity = TextCategorySensitivity.MEDIUM_SENSITIVITY,
    violence_category: TextCategorySensitivity = TextCategorySensitivity.MEDIUM_SENSITIVITY,
) -> dict[str, Any]:
    """`{"suggested_action": "Accept" | "Reject", "action_by_category": {category: action}}`. Raises ProviderFailed."""
    sensitivities = (hate_category, self_harm_category, sexual_category, violence_category)
    wanted = dict(zip(_CATEGORIES, sensitivities, strict=True))
    for category, sensitivity in wanted.items():
        if sensitivity not in REJECTED_FROM:
            raise ProviderFailed(f"{category}: '{sensitivity}' is no sensitivity.", "AzureContentSafetyInputValueError")
    found = _detect(connection, text)
    severities = _severities(found)
    actions = {}
    for category, sensitivity in wanted.items():
        if category not in severities:
            raise InternalFailure(f"Content safety said nothing of {category}.")
        limit = REJECTED_FROM[sensitivity]
        actions[category] = _REJECT if limit is not None and severities[category] >= limit else _ACCEPT
    rejected = _REJECT in actions.values() or bool(found.get("blocklistsMatch") or found.get("blocklistsMatchResults"))
    return {"suggested_action": _REJECT if rejected else _ACCEPT, "action_by_category": actions}


def _detect(connection: AzureContentSafetyConnection, text: str) -> dict[str, Any]:
    url = f"{connection.endpoint.rstrip('/')}/contentsafety/text:analyze?api-version={connection.api_version}"
    headers = {"Ocp-Apim-Subscription-Key": connection.api_key}
    status, answer = post(url, {"text": text, "blocklistNames": []}, headers)
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if status != 200 or not isinstance(found, dict):
        message = f"Content safety answered {status}: {answer[:500]}"
        raise (
            InternalFailure(message) if status >= 500 else ProviderFailed(message, "AzureContentSafetyInputValueError")
        )
    return found


def _severities(found: Mapping[str, Any]) -> dict[str, int]:
    """By category: in `categoriesAnalysis` since the first stable version, in a field of its own before."""
    if "categoriesAnalysis" in found:
        return {each["category"]: each["severity"] for each in found["categoriesAnalysis"]}
    fields = {
        "Hate": "hateResult",
        "SelfHarm": "selfHarmResult",
        "Sexual": "sexualResult",
        "Violence": "violenceResult",
    }
    return {category: found[field]["severity"] for category, field in fields.items() if field in found}
