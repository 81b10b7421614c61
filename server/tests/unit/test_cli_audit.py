"""`flowstead audit list`: times and what it prints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowstead.cli.audit import moment, shown_record
from flowstead.cli.output import Format, render

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("90s", "2026-11-25T11:58:30.000000Z"),
        ("2h", "2026-11-25T10:00:00.000000Z"),
        ("1w", "2026-11-18T12:00:00.000000Z"),
        ("2026-11-25", "2026-11-25"),
        ("", ""),
    ],
)
def test_a_time_may_be_said_by_how_long_ago_it_was(given: str, sent: str) -> None:
    assert moment(given, NOW) == sent


def test_a_table_has_the_short_columns() -> None:
    record = {
        "name": "7",
        "properties": {
            "time": "2026-11-25T12:00:00.000000Z",
            "principal": "owner",
            "principalId": "1",
            "action": "create",
            "resourceId": "/subscriptions/s/resourceGroups/g/providers/P/workspaces/w/onlineEndpoints/chat",
            "outcome": "Failed",
            "error": {"code": "OutOfLuck", "message": "It did not."},
            "before": None,
            "after": {"description": ""},
            "operationId": "8",
        },
    }
    shown = shown_record(record)
    assert shown["ids"] == {"principal": "1", "request": "", "operation": "8"}
    assert [line.split() for line in render([shown], Format.TABLE).splitlines()][::2] == [
        ["Number", "Time", "Principal", "Action", "Resource", "Outcome"],
        ["7", "2026-11-25T12:00:00.000000Z", "owner", "create", "onlineEndpoints/chat", "Failed"],
    ]
