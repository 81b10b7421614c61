"""The words in which the schemas of answers are written."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
AMOUNT: Json = {"type": "number", "minimum": 0}
FLAG: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
TEXTS: Json = {"type": "object", "additionalProperties": TEXT}
TIME: Json = {"type": "string", "format": "date-time"}


def obj(required: Json, optional: Json | None = None) -> Json:
    """An object with these fields."""
    schema: Json = {"type": "object", "properties": {**required, **(optional or {})}}
    return {**schema, "required": list(required)} if required else schema


def maybe(schema: Json) -> Json:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def one_of(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}
