from promptflow.core import tool


@tool
async def echo(text: str) -> str:
    return text
