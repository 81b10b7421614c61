"""Which model to call, as flow code says it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from flowstead_runtime.connections.types import DEFAULT_AZURE_API_VERSION


@dataclass
class ModelConfiguration:
    """The base of both."""


@dataclass
class AzureOpenAIModelConfiguration(ModelConfiguration):
    azure_deployment: str
    azure_endpoint: str | None = None
    api_version: str | None = None
    api_key: str | None = field(default=None, repr=False)
    connection: str | None = None

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

    @classmethod
    def from_env(cls, model: str) -> OpenAIModelConfiguration:
        """From OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_ORG_ID."""
        return cls(
            model=model,
            base_url=os.environ.get("OPENAI_BASE_URL"),
            api_key=os.environ.get("OPENAI_API_KEY"),
            organization=os.environ.get("OPENAI_ORG_ID"),
        )
