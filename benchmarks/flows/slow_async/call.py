import asyncio
import os

from promptflow.core import tool

PORT = int(os.environ["SLOW_SERVICE_PORT"])


@tool
async def call(first: str, second: str, third: str) -> str:
    # By hand: what an HTTP client costs would be most of what is measured.
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n\r\n")[2].decode()
