"""`--plan`: what a command would send, collected instead of sent, and the server's word on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from flowstead.cli.deploy_plan import DeployPlan
from flowstead.cli.output import Format, show
from flowstead.cli.traffic import all_to, is_first, with_traffic
from flowstead.client import FlowsteadClient, Session
from flowstead.client.codes import Codes
from flowstead.client.uploads import Uploaded, planned_upload
from flowstead_runtime.flow.includes import assembled

Body = dict[str, Any]
_WORDS = {"create": "create", "overwrite": "change", "unchanged": "leave", "refused": "REFUSED"}


class _PlanningSession(Session):
    """Reads as the other one does; what it should write it keeps."""

    def __init__(self, real: Session, kept: list[Body]) -> None:
        self.__dict__.update(real.__dict__)
        self._kept = kept

    def request(
        self, method: str, path: str, *, body: Any = None, content: bytes | str = "", **query: str
    ) -> httpx.Response:
        if method != "PUT":
            return super().request(method, path, body=body, content=content, **query)
        id = unquote(path)
        self._kept.append({"id": id, "body": body, "filesPending": True})
        return httpx.Response(201, json={**body, "id": id, "name": id.rpartition("/")[2]})


class _PlannedCodes(Codes):
    def register(self, folder: Path) -> str:
        return f"{self._session.workspace.path}/codes/{folder.name}/versions/1"


class PlanningClient(FlowsteadClient):
    """For what a command registers on its way. kept: what would be PUT, in order."""

    def __init__(self, real: FlowsteadClient) -> None:
        self.kept: list[Body] = []
        self._real = real
        super().__init__(_PlanningSession(real.session, self.kept))
        self.codes = _PlannedCodes(self.session)

    def upload(self, path: Path) -> Uploaded:
        """Where it would lie; nothing is sent."""
        return planned_upload(self.session, path)

    def put(self, id: str, body: Body) -> None:
        self.kept.append({"id": id, "body": body, "filesPending": True})

    def plan(self) -> Body:
        """What the server says of it all."""
        path = f"{self.session.workspace.path}/plan"
        return dict(self._real.session.request("POST", path, body={"resources": self.kept}).json())


def plan_of_deploy(
    client: FlowsteadClient, flow: Path, plan: DeployPlan, *, all_traffic: bool, flow_uri: str = ""
) -> Body:
    """What `deploy` would do. flow_uri: as `deploy` takes it. Raises the errors of reading."""
    planning = PlanningClient(client)
    endpoints, deployments = client.endpoints, client.deployments
    found = endpoints.find(plan.endpoint)
    endpoint = found or plan.endpoint_body
    if found is None:
        planning.put(endpoints.path(plan.endpoint), endpoint)
    if flow_uri:
        version = client.models.next_version(plan.model)
        model = planning.models.put(plan.model, version, {**plan.model_properties, "modelUri": flow_uri})
    else:
        with assembled(flow) as folder:
            model = planning.register(plan.model, folder, plan.model_properties)
    body = {**plan.deployment_body, "properties": {**plan.deployment_body["properties"], "model": model["id"]}}
    planning.put(deployments.path(plan.endpoint, plan.deployment), body)
    others = deployments.all(plan.endpoint) if found is not None else []
    if all_traffic or is_first(endpoint, others, plan.deployment):
        planning.put(endpoints.path(plan.endpoint), with_traffic(endpoint, all_to(plan.deployment)))
    return planning.plan()


def show_plan(plan: Body, output: Format | None, query: str | None) -> int:
    """Print it: for a reader, or as asked for. Returns the exit code: 1 when something would be refused."""
    if output is not None or query is not None:
        show(plan, output, query)
    else:
        print("\n".join(lines_of(plan)))
    return 0 if plan["accepted"] else 1


def lines_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """One line a resource, below it what changes or what is wrong, at the end the quota."""
    for each in plan["resources"]:
        place = each["id"].partition("/workspaces/")[2].partition("/")[2]
        yield f"{_WORDS[each['action']]:8} {place}"
        if each["action"] == "overwrite":
            yield from (f"           {c['field']}: {_said(c['before'])} → {_said(c['after'])}" for c in each["changes"])
        if each.get("secretsOrRetry"):
            yield "           a secret changes, or what has failed is tried again"
        refusal = each.get("refusal")
        if refusal is not None:
            yield f"           {refusal['code']}: {refusal['message']}"
            yield f"           {refusal['mend']}"
        yield from (f"           {words}" for words in each.get("notChecked", ()))
    quota = plan["quota"]
    yield f"Cores, with the upgrade reserve: {quota['taken']} → {quota['takenAfter']} of {quota['limit']}."
    yield "Nothing has been changed."


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value)
