"""The kinds of connection, with the fields, defaults and names that users' code knows from promptflow.

A connection is read by attribute (`c.api_base`), by key (`c["api_base"]`) or as a mapping (`dict(c)`, `**c`). Its repr
never shows a secret.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, Self

from flowstead_runtime.connections.entra import TOKENS, TokenProvider
from flowstead_runtime.connections.hiding import HIDDEN, SECRETS
from flowstead_runtime.errors import ConnectionInvalid

DEFAULT_AZURE_API_VERSION = "2024-02-01"
KEY, ENTRA = "key", "meid_token"
"""The values of `auth_mode`."""


class Connection:
    """A named address with secrets. configs: what may be shown; secrets: what may not."""

    TYPE: ClassVar[str] = ""
    """The short spelling used in connection files, for example `azure_open_ai`."""
    SECRETS: ClassVar[frozenset[str]] = frozenset({"api_key"})
    DEFAULTS: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    """Every field the type knows with its default, in the order in which they may be given without their names; what
    is not here is kept as it was given."""
    module: ClassVar[str] = "promptflow.connections"

    name: str
    configs: MutableMapping[str, Any]
    secrets: MutableMapping[str, Any]

    def __init__(self, *values: Any, name: str = "", **fields: Any) -> None:
        given = {**dict(zip(self.DEFAULTS, values, strict=False)), **fields}
        self._fill(name, {**self.DEFAULTS, **{key: value for key, value in given.items() if value is not None}})

    def _fill(self, name: str, values: Mapping[str, Any]) -> None:
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
        """promptflow's short name, for example `AzureOpenAI`."""
        return self.class_name.removesuffix("Connection")

    @property
    def class_name(self) -> str:
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


class EntraConnection(Connection):
    """A connection that may sign in with Entra ID in place of a key, `auth_mode: meid_token`. It then holds no key."""

    def __init__(self, *values: Any, token_provider: TokenProvider | None = None, **fields: Any) -> None:
        self._token_provider = token_provider
        super().__init__(*values, **fields)

    def _fill(self, name: str, values: Mapping[str, Any]) -> None:
        with_key = values.get("auth_mode") == KEY
        super()._fill(name, values if with_key else {key: item for key, item in values.items() if key != "api_key"})

    @property
    def signs_in(self) -> bool:
        return bool(self.get("auth_mode") != KEY)

    @property
    def api_key(self) -> Any:
        return None if self.signs_in else self.secrets.get("api_key")

    def get_token(self) -> str:
        """A bearer token for Azure's AI services. Blocks while one is fetched. Raises SignInFailed."""
        return self.token_provider.get_token()

    @property
    def token_provider(self) -> TokenProvider:
        """The one that was given, else that of this process's identity."""
        provider: TokenProvider | None = self._token_provider
        return provider or TOKENS


class AzureOpenAIConnection(EntraConnection):
    """api_base: the resource's endpoint; auth_mode: `key` or `meid_token`."""

    TYPE = "azure_open_ai"
    DEFAULTS = types.MappingProxyType(
        {
            "api_base": None,
            "api_key": None,
            "api_type": "azure",
            "api_version": DEFAULT_AZURE_API_VERSION,
            "auth_mode": KEY,
            "resource_id": None,
        }
    )

    @classmethod
    def from_env(cls, name: str = "") -> Self:
        """From AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and, where it is set, OPENAI_API_VERSION. Raises
        ConnectionInvalid."""
        base, key = _required(cls.__name__, "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY")
        return cls(api_base=base, api_key=key, api_version=os.environ.get("OPENAI_API_VERSION") or None, name=name)


