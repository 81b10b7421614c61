import asyncio

from promptflow.core import tool


@tool
async def wait(text: str) -> str:
    await asyncio.sleep(0.1)
    return text
