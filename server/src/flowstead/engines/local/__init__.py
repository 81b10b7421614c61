"""Instances as local processes, each under a supervisor of its own."""

from flowstead.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
