"""Which model to call, as flow code says it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any

from flowstead_runtime.connections.sources import ConnectionSource
from flowstead_runtime.connections.types import (
    DEFAULT_AZURE_API_VERSION,
    AzureOpenAIConnection,
    Connection,
    OpenAIConnection,
)
from flowstead_runtime.errors import ConnectionInvalid


@dataclass
class ModelConfiguration:
    """The base of both."""

    def _refuse_both(self, connection: str | None, fields: list[str | None]) -> None:
        if connection and any(fields):
            raise ValueError("a model configuration names a connection or the address and key themselves, not both")


@dataclass
class AzureOpenAIModelConfiguration(ModelConfiguration):
    azure_deployment: str
    azure_endpoint: str | None = None
    api_version: str | None = None
    api_key: str | None = field(default=None, repr=False)
    connection: str | None = None

    def __post_init__(self) -> None:
        self._refuse_both(self.connection, [self.azure_endpoint, self.api_key, self.api_version])

    @classmethod
    def from_connection(cls, connection: Connection, azure_deployment: str) -> AzureOpenAIModelConfiguration:
        """The connection's address and key, written out."""
        return cls(
            azure_deployment=azure_deployment,
            azure_endpoint=connection.api_base,
            api_version=connection.api_version,
            api_key=connection.api_key,
        )

    @classmethod
    def from_env(cls, azure_deployment: str) -> AzureOpenAIModelConfiguration:
        """From AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY and OPENAI_API_VERSION."""
        return cls(
            azure_deployment=azure_deployment,
            azure_endpoint=os.environ.get("AZURE_OPENAI_ENDPOINT"),
            api_version=os.environ.get("OPENAI_API_VERSION", DEFAULT_AZURE_API_VERSION),
            api_key=os.environ.get("AZURE_OPENAI_API_KEY"),
        )


@dataclass
class OpenAIModelConfiguration(ModelConfiguration):
    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    connection: str | None = None

    def __post_init__(self) -> None:
        self._refuse_both(self.connection, [self.base_url, self.api_key, self.organization])

    @classmethod
    def from_connection(cls, connection: Connection, model: str) -> OpenAIModelConfiguration:
        """The connection's address and key, written out."""
        return cls(
            model=model,
            base_url=connection.base_url,
            api_key=connection.api_key,
            organization=connection.organization,
        )

    @classmethod
    def from_env(cls, model: str) -> OpenAIModelConfiguration:
        """From OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_ORG_ID."""
        return cls(
            model=model,
            base_url=os.environ.get("OPENAI_BASE_URL"),
            api_key=os.environ.get("OPENAI_API_KEY"),
            organization=os.environ.get("OPENAI_ORG_ID"),
        )


def with_connection(made: Any, source: ConnectionSource) -> Any:
    """A model configuration that names a connection, as one that has the connection's fields. Raises
    ConnectionInvalid."""
    connection = source.get(made.connection)
    wanted_kind = AzureOpenAIConnection if hasattr(made, "azure_endpoint") else OpenAIConnection
    if not isinstance(connection, wanted_kind):
        raise ConnectionInvalid(
            f"A {type(made).__name__} takes an {wanted_kind.__name__}, but '{made.connection}' is of the type "
            f"{connection.class_name}."
        )
    names = {"azure_endpoint": "api_base"} if hasattr(made, "azure_endpoint") else {}
    wanted = [name for name in vars(made) if name in _ADDRESS]
    return replace(made, connection=None, **{name: connection.get(names.get(name, name)) for name in wanted})


_ADDRESS = ("azure_endpoint", "api_version", "api_key", "base_url", "organization")
