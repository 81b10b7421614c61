"""Who answers: an LLM when there is a key, else nobody."""

import os
from typing import Union

from promptflow.connections import AzureOpenAIConnection, OpenAIConnection
from promptflow.core import tool


@tool
def choose(connection: Union[OpenAIConnection, AzureOpenAIConnection]) -> str:
    return "llm" if connection.api_key or os.environ.get("OPENAI_API_KEY") else "repeat"
