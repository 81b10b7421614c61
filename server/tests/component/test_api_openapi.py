"""The OpenAPI document as others read it.

Refresh the golden file after a change that is meant:
FLOWSTEAD_REFRESH_GOLDEN=1 .venv/bin/pytest server/tests/component/test_api_openapi.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from flowstead.resources.built_in_roles import BUILT_IN
from flowstead.testing.in_process_api import InProcessApi

GOLDEN = Path(__file__).parent / "golden" / "openapi.json"


def test_the_description_is_as_it_was(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        answer = api.call("GET", "/openapi.json", token=None)
    assert answer.status_code == 200
    text = json.dumps(answer.json(), indent=1, sort_keys=True) + "\n"
    if os.environ.get("FLOWSTEAD_REFRESH_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_description_says_what_each_route_needs() -> None:
    document = json.loads(GOLDEN.read_text())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"]
            assert operation["responses"]["default"]
            if path.startswith(("/subscriptions", "/providers")):
                assert operation["x-action"].count("/") >= 1
                assert operation["x-role"] in {each.role_name for each in BUILT_IN.values()}
                assert operation["security"] == [{"bearer": []}]
