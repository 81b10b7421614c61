"""Principals, tokens, grants: `allowed(principal, action, scope)`."""
