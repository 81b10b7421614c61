"""Milliseconds and seconds of Azure ML YAML → ISO 8601 durations of REST bodies."""

from __future__ import annotations


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
