"""Stands in for an LLM."""

from promptflow.core import tool


@tool
def repeat(question: str, chat_history: list) -> str:
    earlier = f" Before that: {chat_history[-1]['inputs']['question']}" if chat_history else ""
    return f"You said: {question}{earlier}"
