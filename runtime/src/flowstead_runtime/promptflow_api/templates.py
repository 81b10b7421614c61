"""What flow code takes from promptflow's helpers for templates, chats and YAML."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import yaml

from flowstead_runtime.tools import chat
from flowstead_runtime.tools.multimedia import Image
from flowstead_runtime.tools.template import Template

DEFAULT_ENCODING = "utf-8"


def render_jinja_template(
    prompt: str, trim_blocks: bool = True, keep_trailing_newline: bool = True, **arguments: Any
) -> str:
    """The template rendered in jinja's sandbox. Raises TemplateFailed."""
    return Template(prompt, who="render_jinja_template", path="<text>").render(arguments)


def parse_chat(chat_str: str, images: Iterable[Image] | None = None, **_: Any) -> list[dict[str, Any]]:
    """The messages of a rendered chat template."""
    return chat.parse_chat(chat_str, images or ())


def build_messages(
    prompt: str, images: Iterable[Image] | None = None, image_detail: str = "auto", **arguments: Any
) -> list[dict[str, Any]]:
    """The messages of a chat template rendered with the arguments. images: those that the template may place."""
    return chat.parse_chat(render_jinja_template(prompt, **arguments), images or (), detail=image_detail)


def to_bool(value: Any) -> bool:
    """Whether the value reads `true`, in any case."""
    return str(value).lower() == "true"


def load_yaml(source: str | Path | IO[str] | None) -> Any:
    """The YAML in a file, named or open. None gives {}."""
    if source is None:
        return {}
    if isinstance(source, str | Path):
        return yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    return yaml.safe_load(source)
