"""Which profile counts when, by the clocks of its time zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowstead.resources.autoscale import FixedDate, Profile, Recurrence
from flowstead.resources.autoscale_profiles import active_profile
from flowstead.resources.time_zones import zone_named

BERLIN, PACIFIC = "W. Europe Standard Time", "Pacific Standard Time"


def profile(name: str, when: FixedDate | Recurrence | None = None) -> Profile:
    fixed = when if isinstance(when, FixedDate) else None
    return Profile(name, 1, 2, 1, (), fixed, when if isinstance(when, Recurrence) else None)


def active(profiles: list[Profile], now: str) -> str | None:
    found = active_profile(profiles, datetime.fromisoformat(now).replace(tzinfo=UTC))
    return found.name if found is not None else None


WEEK = [
    profile("default"),
    profile("weekend", Recurrence(("Saturday",), (0,), (1,), BERLIN)),
    profile("weekdays", Recurrence(("Monday",), (4,), (0,), BERLIN)),
]


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-27T23:00:59", "weekdays"),
        ("2026-11-27T23:01:00", "weekend"),
        ("2026-11-29T12:00:00", "weekend"),
        ("2026-11-30T02:59:59", "weekend"),
        ("2026-11-30T03:00:00", "weekdays"),
        ("2026-12-02T12:00:00", "weekdays"),
        ("2026-07-31T22:00:59", "weekdays"),  # in summer it is Saturday two hours before it is in UTC
        ("2026-07-31T22:01:00", "weekend"),
    ],
)
def test_one_that_recurs_lasts_until_the_next_begins(now: str, name: str) -> None:
    assert active(WEEK, now) == name


def test_a_profile_of_each_day_and_what_ends_it() -> None:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    office = [
        profile("office", Recurrence(days, (9,), (30,), PACIFIC)),
        profile('{"name": "default", "for": "office"}', Recurrence(days, (18,), (0,), PACIFIC)),
    ]
    assert active(office, "2026-12-01T17:29:00") == '{"name": "default", "for": "office"}'
    assert active(office, "2026-12-01T17:30:00") == "office"
    assert active(office, "2026-12-02T02:00:00") == '{"name": "default", "for": "office"}'


def test_without_hours_it_begins_with_the_day() -> None:
    week = [profile("weekend", Recurrence(("Saturday", "Sunday"), time_zone="UTC")), *WEEK[2:]]
    assert active(week, "2026-11-28T00:00:00") == "weekend"
    assert active(week, "2026-11-27T23:59:59") == "weekdays"


def test_a_date_comes_before_all_others_while_it_lasts() -> None:
    date = FixedDate("2026-11-29T10:00:00", "2026-11-29T12:00:00Z", BERLIN)
    profiles = [*WEEK, profile("event", date)]
    assert active(profiles, "2026-11-29T08:59:59") == "weekend"
    assert active(profiles, "2026-11-29T09:00:00") == "event", "ten by the clocks of Berlin"
    assert active(profiles, "2026-11-29T11:00:00") == "event", "an SDK's Z says nothing"
    assert active(profiles, "2026-11-29T11:00:01") == "weekend"


def test_dates_alone_leave_the_rest_of_the_time_to_nobody() -> None:
    date = profile("event", FixedDate("2026-11-29T10:00:00", "2026-11-29T12:00:00"))
    assert active([date], "2026-11-30T11:00:00") is None
    assert active([date, profile("default")], "2026-11-30T11:00:00") == "default"


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        (PACIFIC, "America/Los_Angeles"),
        ("utc", "Etc/UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("UTC-11", "Etc/GMT+11"),
    ],
)
def test_time_zones_go_by_the_names_of_windows_and_of_the_iana(name: str, zone: str) -> None:
    found = zone_named(name)
    assert found is not None
    assert found.key == zone


@pytest.mark.parametrize("name", ["", "Mars", "../../etc/passwd", "/etc/localtime", "a\0b", "Europe"])
def test_other_names_are_none(name: str) -> None:
    assert zone_named(name) is None
