"""Keeping secrets out of what is said: answers, logs, reasons for not starting.

This process knows its secrets: those of the connections that it has made and the variables that look like secrets.
`hide` replaces them wherever they turn up, also in the words of an exception that a flow's code raised.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from flowstead_runtime.secret_values import forms, secret_parts

HIDDEN = "******"
SECRET_VARIABLES = "FLOWSTEAD_SECRET_VARIABLES"  # noqa: S105 a name
"""A JSON list: the variables that hold secrets, whatever they are called."""

_SHORTEST = 6
"""A shorter value would blot out ordinary words."""


class Secrets:
    """What must not be said."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, values: Iterable[Any]) -> None:
        """Hide these from now on, and each line of them: a key may be said line by line. What is no text, or too short,
        is passed over."""
        texts = (text for each in values if isinstance(each, str) for text in (each, *each.splitlines()))
        new = {each for each in texts if len(each.strip()) >= _SHORTEST} - self._values
        if new:
            self._set(self._values | new)

    def forget(self, values: Iterable[str]) -> None:
        """What is no secret any more, such as a token that has ended."""
        self._set(self._values - set(values))

    def learn_environment(self, environ: Mapping[str, str]) -> None:
        """Hide what looks like a secret, by its name or its value, and what FLOWSTEAD_SECRET_VARIABLES names."""
        self.learn(part for name, value in environ.items() for part in secret_parts(name, value))
        self.learn(environ.get(name) for name in _names(environ.get(SECRET_VARIABLES, "")))

    def known(self) -> frozenset[str]:
        """For another process of ours that is to hide the same."""
        return frozenset(self._values)

    def hide(self, text: str) -> str:
        pattern = self._pattern  # another thread may learn or forget meanwhile
        return text if pattern is None else pattern.sub(HIDDEN, text)

    def _set(self, values: set[str]) -> None:
        self._values = values
        longest_first = sorted({form for each in values for form in forms(each)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(each) for each in longest_first)) if values else None


def _names(text: str) -> Iterable[str]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else ()


SECRETS = Secrets()
"""Those of this process."""


class HidingFormatter(logging.Formatter):
    """Formats a record, its traceback included, without this process's secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.hide(super().format(record))


class HidingStream(io.TextIOWrapper):
    """Writes where another text stream does, without this process's secrets.

    What cannot be written, since nobody reads it any more or the disk is full, is dropped: no request fails for what
    its flow would have said."""

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._beneath = stream  # at its end it would close the buffer that both write to
        super().__init__(stream.buffer, stream.encoding, stream.errors, newline="\n", write_through=True)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(SECRETS.hide(text))
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def hide_in_output() -> None:
    """From now on what is printed holds no secrets either. What child processes write does not come this way."""
    sys.stdout, sys.stderr = HidingStream(sys.stdout), HidingStream(sys.stderr)
