"""Decides who writes the answer: an LLM when there is a key and something to write from, else nobody: we quote."""

import os
from typing import Union

from promptflow.connections import AzureOpenAIConnection, OpenAIConnection
from promptflow.core import tool


@tool
def choose_writer(connection: Union[OpenAIConnection, AzureOpenAIConnection], passages: list) -> str:
    if not passages:
        return "quote"
    has_key = bool(connection.api_key or os.environ.get("OPENAI_API_KEY"))
    return "llm" if has_key else "quote"