class OpenAIConnection(Connection):
    """base_url: None for OpenAI itself, or any server that speaks its protocol."""

    TYPE = "open_ai"
    DEFAULTS = types.MappingProxyType({"api_key": None, "organization": None, "base_url": None})

    def _fill(self, name: str, values: Mapping[str, Any]) -> None:
        # Azure ML writes `_` for an address that was left empty.
        no_address = values.get("base_url") in ("", "_")
        super()._fill(name, {**values, "base_url": None} if no_address else values)

    @classmethod
    def from_env(cls, name: str = "") -> Self:
        """From OPENAI_API_KEY and, where they are set, OPENAI_BASE_URL and OPENAI_ORG_ID. Raises ConnectionInvalid."""
        (key,) = _required(cls.__name__, "OPENAI_API_KEY")
        base, organization = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_ORG_ID")
        return cls(api_key=key, base_url=base, organization=organization, name=name)


class ServerlessConnection(Connection):
    """A model deployed as a serverless API."""

    TYPE = "serverless"
    DEFAULTS = types.MappingProxyType({"api_key": None, "api_base": None})


class SerpConnection(Connection):
    TYPE = "serp"
    DEFAULTS = types.MappingProxyType({"api_key": None})


class CognitiveSearchConnection(EntraConnection):
    TYPE = "cognitive_search"
    DEFAULTS = types.MappingProxyType(
        {"api_base": None, "api_key": None, "api_version": "2023-11-01", "auth_mode": KEY}
    )


class AzureAIServicesConnection(EntraConnection):
    TYPE = "azure_ai_services"
    DEFAULTS = types.MappingProxyType({"endpoint": None, "api_key": None, "auth_mode": KEY})


class AzureContentSafetyConnection(Connection):
    TYPE = "azure_content_safety"
    DEFAULTS = types.MappingProxyType(
        {"api_key": None, "endpoint": None, "api_version": "2023-10-01", "api_type": "Content Safety"}
    )


class FormRecognizerConnection(AzureContentSafetyConnection):
    TYPE = "form_recognizer"
    DEFAULTS = types.MappingProxyType(
        {"api_key": None, "endpoint": None, "api_version": "2023-07-31", "api_type": "Form Recognizer"}
    )


class QdrantConnection(Connection):
    TYPE = "qdrant"
    DEFAULTS = types.MappingProxyType({"api_key": None, "api_base": None})
    module = "promptflow_vectordb.connections"


class WeaviateConnection(Connection):
    TYPE = "weaviate"
    DEFAULTS = types.MappingProxyType({"api_key": None, "api_base": None})
    module = "promptflow_vectordb.connections"


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
    its secrets. A value in the class is the field's default."""

    @classmethod
    def of(cls, connection: Connection) -> CustomStrongTypeConnection:
        """The same name and fields as `connection`, as this type."""
        return cls(configs=dict(connection.configs), secrets=dict(connection.secrets), name=connection.name)

    def __getattribute__(self, key: str) -> Any:
        # The class's defaults would hide the fields of the same name.
        if not key.startswith("_") and key in getattr(type(self), "__annotations__", {}):
            fields = object.__getattribute__(self, "__dict__")
            for part in ("secrets", "configs"):
                if key in fields.get(part, ()):
                    return fields[part][key]
        return super().__getattribute__(key)


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
    """The type for `azure_open_ai`, `AzureOpenAIConnection`, `AzureOpenAI` or another spelling of it."""
    return _BY_SPELLING.get(_spelling(written))


def _required(class_name: str, *variables: str) -> list[str]:
    values = [os.environ.get(variable) for variable in variables]
    if None in values:
        raise ConnectionInvalid(f"Required environment variables {[*variables]} to build {class_name} not set.")
    return [value for value in values if value is not None]


def _spelling(written: str) -> str:
    return written.lower().replace("_", "").replace("-", "").removesuffix("connection")


_BY_SPELLING = {_spelling(name): kind for kind in CONNECTION_TYPES for name in (kind.TYPE, kind.__name__)} | {
    # Categories of Azure ML that are called otherwise.
    "aiservices": AzureAIServicesConnection,
    "customkeys": CustomConnection,
}
