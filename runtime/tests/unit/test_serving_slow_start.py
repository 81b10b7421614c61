"""Where a flow stands that takes long to be loaded."""

from __future__ import annotations

import threading

import pytest

from flowstead_runtime.serving.slow_start import told_when_slow

WHERE = 'File "/flows/mine/say.py", line 2, in load'


class Heard:
    """A stderr that tells when it was told twice or more, and where."""

    def __init__(self) -> None:
        self.text, self.enough = "", threading.Event()

    def write(self, text: str) -> int:
        self.text += text
        if self.text.count("still being loaded") >= 2 and WHERE in self.text:
            self.enough.set()
        return len(text)

    def flush(self) -> None:
        pass


def test_the_line_of_the_flows_own_code_is_told_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setattr("sys.stderr", heard)
    code = compile("def load():\n    assert enough.wait(30)\n\nload()\n", "/flows/mine/say.py", "exec")
    with told_when_slow(first_s=0.001):
        exec(code, {"enough": heard.enough})  # noqa: S102
    first, _, rest = heard.text.partition("\n")
    assert first == "The flow is still being loaded after 0.001 s, here:"
    assert "after 0.002 s" in rest


def test_who_is_quick_is_not_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    with told_when_slow(first_s=30):
        pass
    assert capsys.readouterr().err == ""
