"""How many words a text has."""

from promptflow.core import tool


@tool
def count(text: str) -> int:
    return len(text.split())
