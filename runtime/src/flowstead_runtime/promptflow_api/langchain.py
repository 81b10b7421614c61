"""`PromptFlowCallbackHandler`, for flows that hand it to LangChain. Imported only by them: it needs LangChain."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Raises ModuleNotFoundError when LangChain is not installed."""
    if name != "PromptFlowCallbackHandler":
        raise AttributeError(name)
    base: Any
    try:
        base = importlib.import_module("langchain_core.callbacks").BaseCallbackHandler
    except ModuleNotFoundError:
        base = importlib.import_module("langchain.callbacks.base").BaseCallbackHandler
    handler = type(name, (base,), {"__doc__": "Listens to LangChain; the chain's own steps are not kept."})
    globals()[name] = handler
    return handler
