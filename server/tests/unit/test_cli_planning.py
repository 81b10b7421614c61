"""A plan as a reader sees it."""

from __future__ import annotations

import pytest

from flowstead.cli.output import Format
from flowstead.cli.planning import lines_of, show_plan

PLACE = "/subscriptions/s/resourceGroups/g/providers/P/workspaces/w"
PLAN = {
    "accepted": False,
    "resources": [
        {"id": f"{PLACE}/models/flow/versions/2", "action": "create", "changes": [], "notChecked": ["Not uploaded."]},
        {
            "id": f"{PLACE}/onlineEndpoints/chat",
            "action": "overwrite",
            "changes": [{"field": "tags.a", "before": None, "after": "1"}],
            "secretsOrRetry": False,
        },
        {
            "id": f"{PLACE}/connections/llm",
            "action": "overwrite",
            "changes": [],
            "secretsOrRetry": True,
        },
        {
            "id": f"{PLACE}/onlineEndpoints/no",
            "action": "refused",
            "refusal": {"code": "InvalidName", "message": "Too short.", "mend": "Use more."},
        },
    ],
    "quota": {"unit": "cores", "limit": 500, "taken": 0, "takenAfter": 8, "left": 492},
}


def test_each_resource_has_its_line_and_what_there_is_to_say() -> None:
    assert "\n".join(lines_of(PLAN)) == (
        "create   models/flow/versions/2\n"
        "           Not uploaded.\n"
        "change   onlineEndpoints/chat\n"
        "           tags.a: nothing → 1\n"
        "change   connections/llm\n"
        "           a secret changes, or what has failed is tried again\n"
        "REFUSED  onlineEndpoints/no\n"
        "           InvalidName: Too short.\n"
        "           Use more.\n"
        "Cores, with the upgrade reserve: 0 → 8 of 500.\n"
        "Nothing has been changed."
    )


def test_the_exit_code_says_whether_all_would_be_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_plan(PLAN, None, None) == 1
    assert show_plan({**PLAN, "accepted": True}, Format.JSON, "quota.left") == 0
    assert capsys.readouterr().out.endswith("492\n")
