"""From a rendered chat template to messages.

A line with nothing but a role and a colon (`# user:`, `system:`) begins a message. A message may begin with `## name:`,
`## tool_call_id:` or `## tool_calls:`, followed by `## content:`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowstead_runtime.errors import ProviderFailed
from flowstead_runtime.tools.multimedia import Image
from flowstead_runtime.tools.template import ROLES, unguard

Message = dict[str, Any]

_SEPARATOR = re.compile(rf"^\s*#?\s*({'|'.join(ROLES)})\s*:\s*\n", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"\n*#{0,2}\s*name\s*:\s*\n+\s*(\S+)\s*\n*#{0,2}\s*content\s*:\s*\n?(.*)", re.DOTALL)
_CALL_ID = re.compile(r"\n*#{0,2}\s*tool_call_id\s*:\s*\n+\s*(\S+)\s*\n*#{0,2}\s*content\s*:\s*\n?(.*)", re.DOTALL)
_CALLS = re.compile(r"\n*#{0,2}\s*tool_calls\s*:\s*\n*\s*(\[.*\])", re.DOTALL)


def parse_chat(text: str, images: Iterable[Image] = (), *, detail: str = "auto") -> list[Message]:
    """The messages of a rendered template. images: those that the template may have placed, by the text they print as;
    detail: how closely the model should look at them. Raises ProviderFailed for a layout that makes no messages."""
    by_text = {str(image): _image_part(image, detail) for image in images}
    before, *rest = _SEPARATOR.split(text)
    if before.strip():
        raise ProviderFailed(_bad_role(unguard(before)), "ChatAPIInvalidRoleError")
    return [_message(role.lower(), body, by_text) for role, body in zip(rest[::2], rest[1::2], strict=True)]


def find_images(value: Any) -> list[Image]:
    """The images in arguments, however deep."""
    if isinstance(value, Image):
        return [value]
    if isinstance(value, list | tuple):
        return [image for item in value for image in find_images(item)]
    if isinstance(value, Mapping):
        return [image for item in value.values() for image in find_images(item)]
    return []


def _message(role: str, body: str, images: Mapping[str, Message]) -> Message:
    if role == "tool":
        match = _CALL_ID.search(body)
        if match is None:
            raise ProviderFailed(
                "A message of the role tool needs 'tool_call_id:' and the id on the next line, then 'content:' and the "
                "content.",
                "ChatAPIToolRoleInvalidFormat",
            )
        return {"role": role, "tool_call_id": unguard(match[1]), "content": _content(match[2], images)}
    calls = _CALLS.search(body) if role == "assistant" else None
    literal = _literal(unguard(calls[1])) if calls is not None else None
    if literal is not None:
        return {"role": role, "tool_calls": literal}
    match = _NAME.search(body)
    if match is not None:
        return {"role": role, "name": unguard(match[1]), "content": _content(match[2], images)}
    if role == "function":
        raise ProviderFailed(
            "A message of the role function needs 'name:' and the function's name on the next line, then 'content:' "
            "and the content.",
            "ChatAPIFunctionRoleInvalidFormat",
        )
    return {"role": role, "content": _content(body, images)}


def _content(text: str, images: Mapping[str, Message]) -> str | list[Message]:
    text = unguard(text.strip())
    if not images:
        return text
    lines = [line for line in text.split("\n") if line.strip()]
    if not any(line.strip() in images for line in lines):
        return text
    return [_part(line, images.get(line.strip())) for line in lines]


def _part(line: str, image: Message | None) -> Message:
    return {"type": "text", "text": line} if image is None else image


def _image_part(image: Image, detail: str) -> Message:
    return {"type": "image_url", "image_url": {"url": image.source_url or image.data_url(), "detail": detail}}


def _literal(text: str) -> Any:
    """A Python literal, None for what is none: then the text is the message's content."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _bad_role(found: str) -> str:
    wanted = ", ".join(f"'{role}:'" for role in ROLES)
    return (
        "The Chat API requires a specific format for prompt definition, and the prompt should include separate "
        f"lines as role delimiters: {wanted}. Current parsed role '{found.strip().lower()[:200]}' does not meet the "
        "requirement."
    )
