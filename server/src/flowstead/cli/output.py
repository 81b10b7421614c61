"""Results as JSON, YAML, a table or tab-separated values, optionally through a JMESPath query."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from flowstead.cli.terminal import harmless
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Format(StrEnum):
    JSON = "json"
    YAML = "yaml"
    TABLE = "table"
    TSV = "tsv"


def show(result: Any, format: Format | None, query: str | None = None, *, columns: Sequence[str] = ()) -> None:
    """Print the result to stdout; JSON unless another format is asked for, as `az` does. columns: of a table, for
    what has more values than a line holds; a query has its own."""
    shown = select(result, query)
    if columns and format is Format.TABLE and query is None:
        rows = shown if isinstance(shown, list) else [shown]
        shown = [{name: row[name] for name in columns if name in row} for row in rows]
    print(harmless(render(shown, format or Format.JSON), sys.stdout), file=sys.stdout)


def select(result: Any, query: str | None) -> Any:
    """What the query finds. Raises BadArgument for one that is no JMESPath."""
    if query is None:
        return result
    import jmespath  # a query is rare, and its grammar takes a while to import

    try:
        return jmespath.search(query, result)
    except jmespath.exceptions.JMESPathError as failure:
        raise BadArgument(
            f"--query {query!r} is not a JMESPath expression: {failure}", hint="See jmespath.org for the language."
        ) from None


def render(result: Any, format: Format) -> str:
    """The result as text, without a line break at its end."""
    if format is Format.JSON:
        return json.dumps(result, indent=2, ensure_ascii=False)
    if format is Format.YAML:
        import yaml  # only here

        return str(yaml.safe_dump(result, sort_keys=False, allow_unicode=True)).rstrip("\n").removesuffix("\n...")
    if format is Format.TSV:
        return "\n".join("\t".join(_cell(value) for value in row) for row in _rows(result))
    return table(result)


def table(result: Any) -> str:
    """Aligned columns: one row an item, one column a key that has scalar values, ids left out. "" for nothing."""
    items = result if isinstance(result, list) else [] if result is None else [result]
    if not items:
        return ""
    if not all(isinstance(item, Mapping) for item in items):
        return "\n".join(_cell(item) for item in items)
    keys = [key for key in _keys(items) if key != "id" and _is_a_column([item.get(key) for item in items])]
    rows = [[_cell(_short_id(item.get(key))) for key in keys] for item in items]
    return aligned([_title(key) for key in keys], rows)


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two blanks between them, a rule under the titles."""
    widths = [max(len(row[index]) for row in (titles, *rows)) for index in range(len(titles))]
    lines = [titles, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _rows(result: Any) -> list[list[Any]]:
    items = result if isinstance(result, list) else [result]
    return [_row(item) for item in items]


def _row(item: Any) -> list[Any]:
    if isinstance(item, Mapping):
        return list(item.values())
    return list(item) if isinstance(item, list) else [item]


def _keys(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for item in items for key in item))


def _is_a_column(values: Sequence[Any]) -> bool:
    """Some of them say something, and all fit into a cell."""
    return not any(isinstance(value, dict | list) for value in values) and any(
        value not in (None, "") for value in values
    )


def _short_id(value: Any) -> Any:
    """`m:1` for the id of a model's version in this workspace, `e/blue` for a deployment's; all else as it is."""
    place = f"{Workspace().path}/".lower()
    if not isinstance(value, str) or not value.lower().startswith(place):
        return value
    names = value[len(place) :].split("/")[1::2]
    return (":" if "/versions/" in value.lower() else "/").join(names)


def _title(key: str) -> str:
    return _WORD_BEGINS.sub(" ", key.replace("_", " ")).capitalize()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value).replace("\t", " ").replace("\n", " ")
