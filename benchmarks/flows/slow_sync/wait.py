import time

from promptflow.core import tool


@tool
def wait(text: str) -> str:
    time.sleep(0.25)
    return text
