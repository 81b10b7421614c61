"""Types that tool authors annotate parameters with."""

from __future__ import annotations


class Secret(str):
    """A text that is not to be shown."""

    __slots__ = ("secret_name",)

    def set_secret_name(self, name: str) -> None:
        self.secret_name = name


class PromptTemplate(str):
    """A jinja template."""

    __slots__ = ()


class FilePath(str):
    """The path of a file in the flow folder."""

    __slots__ = ()


class PromptText(str):
    """What a prompt node rendered. guarded: the same text with the role lines that came from flow inputs still
    guarded, so that an LLM node further down does not take them for roles."""

    guarded: str

    def __new__(cls, text: str, guarded: str) -> PromptText:
        made = super().__new__(cls, text)
        made.guarded = guarded
        return made
