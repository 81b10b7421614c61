"""Commands that messages and documents advise exist, and take the options that they are advised with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import typer

from flowstead.cli.az_command import without_scope
from flowstead.cli.commands import COMMANDS
from flowstead.cli.running import app
from tests.installation import ROOT

ADVISED = re.compile(rf"\bflowstead (?P<line>(?:{'|'.join(each.name for each in COMMANDS)})\b[^`\n]*)")
SENTENCE_ENDS = re.compile(r"[.,;:)](?:\s|$)")
OPTION = re.compile(r"--[a-z][a-z-]*")
SOURCES = sorted((ROOT / "server" / "src").rglob("*.py"))
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
MANY = 150
"""Fewer than there are: less than that, and they are not found any more."""


def texts() -> Iterator[tuple[str, str]]:
    """(file, what it says): texts of the code, with something in the place of each value, and pages."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield file.name, "".join(str(e.value) if isinstance(e, ast.Constant) else "X" for e in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield file.name, node.value
    for file in PAGES:
        yield file.name, file.read_text("utf-8").replace("\\\n", " ")


def problem_of(line: str) -> str:
    """What is wrong with a command line, "" when nothing is."""
    words, _ = without_scope(SENTENCE_ENDS.split(line)[0].split())
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        below = command.get_command(None, words[0])
        if below is None:
            return f"{words[0]} is no command" if re.fullmatch(r"[a-z-]+", words[0]) else ""
        command = below
        words.pop(0)
    taken = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    asked = {found[0] for word in words if (found := OPTION.match(word))}
    return f"{', '.join(sorted(asked - taken))} is no option" if asked - taken else ""


def test_what_is_advised_can_be_typed() -> None:
    lines = {(name, match["line"]) for name, text in texts() for match in ADVISED.finditer(text)}
    assert len(lines) > MANY
    problems = {(name, line): problem_of(line) for name, line in sorted(lines)}
    assert [f"{name}: flowstead {line}: {why}" for (name, line), why in problems.items() if why] == []


def test_what_cannot_be_typed_is_noticed() -> None:
    assert problem_of("role assignment create --assignee X.") == ""
    assert problem_of("role assignments create") == "assignments is no command"
    assert problem_of("identity create --nam X") == "--nam is no option"
    assert problem_of("connection list -w X, which --lists them") == ""
