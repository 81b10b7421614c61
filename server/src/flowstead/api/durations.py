"""ISO 8601 durations, as the API's bodies carry them, and seconds."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
_MAX_CHARACTERS = 64


def to_seconds(text: str) -> float:
    """`PT1M30S` → 90.0. Years, months and weeks are not taken: they are no fixed time or nobody's time-out.
    To the millisecond, as `to_duration` says it again. Raises ValueError."""
    match = _DURATION.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    parts = {} if match is None else {name: value for name, value in match.groupdict().items() if value}
    if not parts or text.endswith("T"):
        raise ValueError("not an ISO 8601 duration such as PT5S or PT1M30S")
    return round(sum(float(value) * _SECONDS[name] for name, value in parts.items()), 3)


def to_duration(seconds: float) -> str:
    """90.0 → `PT1M30S`, 0.5 → `PT0.5S`; to the millisecond."""
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    text = "".join(f"{count}{letter}" for count, letter in ((hours, "H"), (minutes, "M")) if count)
    if rest or not text:
        text += f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "S"
    return "PT" + text
