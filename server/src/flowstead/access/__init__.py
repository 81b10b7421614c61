"""Principals, tokens, roles, grants: who may do what."""

from flowstead.access.gate import Access, Grant

__all__ = ["Access", "Grant"]
