from promptflow.core import tool


@tool
def say(question: str) -> str:
    return f"You asked: {question}"
