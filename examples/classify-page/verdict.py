"""The model's JSON as values, whatever the model made of it."""

import json

from promptflow.core import tool

CATEGORIES = {"news", "shop", "documentation", "blog", "other"}


@tool
def verdict(answer: str) -> dict:
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    category = str(said.get("category", "")).lower()
    return {
        "category": category if category in CATEGORIES else "other",
        "concerns_location": said.get("concerns_location") is True,
    }
