"""What a series of PUTs would do: tried one after the other, by the very routes that do it, on a store that keeps
nothing of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from flowstead.access.identity_grants import why_denied
from flowstead.api.bodies import Body
from flowstead.api.context import SITE, Context, Here, Needs, demand
from flowstead.api.failures import as_bad_argument
from flowstead.api.field_changes import changes_between, leaves
from flowstead.api.paths import canonical
from flowstead.api.planned_contents import PlannedContents, PlannedUploads
from flowstead.api.quota import cores_taken
from flowstead.api.readable import read_action
from flowstead.api.rehearsing import PlannedRoute, PlannedRoutes, Written
from flowstead.errors import FlowsteadError
from flowstead.resources.identity import EndpointIdentity
from flowstead.resources.principal import Principal
from flowstead.resources.sizes import whole
from flowstead.store import Reading
from flowstead.store.identities import Identities
from flowstead.store.records import Kind
from flowstead.store.rehearsal import rehearsal

MAX_RESOURCES = 50
_NOT_UPLOADED = "Its files are not uploaded yet: what is in them is not checked."
_NOT_READ = "Files of its model or environment are not uploaded yet: what is in them is not checked."
_VOLATILE = (
    "systemData",
    "properties.provisioningState",
    "properties.state",
    "properties.conditions",
    "properties.provisioningError",
)
"""What says how things stand, not what is wanted."""
router = APIRouter(tags=["plan"])


class PlannedResource(Body):
    """id: an ARM id, or what follows the workspace's. body: of the PUT. filesPending: files that the body names and
    that are not there will be uploaded before."""

    id: Annotated[str, Field(min_length=1, max_length=1024)]
    body: dict[str, Any]
    files_pending: bool = False


class PlanBody(Body):
    """In the order in which they would be PUT; each sees those before it."""

    resources: Annotated[list[PlannedResource], Field(min_length=1, max_length=MAX_RESOURCES)]


@router.post(SITE + "/plan")
def plan_changes(
    body: PlanBody, request: Request, here: Here, caller: Annotated[Principal, Depends(Needs("workspaces/plan/read"))]
) -> dict[str, Any]:
    """What would be created, overwritten, left unchanged or refused, field by field; and the quota before and after.

    Nothing is changed, and reading is all that the caller must be allowed: a change that it may not make is refused in
    the answer, with the grant that it takes."""
    routes: PlannedRoutes = request.app.state.planned_routes
    with tempfile.TemporaryDirectory(prefix="flowstead-plan-") as scratch, rehearsal(here.store) as tried:
        contents = PlannedContents(here.contents, Path(scratch))
        uploads = PlannedUploads(here.home.uploads, Path(scratch) / "uploads")
        there = replace(here, store=tried, contents=contents, uploads=uploads, hint=lambda: None)
        rehearser = _Rehearser(here, there, contents, routes, caller)
        with tried.reading() as tx:
            taken, before = cores_taken(tx), _generations(tx)
        planned = [rehearser.planned(each) for each in body.resources]
        with tried.reading() as tx:
            changed = dict(_generations(tx).items() - before.items())
            then = cores_taken(tx, done=changed)
    quota = here.settings.quota_cores
    return {
        "accepted": all(each["action"] != "refused" for each in planned),
        "resources": planned,
        "quota": {
            "unit": "cores",
            "limit": quota,
            "taken": taken,
            "takenAfter": then,
            "left": max(0, whole(quota - then)),
        },
    }


def _generations(tx: Reading) -> dict[str, int]:
    return {each.id: each.generation for each in tx.list(Kind.DEPLOYMENT)}


class _Rehearser:
    """real: on the store as it is; here: on the one that keeps nothing."""

    def __init__(
        self, real: Context, here: Context, contents: PlannedContents, routes: PlannedRoutes, caller: Principal
    ) -> None:
        self._real = real
        self._here, self._contents, self._routes, self._caller = here, contents, routes, caller
        self._unread: set[str] = set()

    def planned(self, given: PlannedResource) -> dict[str, Any]:
        id = _full_id(self._here, given.id)
        self._contents.files_pending, self._contents.stood_in = given.files_pending, False
        answer: dict[str, Any] = {"id": id}
        try:
            route = self._routes.at(id)
            demand(self._caller, read_action(id), id, self._real)
            try:
                answer |= self._tried(route, given.body)
            finally:
                # Whatever else is the matter, who may not do it is told that, as by the PUT.
                demand(self._caller, route.action, id, self._real)
            self._demand_roles(id)
        except FlowsteadError as failure:
            answer |= {"action": "refused", "refusal": _refusal(failure)}
        except RequestValidationError as problem:
            answer |= {"action": "refused", "refusal": _refusal(as_bad_argument(problem.errors()))}
        if answer["action"] == "refused":
            # Who may not write a secret shall not find out by guesses what it is.
            answer.pop("secretsOrRetry", None)
        if self._contents.stood_in:
            self._unread.add(id.lower())
            answer["notChecked"] = [_NOT_UPLOADED]
        elif self._unread & {str(_field(given.body, name)).lower() for name in ("model", "environmentId")}:
            answer["notChecked"] = [_NOT_READ]
        return answer

    def _tried(self, route: PlannedRoute, body: dict[str, Any]) -> dict[str, Any]:
        before = route.before(self._here, self._caller)
        after = route.after(self._here, self._caller, body)
        if before is None:
            return {"action": "create", "changes": list(changes_between({}, _wanted(after)))}
        changes = list(changes_between(_wanted(before), _wanted(after)))
        if before.etag == after.etag and not changes:
            return {"action": "unchanged", "changes": []}
        # A new generation of what looks the same: a secret has changed, or what has failed is tried again.
        return {"action": "overwrite", "changes": changes, "secretsOrRetry": not changes}

    def _demand_roles(self, id: str) -> None:
        """A deployment would fail without the roles that its endpoint's identity needs."""
        with self._here.store.reading() as tx:
            deployment = tx.find(Kind.DEPLOYMENT, id)
            endpoint = None if deployment is None else tx.find(Kind.ENDPOINT, deployment.parent_id)
            if deployment is None or endpoint is None:
                return
            identities = Identities(tx)
        identity = self._known(identities.identity(endpoint))
        denied = why_denied(identity, identities.connections(deployment), self._here.workspace)
        if denied is not None:
            raise denied

    def _known(self, identity: EndpointIdentity) -> EndpointIdentity:
        """Without an object id when it is not there yet: it would be another one than it gets."""
        if identity.principal is None:
            return identity
        with self._real.store.reading() as tx:
            there = tx.principals.by_object(identity.principal.object_id) is not None
        return identity if there else replace(identity, principal=replace(identity.principal, object_id=""))


def _full_id(here: Context, given: str) -> str:
    path = given if given.startswith("/") else f"{here.workspace.path}/{given}"
    return canonical(path.rstrip("/"), here.workspace)


def _refusal(failure: FlowsteadError) -> dict[str, Any]:
    """code, message and target as the PUT would have them; mend: the value or the grant that it takes."""
    return {**failure.as_body(), "message": failure.message, "status": failure.status, "mend": failure.next_step}


def _field(body: Mapping[str, Any], name: str) -> object:
    properties = body.get("properties")
    return properties.get(name) if isinstance(properties, dict) else None


def _wanted(written: Written) -> dict[str, Any]:
    return {name: value for name, value in leaves(written.body) if not name.startswith(_VOLATILE)}
