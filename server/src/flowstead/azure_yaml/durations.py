"""Milliseconds and seconds of Azure ML YAML, and the ISO 8601 durations of REST bodies."""

from __future__ import annotations

import re

_DURATION = re.compile(r"P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_SECONDS = (86400.0, 3600.0, 60.0, 1.0)


def from_milliseconds(milliseconds: int) -> str:
    """90000 → `PT1M30S`, 500 → `PT0.5S`, 0 → `PT0S`."""
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if rest or not (hours or minutes):
        parts.append(f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "S")
    return "PT" + "".join(parts)


def from_seconds(seconds: int) -> str:
    """90 → `PT1M30S`."""
    return from_milliseconds(seconds * 1000)


def to_seconds(duration: str) -> float:
    """`PT1M30S` → 90.0. Raises ValueError."""
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        raise ValueError(f"not an ISO 8601 duration: {duration}")
    return sum(float(value) * unit for value, unit in zip(match.groups(), _SECONDS, strict=True) if value)
