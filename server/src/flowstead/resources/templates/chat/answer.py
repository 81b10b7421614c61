"""The answer, whoever gave it."""

from typing import Optional

from promptflow.core import tool


@tool
def answer(asked: Optional[str] = None, repeated: Optional[str] = None) -> str:
    return asked if asked is not None else repeated
