"""Keeping secrets out of what is printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_SECRET_NAME = re.compile(r"(KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|CONNECTION_STRING|ENCODED_CONNECTIONS)", re.I)
_SHORTEST = 6
"""A shorter value would blot out ordinary words."""

HIDDEN = "***"


def redactor(environ: Mapping[str, str]) -> Callable[[str], str]:
    """A function that hides the values of variables whose names look like secrets."""
    secrets = {value for name, value in environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}
    if not secrets:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(each) for each in sorted(secrets, key=len, reverse=True)))
    return lambda text: pattern.sub(HIDDEN, text)
