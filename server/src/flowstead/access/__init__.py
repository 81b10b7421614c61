"""Principals, tokens, roles, grants: who may do what."""

from flowstead.access.gate import Access

__all__ = ["Access"]
