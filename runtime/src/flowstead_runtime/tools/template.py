"""Jinja templates: compiled once, rendered in jinja's sandbox; and keeping a caller's text from posing as a
role line."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
import jinja2.meta
from jinja2.sandbox import SandboxedEnvironment

from flowstead_runtime.errors import FlowLoadError, TemplateFailed
from flowstead_runtime.tools.values import PromptText

ROLES = ("system", "user", "assistant", "function", "tool")
_ROLE_LINE = re.compile(rf"^(\s*#?\s*)({'|'.join(ROLES)})(?=\s*:\s*$)", re.IGNORECASE | re.MULTILINE)
_GUARD = f"\ue000{secrets.token_hex(8)}\ue000"
"""Put into role words of callers' texts while a template is rendered and split; unguessable, so that nobody
sends it."""

_IMAGE = re.compile(r"!\[\s*image\s*\]\(\{\{\s*([^\s{}]+)\s*\}\}\)")

Render = Callable[[Mapping[str, Any]], str]


class Template:
    """One compiled template. who: what it belongs to, as errors name it; images: whether `![image]({{x}})` places an
    image, on a line of its own; variables: the names it takes from its arguments. Raises FlowLoadError for bad
    syntax."""

    def __init__(self, source: str, *, who: str, path: str, images: bool = False) -> None:
        environment = SandboxedEnvironment(trim_blocks=True, keep_trailing_newline=True)
        text = _IMAGE.sub(r"\n{{\1}}\n", source) if images else source
        try:
            self.variables = frozenset(jinja2.meta.find_undeclared_variables(environment.parse(text)))
            self._template = environment.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise FlowLoadError(f"{path}:{error.lineno}: {who}: bad template: {error.message}") from None

    def render(self, arguments: Mapping[str, Any]) -> str:
        """Raises TemplateFailed."""
        try:
            return self._template.render(arguments)
        except Exception as error:
            raise TemplateFailed(
                f"Failed to render jinja template: {type(error).__name__}: {unguard(str(error))}. "
                "Please modify your prompt to fix the issue."
            ) from error


def guard_arguments(arguments: Mapping[str, Any], from_flow_inputs: frozenset[str]) -> Mapping[str, Any]:
    """The arguments with every line that would read as a role guarded, in those that come from the caller (directly, or
    through a prompt node); the others, which the flow's author made, are left alone."""
    guarded = {
        name: _guard(value) if name in from_flow_inputs else value.guarded
        for name, value in arguments.items()
        if name in from_flow_inputs or isinstance(value, PromptText)
    }
    return {**arguments, **guarded} if guarded else arguments


class Lines(list[Any]):
    """A list that a template shows as one item a line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def with_lines(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with every list in them, however deep, as `Lines`."""
    return {name: _with_lines(value) for name, value in arguments.items()}


def unguard(text: str) -> str:
    return text.replace(_GUARD, "")


def _guard(value: Any) -> Any:
    if isinstance(value, str):
        return _ROLE_LINE.sub(_guard_word, value) if ":" in value else value
    if isinstance(value, list):
        return type(value)(_guard(item) for item in value)
    if isinstance(value, dict):
        return {key: _guard(item) for key, item in value.items()}
    return value


def _with_lines(value: Any) -> Any:
    if isinstance(value, list):
        return Lines(_with_lines(item) for item in value)
    if isinstance(value, dict):
        return {key: _with_lines(item) for key, item in value.items()}
    return value


def _guard_word(match: re.Match[str]) -> str:
    lead, word = match.groups()
    return f"{lead}{word[0]}{_GUARD}{word[1:]}"
