"""`$filter` of the authorization routes: the few forms of OData that Azure's clients send."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowstead.errors import BadArgument

_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?P<name>\w+)(?:\s+eq\s+'(?P<value>(?:[^']|'')*)'|\(\s*(?:'(?P<argument>(?:[^']|'')*)')?\s*\))", re.IGNORECASE
)


def conditions(given: str | None, known: frozenset[str]) -> Mapping[str, str]:
    """`atScope() and principalId eq 'x'` → `{"atscope": "", "principalid": "x"}`. known: names in lower case. Raises
    BadArgument for any other form."""
    text = (given or "").strip()
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        # From left to right, since an `and` may also stand within quotes.
        match = _CONDITION.match(text, place)
        name = match["name"].lower() if match else ""
        if match is None or name not in known:
            raise _not_understood(text, known)
        found[name] = (match["value"] or match["argument"] or "").replace("''", "'")
        place = match.end()
        if place < len(text):
            joined = _AND.match(text, place)
            if joined is None:
                raise _not_understood(text, known)
            place = joined.end()
    return found


def _not_understood(text: str, known: frozenset[str]) -> BadArgument:
    return BadArgument(
        f"$filter={text[:120]} is not understood.",
        hint=f"Known here: {', '.join(sorted(known))}, joined by `and`.",
        target="$filter",
    )
