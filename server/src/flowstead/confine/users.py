"""Numbers of users that nobody has, for code that must not run as the server's user. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

_FIRST = 700_000_000
_COUNT = 1_000_000_000
"""Above the numbers of people and of containers, below 2³¹; so many that two homes on one machine will not meet."""


def number_for(name: str) -> int:
    """The same for the same name; of a user or a group."""
    return _FIRST + int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _COUNT


def own_user(name: str, taken: Collection[int]) -> int:
    """One that is not taken."""
    user = number_for(name)
    while user in taken:
        user = _FIRST + (user + 1 - _FIRST) % _COUNT
    return user
