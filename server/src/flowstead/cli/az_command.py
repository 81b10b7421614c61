"""Command lines as `az ml` takes them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from typer.core import TyperCommand

from flowstead.errors import BadArgument

_LISTS = ("--set", "--tags", "--inputs", "--ids", "--scopes")
"""Options that take several values after one name: `--set a=1 b=2`."""
_JOINED = ("--traffic", "--mirror-traffic")
"""Options whose value is one text, with or without quotes around it: `--traffic blue=90 green=10`."""
_SWITCHES = ("--all", "--include-inherited", "--custom-role-only")
"""Options that `az` takes with `true` or `false` after them too."""
_SCOPE: Mapping[str, str] = {
    "--subscription": "subscription",
    "--resource-group": "resource_group",
    "-g": "resource_group",
    "--workspace-name": "workspace",
    "-w": "workspace",
}
"""Options of every command of `az ml`, which says by them where the resource is."""
_WITHOUT_EFFECT = ("--only-show-errors", "--verbose", "--debug")
"""Options of every command of `az` about what it prints beside the result."""
_FORMATS = {"jsonc": "json", "yamlc": "yaml", "none": ""}
"""Formats of `az` → ours; "" prints no result."""
_scope: ContextVar[Mapping[str, str]] = ContextVar("_scope")


class AzCommand(TyperCommand):
    """A command on resources. It has options only, so a word that begins with no dash belongs to the option before."""

    _silent = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest, scope = without_scope(args)
        _scope.set(scope)
        rest, self._silent = without_formats(without_switch_values(rest))
        return list(super().parse_args(ctx, list(_spread(rest))))

    def invoke(self, ctx: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()) if self._silent else contextlib.nullcontext():
            return super().invoke(ctx)


def scope_options() -> Mapping[str, str]:
    """What the command line that runs says of subscription, resource group and workspace."""
    return _scope.get({})


def without_scope(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command line without the options that say where the resource is, and these. Raises BadArgument for
    `--local`."""
    if "--local" in arguments:
        raise BadArgument(
            "--local: there are no local endpoints beside those of this server.",
            hint="Leave it out; or serve a flow without a server: flowstead serve FOLDER.",
        )
    rest: list[str] = []
    scope: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _SCOPE and (equals or name == word):
            scope[_SCOPE[name]] = value if equals else next(words, "")
        elif word not in _WITHOUT_EFFECT:
            rest.append(word)
    return rest, scope


def without_formats(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The command line with formats of `az` as ours, and whether nothing is to be printed (`-o none`)."""
    rest: list[str] = []
    silent = False
    for word in arguments:
        ours = _FORMATS.get(word, word) if rest and rest[-1] in ("-o", "--output") else word
        if not ours and word:
            rest.pop()
            silent = True
        else:
            rest.append(ours)
    return rest, silent


def without_switch_values(arguments: Sequence[str]) -> list[str]:
    """`--all true` → `--all`; `--all false` → nothing."""
    rest: list[str] = []
    for word in arguments:
        if rest and rest[-1] in _SWITCHES and word.lower() in ("true", "false"):
            if word.lower() == "false":
                rest.pop()
        else:
            rest.append(word)
    return rest


def _spread(arguments: Sequence[str]) -> Iterator[str]:
    """`--set a=1 b=2` → `--set a=1 --set b=2`; `--traffic a=1 b=2` → `--traffic "a=1 b=2"`."""
    option, values = "", list[str]()
    for word in arguments:
        if option and not word.startswith("-"):
            values.append(word)
            continue
        yield from _spelt(option, values)
        option, values = (word, []) if word in (*_LISTS, *_JOINED) else ("", [])
        if not option:
            yield word
    yield from _spelt(option, values)


def _spelt(option: str, values: Sequence[str]) -> Iterator[str]:
    if option in _JOINED and values:
        yield from (option, " ".join(values))
    elif option in _LISTS and values:
        for value in values:
            yield from (option, value)
    elif option:
        yield option  # the parser says what is missing
