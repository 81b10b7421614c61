"""Environment variables that look like secrets: they are kept sealed, and shown as a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowstead.errors import BadArgument
from flowstead_runtime.secret_values import looks_secret

MASK = "********"
"""What GET shows instead of a secret. A PUT that brings it back keeps the secret."""


@dataclass(frozen=True)
class Variables:
    """A deployment's variables, taken apart. kept: secrets whose stored value stays."""

    plain: Mapping[str, str]
    secret: Mapping[str, str] = field(repr=False)
    kept: tuple[str, ...] = ()

    @property
    def secret_names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.secret, *self.kept}))


def separate(given: Mapping[str, str], stored: Mapping[str, str]) -> Variables:
    """Take variables apart. stored: the secrets that are kept already, by variable name; one that is brought
    back as the mask, or unchanged, stays. Raises BadArgument for a mask with nothing behind it."""
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    kept: list[str] = []
    for name, value in given.items():
        if value == MASK:
            if name not in stored:
                raise BadArgument(
                    f"The variable {name} holds the mask {MASK}, and no value is stored for it.",
                    hint="Give its value, or leave the variable out.",
                    target=f"properties.environmentVariables.{name}",
                )
            kept.append(name)
        elif stored.get(name) == value:
            kept.append(name)
        elif looks_secret(name, value):
            secret[name] = value
        else:
            plain[name] = value
    return Variables(plain, secret, tuple(kept))
