"""`flowstead status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    told = _told(place) if seen.running else _Told()
    if output is None and query is None:
        print(text_of(seen, told.endpoints, told.problem, told.cores_taken, place.option, told.deployments))
    else:
        instances = [asdict(instance) for instance in seen.instances]
        result = {
            "running": seen.running,
            **asdict(seen),
            "cores_taken": told.cores_taken,
            "instances": instances,
            "endpoints": told.endpoints,
            "deployments": told.deployments,
        }
        show(result, output, query)
    raise typer.Exit(exit_codes.OK if seen.running else exit_codes.NOT_THERE)


def text_of(
    seen: HomeStatus,
    endpoints: list[dict[str, Any]],
    problem: str = "",
    cores_taken: float | None = None,
    home: str = "",
    deployments: Sequence[Mapping[str, Any]] = (),
) -> str:
    """For a person. problem: why the server could not be asked; cores_taken: of the quota, None when it was not; home:
    what commands are given to mean this one; deployments: of all endpoints."""
    parts = [
        f"home      {seen.home}",
        f"server    {_process(seen.server)}",
        f"gateway   {_process(seen.gateway)}",
        f"images    {seen.container_engine or 'no container engine'}",
        f"quota     {_quota(seen.quota_cores, cores_taken)}",
    ]
    if seen.instances:
        rows = [
            [i.endpoint, i.deployment, i.state, str(i.pid or ""), _duration(i.uptime_s), str(i.restarts), i.log]
            for i in seen.instances
        ]
        parts += ["", aligned(["Endpoint", "Deployment", "Instance", "Process", "Up for", "Restarts", "Log"], rows)]
        parts += _about(seen.instances)
    if endpoints:
        rows = [[e["name"], e["provisioning_state"], _split(e["traffic"]), e["scoring_uri"]] for e in endpoints]
        parts += ["", aligned(["Endpoint", "State", "Traffic", "Scoring URL"], rows)]
    if amiss := [line for each in deployments for line in _amiss(each, home)]:
        parts += ["", *amiss]
    if problem:
        parts += ["", f"The endpoints are not known: {problem}"]
    if not seen.running:
        parts += [
            "",
            f"next: flowstead up{home} --detach" + ("" if not seen.instances else ", which finds the instances again"),
        ]
    elif not endpoints and not problem:
        parts += ["", f"There is no endpoint yet. next: flowstead deploy FOLDER{home}"]
    return "\n".join(parts)


def _amiss(deployment: Mapping[str, Any], home: str) -> Iterator[str]:
    """What an endpoint does not tell of its deployments: those that were not brought up, and those that are stopped."""
    endpoint, name = deployment["endpoint"], deployment["name"]
    which = f"-e {endpoint} -n {name}{home}"
    if deployment["state"] == "stopped":
        yield f"{endpoint}/{name} is stopped. Start it: flowstead online-deployment start {which}"
    elif deployment["provisioning_state"] == "Failed":
        serving = f"instances at work: {deployment['at_work']}"
        yield f"The last change of {endpoint}/{name} failed, {serving}. See: flowstead online-deployment show {which}"


def _about(instances: Sequence[InstanceStatus]) -> list[str]:
    """A line for all, since it is the machine's doing; more only when they were started differently. And those that
    have ended."""
    return [
        "",
        *_alike("isolation", "isolation of instances", {each.id: each.isolation for each in instances}),
        *_alike("size", "sizes held by", {each.id: each.enforcement for each in instances}),
        *(f"last end of {each.id}: {each.last_end}" for each in instances if each.last_end),
    ]


def _alike(one: str, all_of_them: str, words: dict[str, str]) -> list[str]:
    """words: instance → what is said of it."""
    kinds: dict[str, list[str]] = {}
    for id, said in words.items():
        kinds.setdefault(said or "not known", []).append(id)
    if len(kinds) == 1:
        return [f"{all_of_them}: {said}" for said in kinds]
    return [f"{one} of {', '.join(ids)}: {said}" for said, ids in sorted(kinds.items())]


@dataclass(frozen=True)
class _Told:
    """What the server says. problem: why it says nothing."""

    endpoints: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    cores_taken: float | None = None
    problem: str = ""


def _told(home: Home) -> _Told:
    try:
        with FlowsteadClient.local(home) as client:
            shown = [shown_endpoint(body) for body in client.endpoints.all()]
            deployments = [_deployment(body) for body in client.deployments_of_all()]
            taken, _ = client.cores()
    except FlowsteadError as failure:
        return _Told(problem=failure.message)
    return _Told([{key: endpoint[key] for key in _ENDPOINT_KEYS} for endpoint in shown], deployments, taken)


def _deployment(body: Mapping[str, Any]) -> dict[str, Any]:
    properties = body["properties"]
    instances = properties["instances"]
    return {
        "endpoint": properties["endpoint"],
        "name": body["name"],
        "provisioning_state": properties["provisioningState"],
        "state": properties["state"].lower(),
        "at_work": instances["ready"] + instances["asleep"],
    }


def _quota(limit: int, taken: float | None) -> str:
    return f"{limit} cores" if taken is None else f"{taken:g} of {limit} cores are taken, with the upgrade reserve"


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
