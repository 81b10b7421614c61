"""Tokens that open endpoints, as they are answered."""

from __future__ import annotations

from typing import Any

from flowstead.access.tokens import Token


def show_token(token: Token) -> dict[str, Any]:
    """In Azure's shape; times are seconds since 1970."""
    return {
        "accessToken": token.text,
        "expiryTimeUtc": token.expires_at,
        "refreshAfterTimeUtc": token.issued_at + (token.expires_at - token.issued_at) * 3 // 4,
        "tokenType": "Bearer",
    }
