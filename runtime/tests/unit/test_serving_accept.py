"""What the Accept header allows."""

from __future__ import annotations

import pytest

from flowstead_runtime.serving.accept import parse_accept


@pytest.mark.parametrize(
    ("header", "json", "stream"),
    [
        ("", True, False),
        ("*/*", True, False),
        ("application/*", True, False),
        ("application/json", True, False),
        ("Application/JSON; charset=utf-8", True, False),
        ("text/event-stream", False, True),
        ("text/event-stream, application/json", True, True),
        ("application/json;q=0.5, text/event-stream;q=0.9", True, True),
        ("text/event-stream, */*;q=0.1", True, True),
        ("text/*", False, False),
        ("text/html", False, False),
        ("application/json;q=0", True, False),
        ("text/event-stream;q=0, application/json", True, False),
        (" , ", True, False),
    ],
)
def test_what_is_acceptable(header: str, json: bool, stream: bool) -> None:
    accept = parse_accept(header)
    assert (accept.json, accept.stream) == (json, stream)


def test_a_refusal_names_what_was_asked_and_what_there_is() -> None:
    refusal = parse_accept("text/html, image/png").refusal(has_stream=False)
    assert refusal.status == 406
    assert "text/html, image/png" in refusal.message
    assert refusal.message.endswith("application/json")
    assert "text/event-stream" in parse_accept("text/html").refusal(has_stream=True).message
