"""`--help` of every command, word for word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from flowstead.cli.commands import COMMANDS
from flowstead.cli.running import app

GOLDEN = Path(__file__).parent / "golden" / "cli"


def commands() -> Iterator[tuple[str, ...]]:
    yield ()
    for known in COMMANDS:
        yield from below((known.name,), _load(known.name))


def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    """The command itself and, of a group, all that is in it."""
    yield words
    for name, each in getattr(command, "commands", {}).items():
        yield from below((*words, name), each)


def _load(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.get_command(None, name)


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((100, 24)))
    with pytest.raises(SystemExit) as ended:
        app(args=[*words, "--help"], prog_name="flowstead")
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("words", list(commands()), ids=lambda words: "-".join(words) or "flowstead")
def test_help_is_as_it_was_read_last(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(words, capsys, monkeypatch)
    golden = GOLDEN / f"{'-'.join(words) or 'flowstead'}.txt"
    if os.environ.get("FLOWSTEAD_REFRESH_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_no_help_is_left_of_a_command_that_is_gone() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {"-".join(words) or "flowstead" for words in commands()}


def test_every_command_takes_a_home(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for words in commands():
        if words and words != ("serve",) and not hasattr(_load(words[0]), "commands"):
            assert "--home" in help_of(words, capsys, monkeypatch), words
