"""What somebody else's code has said, on its way to a terminal."""

from __future__ import annotations

import re
from typing import TextIO

_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
"""All control characters but tab and line feed, and those that turn the direction of writing."""


def harmless(text: str, stream: TextIO) -> str:
    """As it is for a file or another program. For a terminal, with control characters written out: they would move the
    cursor, write over what stands there, or have the terminal type."""
    if not stream.isatty():
        return text
    return _ORDERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))
