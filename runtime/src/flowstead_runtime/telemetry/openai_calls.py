"""Spans around the OpenAI SDK's calls, whoever makes them: the runtime's own nodes or a flow's code.

The SDK takes most of a second to import and many flows never do, so its classes are changed as their modules come in.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import logging
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from flowstead_runtime import tracing
from flowstead_runtime.tracing import SpanType, Traced

log = logging.getLogger("flowstead.telemetry")

_SECRET = frozenset({"api_key", "headers", "extra_headers"})
_CHAT = (("Completions", "openai_chat", SpanType.LLM), ("AsyncCompletions", "openai_chat_async", SpanType.LLM))
_CALLS: dict[str, tuple[tuple[str, str, SpanType], ...]] = {
    "openai.resources.chat.completions": _CHAT,
    "openai.resources.chat.completions.completions": _CHAT,
    "openai.resources.completions": (
        ("Completions", "openai_completion", SpanType.LLM),
        ("AsyncCompletions", "openai_completion_async", SpanType.LLM),
    ),
    "openai.resources.embeddings": (
        ("Embeddings", "openai_embeddings", SpanType.EMBEDDING),
        ("AsyncEmbeddings", "openai_embeddings_async", SpanType.EMBEDDING),
    ),
}
"""By module, the classes whose `create` is traced, under which name. The chat's module became a package."""


def trace_openai() -> None:
    """From here on; once is enough."""
    for name in _CALLS:
        if name in sys.modules:
            _change(sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the others find the module, and changes it once it has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _CALLS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._inner.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        _change(module)


def _change(module: ModuleType) -> None:
    for class_name, name, kind in _CALLS[module.__name__]:
        owner: Any = getattr(module, class_name, None)
        create = getattr(owner, "create", None)
        if create is None:
            log.warning("%s has no %s.create: its calls are not traced", module.__name__, class_name)
        elif tracing.original(create) is create:
            function = f"{create.__module__}.{create.__qualname__}"
            owner.create = tracing.traced(create, Traced(name, function, kind, ignored=_SECRET))
