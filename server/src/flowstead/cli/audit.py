"""`flowstead audit …`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, resource_app
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.resources.clock import iso

app = resource_app("What was changed, by whom, with what outcome.")
_AGO = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.callback()
def _group() -> None:
    """Without it the one command would be the group itself."""


@app.command("list")
def list_records(
    resource: Annotated[
        str, typer.Option("--resource", help="An id, or its end, as in onlineEndpoints/NAME; with all below it.")
    ] = "",
    by: Annotated[str, typer.Option("--by", help="A principal's name or object id.")] = "",
    action: Annotated[str, typer.Option("--action", help="create, update, delete, stop, start, putSecret …")] = "",
    outcome: Annotated[str, typer.Option("--outcome", help="InProgress, Succeeded, Failed or Canceled.")] = "",
    since: Annotated[
        str, typer.Option("--since", help="A time, or how long ago, as in 2h or 7d.", metavar="TIME")
    ] = "",
    until: Annotated[str, typer.Option("--until", help="As --since.", metavar="TIME")] = "",
    max_results: Annotated[int, typer.Option("--max-results", min=1, help="How many at most.")] = 100,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List what was changed, newest first."""
    now = datetime.now(UTC)
    with open_client(home) as client:
        found = client.audit_records.newest(
            max_results,
            resource=resource,
            principal=by,
            action=action,
            outcome=outcome,
            since=moment(since, now),
            until=moment(until, now),
        )
    show([shown_record(body) for body in found], output, query)


def moment(given: str, now: datetime) -> str:
    """`2h` → the time two hours before now; anything else as it is, for the server to read."""
    ago = _AGO.fullmatch(given)
    return given if ago is None else iso(now - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])}))


def shown_record(body: dict[str, Any]) -> dict[str, Any]:
    """As a command prints it: the short columns of a table first."""
    properties = body["properties"]
    shown = {
        "number": body["name"],
        "time": properties["time"],
        "principal": properties["principal"],
        "action": properties["action"],
        "resource": properties["resourceId"].partition("/workspaces/")[2].partition("/")[2],
        "detail": properties.get("detail", ""),
        "outcome": properties["outcome"],
    }
    return {
        **shown,
        "error": properties.get("error"),
        "before": properties["before"],
        "after": properties["after"],
        "ids": {
            "principal": properties["principalId"],
            "request": properties.get("requestId", ""),
            "operation": properties.get("operationId", ""),
        },
    }
