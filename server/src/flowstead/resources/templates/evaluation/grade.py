"""Whether one answer is right."""

from promptflow.core import tool


@tool
def grade(answer: str, ground_truth: str) -> str:
    same = answer.strip().casefold() == ground_truth.strip().casefold()
    return "Correct" if same else "Incorrect"
