"""The kinds of connection, with the fields and names that users' code knows from promptflow.

A connection is read by attribute (`c.api_base`), by key (`c["api_base"]`) or as a mapping (`dict(c)`, `**c`). Its repr
never shows a secret.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

from flowstead_runtime.connections.hiding import HIDDEN, SECRETS

DEFAULT_AZURE_API_VERSION = "2024-02-01"


class Connection:
    """A named address with secrets. configs: what may be shown; secrets: what may not."""

    TYPE: ClassVar[str] = ""
    """The short spelling used in connection files, for example `azure_open_ai`."""
    SECRETS: ClassVar[frozenset[str]] = frozenset({"api_key"})
    DEFAULTS: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    """Every field the type knows with its default; what is not here is kept as it was given."""

    name: str
    configs: MutableMapping[str, Any]
    secrets: MutableMapping[str, Any]

    def __init__(self, name: str = "", **fields: Any) -> None:
        values = {**self.DEFAULTS, **{key: value for key, value in fields.items() if value is not None}}
        self._set(
            name,
            configs={key: value for key, value in values.items() if key not in self.SECRETS},
            secrets={key: value for key, value in values.items() if key in self.SECRETS},
        )

    def _set(self, name: str, *, configs: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        vars(self).update(name=name, configs=dict(configs), secrets=dict(secrets))
        SECRETS.learn(secrets.values())

    @property
    def type(self) -> str:
        return type(self).__name__

    def keys(self) -> list[str]:
        return [*self.configs, *self.secrets]

    def items(self) -> list[tuple[str, Any]]:
        return [*self.configs.items(), *self.secrets.items()]

    def get(self, key: str, default: Any = None) -> Any:
        return dict(self.items()).get(key, default)

    def is_secret(self, key: str) -> bool:
        return key in self.secrets

    def __getitem__(self, key: str) -> Any:
        return self.secrets[key] if key in self.secrets else self.configs[key]

    def __contains__(self, key: object) -> bool:
        return key in self.secrets or key in self.configs

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.configs) + len(self.secrets)

    def __getattr__(self, key: str) -> Any:
        # Only reached for names that are not attributes. Dunders are asked for by copy and pickle before __init__ ran.
        if not key.startswith("__") and "configs" in vars(self) and key in self:
            return self[key]
        raise AttributeError(f"{type(self).__name__} '{vars(self).get('name', '')}' has no field '{key}'")

    def __setattr__(self, key: str, value: Any) -> None:
        if key in ("name", "configs", "secrets") or key.startswith("_"):
            vars(self)[key] = value
        elif key in self.SECRETS or key in self.secrets:
            self.secrets[key] = value
        else:
            self.configs[key] = value

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Connection)
            and type(self) is type(other)
            and (self.name, self.configs, self.secrets) == (other.name, other.configs, other.secrets)
        )

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        shown = {**self.configs, **dict.fromkeys(self.secrets, HIDDEN)}
        return f"{type(self).__name__}(name={self.name!r}, {', '.join(f'{k}={v!r}' for k, v in shown.items())})"


class AzureOpenAIConnection(Connection):
    """api_base: the resource's endpoint; auth_mode: `key` or `meid_token`."""

    TYPE = "azure_open_ai"
    DEFAULTS = types.MappingProxyType(
        {
            "api_key": "",
            "api_base": "",
            "api_type": "azure",
            "api_version": DEFAULT_AZURE_API_VERSION,
            "auth_mode": "key",
            "resource_id": None,
        }
    )


class OpenAIConnection(Connection):
    """base_url: None for OpenAI itself, or any server that speaks its protocol."""

    TYPE = "open_ai"
    DEFAULTS = types.MappingProxyType({"api_key": "", "organization": None, "base_url": None})


class ServerlessConnection(Connection):
    """A model deployed as a serverless API."""

    TYPE = "serverless"
    DEFAULTS = types.MappingProxyType({"api_key": "", "api_base": ""})


class SerpConnection(Connection):
    TYPE = "serp"
    DEFAULTS = types.MappingProxyType({"api_key": ""})


class CognitiveSearchConnection(Connection):
    TYPE = "cognitive_search"
    DEFAULTS = types.MappingProxyType(
        {"api_key": "", "api_base": "", "api_version": "2023-07-01-Preview", "auth_mode": "key"}
    )


class AzureAIServicesConnection(Connection):
    TYPE = "azure_ai_services"
    DEFAULTS = types.MappingProxyType({"api_key": "", "endpoint": "", "auth_mode": "key"})


class AzureContentSafetyConnection(Connection):
    TYPE = "azure_content_safety"
    DEFAULTS = types.MappingProxyType(
        {"api_key": "", "endpoint": "", "api_version": "2023-10-01", "api_type": "Content Safety"}
    )


class FormRecognizerConnection(Connection):
    TYPE = "form_recognizer"
    DEFAULTS = types.MappingProxyType(
        {"api_key": "", "endpoint": "", "api_version": "2023-07-31", "api_type": "Form Recognizer"}
    )


class QdrantConnection(Connection):
    TYPE = "qdrant"
    DEFAULTS = types.MappingProxyType({"api_key": "", "api_base": ""})


class WeaviateConnection(Connection):
    TYPE = "weaviate"
    DEFAULTS = types.MappingProxyType({"api_key": "", "api_base": ""})


class CustomConnection(Connection):
    """Any fields; which of them are secret is told when it is made."""

    TYPE = "custom"
    SECRETS = frozenset()

    def __init__(
        self,
        secrets: Mapping[str, Any] | None = None,
        configs: Mapping[str, Any] | None = None,
        name: str = "",
        **_: Any,
    ) -> None:
        self._set(name, configs=configs or {}, secrets=secrets or {})


class CustomStrongTypeConnection(CustomConnection):
    """The base of a user's own class: its annotated fields are the connection's keys, those of type `Secret`
    its secrets."""

    @classmethod
    def of(cls, connection: Connection) -> CustomStrongTypeConnection:
        """The same name and fields as `connection`, as this type."""
        return cls(configs=dict(connection.configs), secrets=dict(connection.secrets), name=connection.name)


CONNECTION_TYPES: tuple[type[Connection], ...] = (
    AzureOpenAIConnection,
    OpenAIConnection,
    ServerlessConnection,
    SerpConnection,
    CognitiveSearchConnection,
    AzureAIServicesConnection,
    AzureContentSafetyConnection,
    FormRecognizerConnection,
    QdrantConnection,
    WeaviateConnection,
    CustomConnection,
)


def type_named(written: str) -> type[Connection] | None:
    """The type for `azure_open_ai`, `AzureOpenAIConnection` or another spelling of it."""
    return _BY_SPELLING.get(_spelling(written))


def _spelling(written: str) -> str:
    return written.lower().replace("_", "").replace("-", "").removesuffix("connection")


_BY_SPELLING = {_spelling(kind.TYPE): kind for kind in CONNECTION_TYPES} | {
    _spelling(kind.__name__): kind for kind in CONNECTION_TYPES
}
