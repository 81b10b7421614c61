"""The `promptflow.*` names that users' code imports, served by an import hook when the real package is absent."""

from flowstead_runtime.promptflow_api.hook import install
from flowstead_runtime.tools.clients import use_connections

__all__ = ["install", "use_connections"]
