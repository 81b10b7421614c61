"""Points in time that a query names."""

from __future__ import annotations

from datetime import UTC, datetime

from flowstead.errors import BadArgument
from flowstead.resources.clock import iso


def to_moment(given: str, name: str) -> str:
    """A query's time as the store writes times; without an offset it is UTC's. "" stays. Raises BadArgument."""
    if not given:
        return ""
    try:
        # A `+` that was not escaped arrives as a blank.
        moment = datetime.fromisoformat(given.strip().replace(" ", "+" if "T" in given else "T", 1))
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise BadArgument(
            f"{name}={given[:40]} is no point in time.", hint="Write it as in 2026-11-25T12:00:00Z.", target=name
        ) from None
