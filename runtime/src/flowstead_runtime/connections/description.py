"""A connection as files, variables and services describe it, and its fields.

Three forms are understood: a `type` with the fields beside it (`configs` and `secrets` for a custom one), promptflow's
`{"type", "value", "secret_keys"}`, and Azure ML's `{"properties": {"category", "target", "credentials", "metadata"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime.connections.types import (
    CONNECTION_TYPES,
    ENTRA,
    Connection,
    CustomConnection,
    type_named,
)
from flowstead_runtime.errors import ConnectionInvalid

_ABOUT = ("type", "name", "module", "secret_keys", "$schema", "custom_type", "package", "package_version")
_OF_STRONG_TYPE = ("custom_type", "module", "package", "package_version")
"""What promptflow keeps of a user's own class, among the configs and with this prefix."""
_STRONG_PREFIX = "promptflow.connection."
STRONG_TYPE = f"{_STRONG_PREFIX}custom_type"
"""The config of a custom connection that names the user's own class."""
_FLOW_PREFIX = "azureml.flow."

COGNITIVE_SERVICE = "CognitiveService"
_CATEGORIES: Mapping[str, str] = {
    "azureopenai": "AzureOpenAI",
    "openai": "OpenAI",
    "serverless": "Serverless",
    "serp": "Serp",
    "cognitivesearch": "CognitiveSearch",
    "azureaisearch": "CognitiveSearch",
    "aiservices": "AzureAIServices",
    "azureaiservices": "AzureAIServices",
    "cognitiveservice": COGNITIVE_SERVICE,
    "cognitiveservices": COGNITIVE_SERVICE,
    "contentsafety": "AzureContentSafety",
    "azurecontentsafety": "AzureContentSafety",
    "formrecognizer": "FormRecognizer",
    "qdrant": "Qdrant",
    "weaviate": "Weaviate",
    "apikey": "Custom",
    "customkeys": "Custom",
    "custom": "Custom",
}
"""Azure ML's categories, without regard to case, `_`, `-` and blanks → the type. Metadata may name another one."""
_KINDS: Mapping[str, str] = {"contentsafety": "AzureContentSafety", "formrecognizer": "FormRecognizer"}
"""What the `Kind` in a cognitive service's metadata says."""
_CUSTOM = frozenset({"customkeys", "custom"})


@dataclass(frozen=True)
class Description:
    """fields: those that are given; secret: which of them are secret, where the type does not say that itself."""

    kind: type[Connection]
    fields: Mapping[str, Any]
    secret: frozenset[str] = frozenset()

    def make(self, name: str, fields: Mapping[str, Any]) -> Connection:
        """The connection, with these in place of its own fields."""
        if self.kind is not CustomConnection:
            return self.kind(name=name, **fields)
        return CustomConnection(
            name=name,
            configs={key: value for key, value in fields.items() if key not in self.secret},
            secrets={key: value for key, value in fields.items() if key in self.secret},
        )

    def is_secret(self, field: str) -> bool:
        return field in self.secret or field in self.kind.SECRETS


def describe(name: str, raw: Mapping[str, Any]) -> Description:
    """Raises ConnectionInvalid."""
    properties = raw.get("properties")
    if isinstance(properties, Mapping) and "category" in properties:
        return _of_azure_ml(name, properties)
    kind = _kind(name, raw.get("type"))
    value = raw.get("value")
    fields = dict(value) if isinstance(value, Mapping) else {k: v for k, v in raw.items() if k not in _ABOUT}
    if kind is not CustomConnection:
        return Description(kind, {str(key): item for key, item in fields.items() if key != "name"})
    configs, secrets = _part(fields, "configs"), _part(fields, "secrets")
    about = {f"{_STRONG_PREFIX}{key}": raw[key] for key in _OF_STRONG_TYPE if raw.get("custom_type") and raw.get(key)}
    return Description(kind, {**configs, **secrets, **fields, **about}, frozenset(secrets) | _names(raw, "secret_keys"))


def _of_azure_ml(name: str, properties: Mapping[str, Any]) -> Description:
    """As Azure ML's REST API says it, and hands it over in a variable."""
    category, metadata = str(properties["category"]), _mapping(properties.get("metadata"))
    kind = _kind(name, _any_case(metadata, f"{_FLOW_PREFIX}connection_type") or _type_of(category, metadata))
    credentials, target = _mapping(properties.get("credentials")), properties.get("target")
    if kind is CustomConnection:
        return _custom(credentials, metadata, target, of_keys=_plain(category) in _CUSTOM)
    signs_in = str(properties.get("authType", "")).lower() == "aad"
    found = {
        "api_key": None if signs_in else credentials.get("key"),
        "auth_mode": ENTRA if signs_in else _any_case(metadata, "auth_mode"),
        "api_base": target,
        "base_url": target,
        "endpoint": target,
        "api_type": _any_case(metadata, "apitype"),
        "api_version": _any_case(metadata, "apiversion"),
        "resource_id": _any_case(metadata, "resourceid"),
        "organization": _any_case(metadata, "organization"),
    }
    if _plain(category) in _CUSTOM:
        # A type that Azure ML has no category for: its fields are spelt as they are called.
        found |= {**_described(metadata), **_mapping(credentials.get("keys"))}
    return Description(kind, {key: item for key, item in found.items() if item and key in kind.DEFAULTS})


def _custom(credentials: Mapping[str, Any], metadata: Mapping[str, Any], target: Any, *, of_keys: bool) -> Description:
    """Keys of any name are the secrets and the metadata the configs; where there is one key alone it is `api_key`, and
    the address `api_base`."""
    keys = dict(_mapping(credentials.get("keys")))
    configs = _described(metadata)
    if not of_keys or "key" in credentials:
        keys = {**({"api_key": credentials["key"]} if credentials.get("key") else {}), **keys}
        configs = {**({"api_base": target} if target else {}), **configs}
    return Description(CustomConnection, {**configs, **keys}, frozenset(keys))


def _described(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the metadata says of the connection itself."""
    return {key: item for key, item in metadata.items() if not str(key).startswith(_FLOW_PREFIX)}


def _type_of(category: str, metadata: Mapping[str, Any]) -> str:
    """The type by Azure ML's name for the category, whatever its case."""
    known = _CATEGORIES.get(_plain(category), category)
    if known != COGNITIVE_SERVICE:
        return known
    kind = str(_any_case(metadata, "kind"))
    return _KINDS.get(_plain(kind), kind)


def _kind(name: str, written: Any) -> type[Connection]:
    kind = type_named(written) if isinstance(written, str) else None
    if kind is None:
        known = ", ".join(each.TYPE for each in CONNECTION_TYPES)
        raise ConnectionInvalid(f"Connection '{name}' has the unknown type '{written}'; it is one of {known}.")
    return kind


def _plain(written: str) -> str:
    return written.lower().replace("_", "").replace("-", "").replace(" ", "")


def _any_case(metadata: Mapping[str, Any], wanted: str) -> Any:
    return next((value for key, value in metadata.items() if str(key).lower() == wanted), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _part(fields: dict[str, Any], key: str) -> Mapping[str, Any]:
    """Takes `configs` or `secrets` out of the fields, when it is a part and no field of that name."""
    return fields.pop(key) if isinstance(fields.get(key), Mapping) else {}


def _names(raw: Mapping[str, Any], key: str) -> frozenset[str]:
    value = raw.get(key)
    return frozenset(str(each) for each in value) if isinstance(value, list) else frozenset()
