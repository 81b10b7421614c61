from __future__ import annotations

import io
from typing import Any

import pytest

from flowstead.cli.failure import show_failure
from flowstead.cli.flow_testing import follow
from flowstead.cli.output import Format, show
from flowstead.cli.terminal import harmless
from flowstead.errors import FlowsteadError

HOSTILE = "a\tb\r\nc\x1b]52;c;cm0=\x07\x9b2Jd\u202ee\rf\x7f"
SHOWN = "a\tb\nc\\x1b]52;c;cm0=\\x07\\x9b2Jd\\u202ee\\rf\\x7f"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_would_order_a_terminal_about_is_written_out() -> None:
    assert harmless(HOSTILE, Terminal()) == SHOWN
    assert harmless("grüße – 你好 🙂", Terminal()) == "grüße – 你好 🙂"


def test_files_and_programs_get_it_as_it_is() -> None:
    assert harmless(HOSTILE, io.StringIO()) == HOSTILE


def test_tests_of_flows_failures_and_tables_are_shown_so(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    events: list[tuple[str, dict[str, Any]]] = [("log", {"node": "", "text": "x\x1b[2J"}), ("outputs", {"outputs": {}})]
    follow(events, stream=shown)
    show_failure(FlowsteadError("no", details="y\x1b[2J"), shown)
    show([{"name": "z\x1b[2J"}], Format.TABLE)
    assert "\x1b" not in shown.getvalue()
    assert [each in shown.getvalue() for each in ("x\\x1b", "y\\x1b", "z\\x1b")] == [True] * 3
