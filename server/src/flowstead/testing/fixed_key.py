"""A master key that a test chooses."""

from __future__ import annotations

from flowstead.store.keys import GivenKey


def fixed_key(key: bytes = b"k" * 32, *older: bytes) -> GivenKey:
    """older: others with which the database may have been written."""
    return GivenKey(lambda: key, "the test", "Choose another one.", older)
