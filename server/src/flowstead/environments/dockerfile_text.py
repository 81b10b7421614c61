"""A Dockerfile's text, taken apart: instructions, and the words and commands in them. Pure.

Format: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

_CONTINUED = re.compile(r"\\\s*$")
_OPERATORS = "&|;()"


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(number of the first line, instruction in capitals, the rest), continuations joined."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().startswith("#") or not line.strip():
            continue
        start = start if pending else number
        if _CONTINUED.search(line):
            pending += _CONTINUED.sub(" ", line)
            continue
        yield _instruction(start, pending + line)
        pending = ""
    if pending.strip():
        yield _instruction(start, pending)


def words_of(text: str) -> list[str]:
    """The words, quotes taken off. Raises ValueError."""
    return shlex.split(text)


def listed_words(text: str) -> list[str] | None:
    """The words of the form `["a", "b"]`; None for the other form."""
    if not text.startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and words and all(isinstance(word, str) for word in words) else None


def commands_of(script: str) -> Iterator[list[str]]:
    """The commands that a shell runs one after the other. What stands in quotes is no operator, and `x>=1` is one word:
    that is what its author means. Other operators stay as words. Raises ValueError."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word not in ("&&", ";"):
            words.append(word)
        elif words:
            yield words
            words = []
    if words:
        yield words


def is_operator(word: str) -> bool:
    """Whether the shell does something with it: `||`, `|`, `(`, `>file`, `2>&1`."""
    return bool(word) and (set(word) <= set(_OPERATORS) or re.match(r"\d*[<>]", word) is not None)


def _instruction(number: int, line: str) -> tuple[int, str, str]:
    word, *rest = line.split(None, 1)
    return number, word.upper(), rest[0].strip() if rest else ""
