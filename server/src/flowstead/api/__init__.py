"""The REST API in Azure ML's shape: one module a resource."""

from flowstead.api.application import create_app

__all__ = ["create_app"]
