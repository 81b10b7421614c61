"""Names that only mean something while flows are developed: here they leave what they decorate as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def enable_cache(calculate_cache_string: Callable[..., str] | None = None) -> Callable[[T], T]:
    """Nothing is cached."""
    return _unchanged


def register_apis(kind: T) -> T:
    """Tools are found without."""
    return kind


def handle_openai_error(*_: Any, **__: Any) -> Callable[[T], T]:
    """The runtime's own calls repeat and translate failures; those of the flow's own client are the flow's."""
    return _unchanged


def _unchanged(target: T) -> T:
    return target
