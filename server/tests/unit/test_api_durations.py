from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead.api.durations import to_duration, to_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1M30S", 90),
        ("PT0.5S", 0.5),
        ("PT5S", 5),
        ("PT0S", 0),
        ("PT2H", 7200),
        ("P1DT1S", 86401),
        ("PT90S", 90),
        ("PT1.5M", 90),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert to_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "5", "PT5", "5S", "P1Y", "P1M", "P1W", "-PT5S", "PT5S ", "pt5s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        to_seconds(text)


def test_less_than_a_millisecond_is_nothing_as_it_would_be_shown() -> None:
    assert to_seconds("PT0.0004S") == 0.0
    assert to_seconds("PT1.0004S") == 1.0


def test_an_endless_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        to_seconds("PT" + "9" * 400 + "S")


@pytest.mark.parametrize(("seconds", "text"), [(90, "PT1M30S"), (0.5, "PT0.5S"), (0, "PT0S"), (3600, "PT1H")])
def test_durations_are_written_as_azure_writes_them(seconds: float, text: str) -> None:
    assert to_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_every_millisecond_survives_the_way_there_and_back(milliseconds: int) -> None:
    assert to_seconds(to_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)
