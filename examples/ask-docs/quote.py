"""Answers without an LLM: the best passage, word for word."""

from promptflow.core import tool

NOTHING = "The documents say nothing about that. Try other words."


@tool
def quote(passages: list) -> str:
    if not passages:
        return NOTHING
    best = passages[0]
    return f"{best['heading']}:\n\n{best['text']}"
