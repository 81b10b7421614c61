"""`pip install …` as lines of a requirements.txt. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_PIP = re.compile(r"(?:.*/)?pip(?:3(?:\.\d+)?)?")
_IGNORED = frozenset(
    {
        *("-U", "--upgrade", "--no-cache-dir", "-q", "-qq", "--quiet", "-v", "--verbose", "--user", "--no-input"),
        *("--disable-pip-version-check", "--no-warn-script-location", "--force-reinstall", "-I"),
        *("--ignore-installed", "--prefer-binary", "--break-system-packages", "--root-user-action=ignore"),
        *("--no-compile", "--compile", "--isolated", "--no-build-isolation", "--use-pep517", "--no-cache", "--system"),
    }
)
"""Options that do not change which packages a fresh environment gets."""
_KEPT = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host"})
_FILES = frozenset({"-r", "--requirement", "-c", "--constraint"})
_IGNORED_WITH_VALUE = frozenset({"--timeout", "--default-timeout", "--retries", "--progress-bar", "--upgrade-strategy"})


def install_lines(words: Sequence[str], read: Callable[[str], list[str]]) -> list[str] | None:
    """None when it is another command, or has an option that cannot be honoured. read: the lines of a requirements
    file that the command names."""
    arguments = _arguments(words)
    if arguments is None:
        return None
    lines: list[str] = []
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in _IGNORED:
            continue
        if word == "--pre":
            lines.append("--pre")
        elif name in _KEPT | _FILES | _IGNORED_WITH_VALUE:
            if not equals and not pending:
                return None
            value = value if equals else pending.pop(0)
            if name in _FILES:
                lines += read(value)
            elif name in _KEPT:
                lines.append(f"{name} {value}")
        elif word[:2] in ("-r", "-c") and len(word) > 2:
            lines += read(word[2:])
        elif word.startswith("-"):
            return None
        else:
            lines.append(word)
    return lines


def _arguments(words: Sequence[str]) -> Sequence[str] | None:
    """What follows `pip install`, however pip is called."""
    rest = list(words)
    if rest[:1] == ["sudo"]:
        rest = rest[1:]
    if len(rest) > 2 and rest[0].rpartition("/")[2].startswith("python") and rest[1] == "-m":
        rest = rest[2:]
    if rest[:2] == ["uv", "pip"]:
        rest = rest[1:]
    return rest[2:] if len(rest) > 1 and _PIP.fullmatch(rest[0]) and rest[1] == "install" else None
