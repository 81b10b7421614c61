import asyncio
import os

PORT = int(os.environ["SLOW_SERVICE_PORT"])


async def answer(text: str) -> str:
    await asyncio.gather(wait(), wait(), wait())
    return await call()


async def wait() -> None:
    await asyncio.sleep(0.25)


async def call() -> str:
    # By hand: what an HTTP client costs would be most of what is measured.
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n\r\n")[2].decode()
