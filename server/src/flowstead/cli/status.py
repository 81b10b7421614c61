"""`flowstead status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from flowstead.azure_yaml import shown_endpoint
from flowstead.cli import exit_codes
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.output import aligned, show
from flowstead.client import FlowsteadClient
from flowstead.errors import FlowsteadError
from flowstead.launch.status import HomeStatus, InstanceStatus, ProcessStatus, status_of
from flowstead.resources.home import Home

app = new_app()
_ENDPOINT_KEYS = ("name", "provisioning_state", "scoring_uri", "traffic")


@app.command()
def status(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show what runs: server, gateway, instances and endpoints, with processes, URLs and logs.

    Exit code 0 when the server runs, 3 when it does not."""
    place = Home.at(home)
    seen = status_of(place)
    endpoints, problem = _endpoints(place) if seen.running else ([], "")
    if output is None and query is None:
        print(text_of(seen, endpoints, problem))
    else:
        instances = [asdict(instance) for instance in seen.instances]
        result = {"running": seen.running, **asdict(seen), "instances": instances, "endpoints": endpoints}
        show(result, output, query)
    raise typer.Exit(exit_codes.OK if seen.running else exit_codes.NOT_THERE)


def text_of(seen: HomeStatus, endpoints: list[dict[str, Any]], problem: str = "") -> str:
    """For a person. problem: why the endpoints could not be asked for."""
    parts = [
        f"home      {seen.home}",
        f"server    {_process(seen.server)}",
        f"gateway   {_process(seen.gateway)}",
        f"images    {seen.container_engine or 'no container engine'}",
    ]
    if seen.instances:
        rows = [
            [i.endpoint, i.deployment, i.state, str(i.pid or ""), _duration(i.uptime_s), str(i.restarts), i.log]
            for i in seen.instances
        ]
        parts += ["", aligned(["Endpoint", "Deployment", "Instance", "Process", "Up for", "Restarts", "Log"], rows)]
        parts += _isolation(seen.instances)
    if endpoints:
        rows = [[e["name"], e["provisioning_state"], _split(e["traffic"]), e["scoring_uri"]] for e in endpoints]
        parts += ["", aligned(["Endpoint", "State", "Traffic", "Scoring URL"], rows)]
    if problem:
        parts += ["", f"The endpoints are not known: {problem}"]
    if not seen.running:
        parts += [
            "",
            "next: flowstead up --detach" + ("" if not seen.instances else ", which finds the instances again"),
        ]
    elif not endpoints and not problem:
        parts += ["", "There is no endpoint yet. next: flowstead deploy FOLDER"]
    return "\n".join(parts)


def _isolation(instances: Sequence[InstanceStatus]) -> list[str]:
    """One line for all, since it is the machine's doing; more only when they were started differently."""
    kinds: dict[str, list[str]] = {}
    for each in instances:
        kinds.setdefault(each.isolation or "not known", []).append(each.id)
    if len(kinds) == 1:
        return ["", *(f"isolation of instances: {words}" for words in kinds)]
    return ["", *(f"isolation of {', '.join(ids)}: {words}" for words, ids in sorted(kinds.items()))]


def _endpoints(home: Home) -> tuple[list[dict[str, Any]], str]:
    try:
        with FlowsteadClient.local(home) as client:
            shown = [shown_endpoint(body) for body in client.endpoints.all()]
    except FlowsteadError as failure:
        return [], failure.message
    return [{key: endpoint[key] for key in _ENDPOINT_KEYS} for endpoint in shown], ""


def _process(process: ProcessStatus) -> str:
    if not process.running:
        return "not running" + (f" ({process.detail})" if process.detail else "")
    parts = [
        f"process {process.pid}" if process.pid else process.detail,
        f"up for {_duration(process.uptime_s)}" if process.uptime_s is not None else "",
        " ".join(dict.fromkeys(url for url in (process.url, process.tls_url) if url)),
        f"log {process.log}",
    ]
    return " · ".join(part for part in parts if part)


def _split(traffic: dict[str, int]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in traffic.items()) or "none"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
