"""Connection: a named address with secrets, which flows use by its name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CREDENTIAL_PREFIX = "credentials."
"""What a credential's name begins with in the secrets table: `credentials.key`, `credentials.keys.NAME`."""
_KEYS = "keys."

AUTH_TYPES = (
    "ApiKey",
    "CustomKeys",
    "AAD",
    "None",
    "PAT",
    "SAS",
    "AccountKey",
    "AccessKey",
    "UsernamePassword",
    "ServicePrincipal",
    "ManagedIdentity",
    "AccountManagedIdentity",
    "OAuth2",
)
"""Azure's names for them. Flows know the first four; with others a workspace keeps what its flows do not use."""
NO_TARGET = "_"
"""What Azure shows as the target of a connection that leads nowhere, and takes for none."""
_TARGET_MAY_BE_NULL = ("openai", "serp")
"""The SDK loads no connection of another category without one, nor a list in which it is."""
WITHOUT_SECRET = frozenset({"AAD", "None", "ManagedIdentity", "AccountManagedIdentity"})
AUTH_MODE = "auth_mode"
BY_KEY, BY_ENTRA = "key", "meid_token"
"""The values of `auth_mode`, by which prompt flow says what Azure ML calls the authType: ApiKey, and AAD."""
_WITH_AUTH_MODE = ("azureopenai", "cognitivesearch", "aiservices")
"""Of other categories it may be anything, as a custom connection's config is."""

_ALIASES = {
    "azureaisearch": "cognitivesearch",
    "aisearch": "cognitivesearch",
    "custom": "customkeys",
    "azureaiservices": "aiservices",
    "cognitiveservices": "cognitiveservice",
    "azurecontentsafety": "contentsafety",
    "azureformrecognizer": "formrecognizer",
    "azurespeechservices": "speech",
}
_OF_COGNITIVE_SERVICE = {"contentsafety", "formrecognizer", "speech"}
"""Azure keeps these as `CognitiveService`, with their name in the metadata's `Kind`."""


@dataclass(frozen=True)
class ConnectionSpec:
    """What everybody who sees the connection may see. category, auth_type, metadata: as they were given.
    credentials: the names of its secrets, whose values are in the secrets table under `credentials.NAME`: `key`, or
    `keys.NAME` for one of several custom keys. target: None for a category that has one of its own, or needs none."""

    category: str
    auth_type: str = "None"
    target: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    is_shared_to_all: bool = True
    expiry_time: str | None = None


_LEADS_NOWHERE = frozenset({"apiversion", "apitype", "organization"})
"""Metadata of which no part of an address is made. Of a custom connection the rest are configs, and may be one; of
others, they say of what type it is and to which resource it leads."""


def what_leads_elsewhere(before: ConnectionSpec, after: ConnectionSpec) -> list[str]:
    """What differs of where its credentials are sent and how; nothing while they have the same use."""
    changed = {
        "target": before.target != after.target,
        "category": before.category.lower() != after.category.lower(),
        "authType": before.auth_type != after.auth_type,
        "metadata": _leading(before.metadata) != _leading(after.metadata),
    }
    return [name for name, is_another in changed.items() if is_another]


def _leading(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {name: value for name, value in metadata.items() if value is not None}
    return {name: value for name, value in kept.items() if name.lower() not in _LEADS_NOWHERE}


def credential_names(credentials: Mapping[str, Any]) -> dict[str, str]:
    """`{"key": …, "keys": {"pin": …}}` → `{"key": …, "keys.pin": …}`."""
    flat = {name: value for name, value in credentials.items() if isinstance(value, str)}
    keys = credentials.get("keys")
    if isinstance(keys, Mapping):
        flat |= {f"{_KEYS}{name}": value for name, value in keys.items() if isinstance(value, str)}
    return flat


def credentials_of(secrets: Mapping[str, str]) -> dict[str, Any]:
    """The wire's form of what the secrets table holds of a connection."""
    named = {
        name.removeprefix(CREDENTIAL_PREFIX): value
        for name, value in secrets.items()
        if name.startswith(CREDENTIAL_PREFIX)
    }
    keys = {name.removeprefix(_KEYS): value for name, value in named.items() if name.startswith(_KEYS)}
    single = {name: value for name, value in named.items() if not name.startswith(_KEYS)}
    return {**single, "keys": keys} if keys else single


def document(name: str, spec: ConnectionSpec, secrets: Mapping[str, str]) -> str:
    """The connection with its secrets, as JSON in Azure ML's form, which the runtime reads."""
    properties = {
        "category": spec.category,
        "authType": spec.auth_type,
        "target": spec.target,
        "metadata": dict(spec.metadata),
        "credentials": credentials_of(secrets),
    }
    return json.dumps({"name": name, "properties": properties}, ensure_ascii=False, sort_keys=True)


def auth_mode_of(category: str, metadata: Mapping[str, Any]) -> str | None:
    """What the metadata says of how it signs in, as it is written; None when nothing does."""
    if _spelling(category) not in _WITH_AUTH_MODE or metadata.get(AUTH_MODE) is None:
        return None
    return str(metadata[AUTH_MODE])


def shown_target(spec: ConnectionSpec) -> str | None:
    return spec.target or (None if _spelling(spec.category) in _TARGET_MAY_BE_NULL else NO_TARGET)


def is_of_category(spec: ConnectionSpec, wanted: str) -> bool:
    """Whether a filter by category lets it through: no regard to case, `_` and `-`, and by other names for it too."""
    stored, asked = _spelling(spec.category), _spelling(wanted)
    if stored == "cognitiveservice" and asked in _OF_COGNITIVE_SERVICE:
        kinds = (value for key, value in spec.metadata.items() if key.lower() == "kind")
        return any(_spelling(str(kind)) == asked for kind in kinds)
    return stored == asked


def auth_type_named(written: str) -> str | None:
    """Azure's spelling of it, whatever its case; None when there is no such type."""
    return _named(written, AUTH_TYPES)


def _named(written: str, known: Iterable[str]) -> str | None:
    return next((each for each in known if each.lower() == written.lower()), None)


def _spelling(category: str) -> str:
    plain = category.lower().replace("_", "").replace("-", "").replace(" ", "")
    return _ALIASES.get(plain, plain)
