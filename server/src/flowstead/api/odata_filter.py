"""`$filter` of the authorization routes: the few forms of OData that Azure's clients send."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowstead.errors import BadArgument

_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_EQUALS = re.compile(r"(?P<name>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'", re.IGNORECASE)
_CALL = re.compile(r"(?P<name>\w+)\(\s*(?:'(?P<value>(?:[^']|'')*)')?\s*\)", re.IGNORECASE)


def conditions(given: str | None, known: frozenset[str]) -> Mapping[str, str]:
    """`atScope() and principalId eq 'x'` → `{"atscope": "", "principalid": "x"}`. known: names in lower case. Raises
    BadArgument for any other form."""
    found: dict[str, str] = {}
    for part in _AND.split(given.strip()) if given and given.strip() else ():
        match = _EQUALS.fullmatch(part.strip()) or _CALL.fullmatch(part.strip())
        name = match["name"].lower() if match else ""
        if match is None or name not in known:
            raise BadArgument(
                f"$filter={given[:120] if given else ''} is not understood.",
                hint=f"Known here: {', '.join(sorted(known))}, joined by `and`.",
                target="$filter",
            )
        found[name] = (match["value"] or "").replace("''", "'")
    return found
