import asyncio

from promptflow.core import tool


@tool
async def wait(text: str) -> str:
    await asyncio.sleep(0.25)
    return text
