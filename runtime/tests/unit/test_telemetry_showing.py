from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstead_runtime.connections.hiding import HIDDEN
from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.showing import Showing

SECRET = 'key "with" quotes'


def record(**fields: Any) -> SpanRecord:
    plain: dict[str, Any] = {"attributes": {}, "payloads": [], "events": [], "links": [], "message": "", **fields}
    numbers: dict[str, Any] = {
        "trace_id": 1,
        "span_id": 2,
        "parent_id": 0,
        "kind": 0,
        "began_ns": 1,
        "ended_ns": 2,
        "status": 0,
    }
    return SpanRecord(**numbers, scope="s", trace_state="", name="n", **plain)


PLAIN = st.text(alphabet=st.characters(exclude_categories=("Lu", "Ll", "Cs")) | st.sampled_from("xyz"))
"""Without names and texts that look like secrets: hypothesis tries words of the code as well."""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | PLAIN,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    )
)
def test_payloads_are_written_as_json_writes_them(value: Any) -> None:
    shown = Showing().shown(record(payloads=[("inputs", "event", 7, value)]))
    expected = json.dumps(value, indent=2)
    assert shown.attributes == {"inputs": expected}
    assert shown.events == [("event", 7, {"payload": expected})]


@pytest.mark.parametrize("value", [SECRET, f"a {SECRET} b", [SECRET], {SECRET: 1}, {"x": [{"y": SECRET}]}])
def test_known_secrets_are_hidden_wherever_they_are(value: Any) -> None:
    showing = Showing()
    showing.learn([SECRET])
    told: dict[str, Any] = {"exception.message": f"no: {SECRET}", "list": [SECRET]}
    shown = showing.shown(
        record(
            payloads=[("output", "", 0, value)],
            attributes={"function": SECRET, "mine": SECRET},
            events=[("exception", 1, told)],
            message=f"ValueError: {SECRET}",
        )
    )
    whole = repr(shown)
    assert SECRET not in whole
    assert json.dumps(SECRET)[1:-1] not in shown.attributes["output"]
    assert whole.count(HIDDEN) >= 6


def test_names_of_secrets_hide_their_values() -> None:
    value = {"api_key": "short", "nested": {"password": "p"}, "keyboard": "q"}
    shown = Showing().shown(record(payloads=[("inputs", "", 0, value)], attributes={"my_token": "t", "my": "t"}))
    assert json.loads(shown.attributes["inputs"]) == {
        "api_key": HIDDEN,
        "nested": {"password": HIDDEN},
        "keyboard": "q",
    }
    assert (shown.attributes["my_token"], shown.attributes["my"]) == (HIDDEN, "t")


def test_events_stand_in_the_order_in_which_they_happened() -> None:
    shown = Showing().shown(record(payloads=[("a", "second", 2, 1)], events=[("third", 3, {}), ("first", 1, {})]))
    assert [name for name, _, _ in shown.events] == ["first", "second", "third"]
