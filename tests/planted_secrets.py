"""Secrets that a test plants, and how a search knows them again, whatever form they have come to stand in."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

AWKWARD = "+/=&é\"'<\\"
"""Characters that JSON, URLs, XML and Python's repr each write differently."""


@dataclass
class Planted:
    """The secrets of one run, by what they are. Those that are made here share a mark, so that one search finds any of
    them, and a part of one too; those that the product makes are learnt as they are."""

    mark: str = field(default_factory=lambda: f"Qz{secrets.token_hex(6)}zQ")
    values: dict[str, bytes] = field(default_factory=dict)
    content: set[str] = field(default_factory=set)
    """What of them stands in files that a user uploads, which are kept as they are."""

    def new(self, what: str, form: str = "{}", *, awkward: bool = False) -> str:
        """A secret that is new and random, within a form such as `https://me:{}@host`."""
        assert what not in self.values, what
        body = f"{self.mark}{secrets.token_hex(10)}"
        value = f"{body}{AWKWARD}{self.mark}" if awkward else body
        self.values[what] = value.encode()
        return form.replace("{}", value)

    def new_in_content(self, what: str, form: str = "{}") -> str:
        self.content.add(what)
        return self.new(what, form)

    def learn(self, what: str, value: str | bytes) -> None:
        """One that the product has made."""
        assert value
        self.values[what] = value.encode() if isinstance(value, str) else value

    def found_in(self, data: bytes) -> list[str]:
        """What of them stands there in clear, or in a form that anybody can turn back."""
        return sorted(set(self._found(data)))

    def _found(self, data: bytes) -> Iterator[str]:
        mark = self.mark.encode()
        if any(needle in data for needle in _forms(mark)):
            named = [what for what, value in self.values.items() if mark in value and _body(value) in data]
            yield from named or ["a part of a secret, or one in another form"]
        for what, value in self.values.items():
            if mark not in value and any(needle in data for needle in _forms(value)):
                yield what


def _body(value: bytes) -> bytes:
    return value.partition(AWKWARD.encode())[0]


@cache
def _forms(plain: bytes) -> frozenset[bytes]:
    """The value as it is, URL-encoded, in hexadecimal, and within any base64."""
    found = {plain, quote(plain, safe="").encode(), plain.hex().encode(), plain.hex().upper().encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain)
        # The first characters hold bits of what comes before, the last ones of what follows.
        inner = encoded[(before * 8 + 5) // 6 : (before + len(plain)) * 8 // 6]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return frozenset(found)
