"""What a key may hold: each kind reads an entry, or refuses it with file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from flowstead.azure_yaml.entry import Entry

Kind: TypeAlias = Callable[[Entry], Any]
IGNORED_AT_TOP = ("$schema", "id", "provisioning_state", "scoring_uri", "openapi_uri", "location", "kind")
"""What `show` prints beside the YAML's own keys, and the schema: taken, and left unread."""
IGNORED_OF_ASSETS = (
    "creation_context",
    "latest_version",
    "next_version",
    "is_archived",
    "is_anonymous",
    "resourceGroup",
)
"""What `show` prints of assets beside that."""


def text(entry: Entry) -> str:
    """Words. A number or a truth value is taken as it was written."""
    if entry.value is None or not isinstance(entry.value, str | int | float | bool):
        raise entry.wrong(f"must be a text, not {_named(entry)}.")
    return entry.text


def filled_text(entry: Entry) -> str:
    """Words, at least one."""
    if not text(entry).strip():
        raise entry.wrong("must not be empty.")
    return entry.text


def as_entry(entry: Entry) -> Entry:
    """Words, at least one, with the place where they stand: for values that are checked further."""
    filled_text(entry)
    return entry


def untouched(entry: Entry) -> Entry:
    """Whatever it is, with the place where it stands: for what another file's rules read."""
    return entry


def flag(entry: Entry) -> bool:
    if isinstance(entry.value, bool):
        return entry.value
    if isinstance(entry.value, str) and entry.value.lower() in ("true", "false"):
        return entry.value.lower() == "true"
    raise entry.wrong(f"must be true or false, not {_named(entry)}.")


def anything(entry: Entry) -> Any:
    """Plain values all the way down."""
    if isinstance(entry.value, Mapping):
        return {key: anything(child) for key, child in entry.value.items()}
    if isinstance(entry.value, Sequence) and not isinstance(entry.value, str):
        return [anything(child) for child in entry.value]
    return entry.value


def as_written(entry: Entry) -> Any:
    """Plain values all the way down, numbers as they were written: `1.10` stays a version."""
    if isinstance(entry.value, Mapping):
        return {key: as_written(child) for key, child in entry.value.items()}
    if isinstance(entry.value, Sequence) and not isinstance(entry.value, str):
        return [as_written(child) for child in entry.value]
    return entry.value if entry.value is None or isinstance(entry.value, bool) else entry.text


def texts(entry: Entry) -> dict[str, str]:
    """A mapping of words to words."""
    if entry.value is None:
        return {}
    if not isinstance(entry.value, Mapping):
        raise entry.wrong(f"must be a mapping of names to texts, not {_named(entry)}.")
    return {key: "" if child.value is None else text(child) for key, child in entry.value.items()}


@dataclass(frozen=True)
class Number:
    """A whole number, not under `least`, not over `most`."""

    least: int = 0
    most: int | None = None

    def __call__(self, entry: Entry) -> int:
        value = entry.value
        if isinstance(value, bool) or not isinstance(value, int):
            raise entry.wrong(f"must be a whole number, not {_named(entry)}.")
        if value < self.least or (self.most is not None and value > self.most):
            bounds = f"at least {self.least}" if self.most is None else f"between {self.least} and {self.most}"
            raise entry.wrong(f"must be {bounds}, not {value}.")
        return value


@dataclass(frozen=True)
class Fraction:
    """A number from 0 to 1."""

    def __call__(self, entry: Entry) -> float:
        value = entry.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise entry.wrong(f"must be a number between 0 and 1, not {_named(entry)}.")
        return float(value)


@dataclass(frozen=True)
class Choice:
    """One of the words, written as in YAML → as in REST. Case does not matter."""

    words: Mapping[str, str]

    def __call__(self, entry: Entry) -> str:
        found = self.words.get(entry.text.lower()) if isinstance(entry.value, str) else None
        if found is None:
            raise entry.wrong(f"must be one of {', '.join(self.words)}, not {_named(entry)}.")
        return found


@dataclass(frozen=True)
class Each:
    """A list of the kind."""

    kind: Kind

    def __call__(self, entry: Entry) -> list[Any]:
        if entry.value is None:
            return []
        if isinstance(entry.value, Sequence) and not isinstance(entry.value, str):
            return [self.kind(item) for item in entry.value]
        raise entry.wrong(f"must be a list, not {_named(entry)}.")


@dataclass(frozen=True)
class Named:
    """A mapping of names to the kind."""

    kind: Kind

    def __call__(self, entry: Entry) -> dict[str, Any]:
        if entry.value is None:
            return {}
        if not isinstance(entry.value, Mapping):
            raise entry.wrong(f"must be a mapping of names, not {_named(entry)}.")
        return {key: self.kind(child) for key, child in entry.value.items()}


@dataclass(frozen=True)
class Section:
    """A mapping with known keys. required: keys that must be there. ignored: taken and left unread."""

    keys: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __call__(self, entry: Entry) -> dict[str, Any]:
        """The keys that are there, each read; a key without a value counts as absent."""
        if entry.value is None:
            return {}
        if not isinstance(entry.value, Mapping):
            raise entry.wrong(f"must hold keys, not {_named(entry)}.")
        for key, child in entry.value.items():
            if key not in self.keys and key not in self.ignored:
                raise child.wrong(f"no such key.{self._suggestion(key)}", hint=self._hint())
        read = {
            key: kind(entry.value[key])
            for key, kind in self.keys.items()
            if key in entry.value and entry.value[key].value is not None
        }
        for key in self.required:
            if key not in read:
                raise entry.wrong(f"the key {key} is missing.", hint=f"Add `{key}:`.")
        return read

    def _suggestion(self, key: str) -> str:
        close = difflib.get_close_matches(key.lower(), list(self.keys), n=1, cutoff=0.6)
        return f" Did you mean {close[0]}?" if close else ""

    def _hint(self) -> str:
        known = (key for key, kind in self.keys.items() if not isinstance(kind, NotHere))
        return f"Known here: {', '.join(sorted(known))}."


@dataclass(frozen=True)
class NotHere:
    """A key of Azure ML that Flowstead does not carry out. It is refused rather than passed over in silence."""

    why: str
    hint: str

    def __call__(self, entry: Entry) -> Any:
        raise entry.wrong(self.why, hint=self.hint)


def _named(entry: Entry) -> str:
    value = entry.value
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, str | int | float | bool):
        return repr(entry.text[:60])
    return "a list"
