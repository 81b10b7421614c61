"""Which of an autoscale setting's profiles counts when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flowstead.resources.autoscale import FixedDate, Profile, Recurrence
from flowstead.resources.time_zones import zone_named

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEK = timedelta(days=7)


def active_profile(profiles: Sequence[Profile], now: datetime) -> Profile | None:
    """The first with a fixed date that is now; else of those that recur the one that began last; else the first of the
    others. None when all have dates, and none is now."""
    for each in profiles:
        if each.fixed_date is not None and _is_now(each.fixed_date, now):
            return each
    began = [(_began(each.recurrence, now), each) for each in profiles if each.recurrence is not None]
    if began:
        return max(began, key=lambda pair: pair[0])[1]
    return next((each for each in profiles if each.fixed_date is None), None)


def _is_now(fixed: FixedDate, now: datetime) -> bool:
    zone = _zone(fixed.time_zone)
    return moment_in(fixed.start, zone) <= now <= moment_in(fixed.end, zone)


def moment_in(text: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 as FixedDate has it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None or text.upper().endswith("Z") else moment


def _began(recurrence: Recurrence, now: datetime) -> datetime:
    """When it began last: now or within the week before."""
    zone = _zone(recurrence.time_zone)
    here = now.astimezone(zone)
    starts = []
    for day in recurrence.days:
        date = here.date() - timedelta(days=(here.weekday() - DAYS.index(day)) % 7)
        for hour in recurrence.hours or (0,):
            for minute in recurrence.minutes or (0,):
                start = datetime(date.year, date.month, date.day, hour, minute, tzinfo=zone)
                starts.append(start if start <= now else start - _WEEK)
    return max(starts, key=lambda each: each.astimezone(now.tzinfo))


def _zone(name: str) -> ZoneInfo:
    return zone_named(name) or ZoneInfo("UTC")
