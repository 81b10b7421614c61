"""Time zones by the names that Azure has for them, which are Windows', or by those of the IANA."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

_BY_WINDOWS = {name.lower(): zone for name, zone in win_tz.items()}


def zone_named(name: str) -> ZoneInfo | None:
    """`Pacific Standard Time` or `Europe/Berlin`; None for a name that is none."""
    try:
        return ZoneInfo(_BY_WINDOWS.get(name.strip().lower(), name.strip()))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
