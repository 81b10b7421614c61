"""Which identity an endpoint has: the one that was given to it, whatever is made under its name later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from flowstead.errors import AccessDenied
from flowstead.reconcile.rights import denials
from flowstead.resources.built_in_roles import BUILT_IN, CONTRIBUTOR, SECRETS_READER
from flowstead.resources.endpoint import ENFORCE_ACCESS
from flowstead.resources.role import RoleSpec
from flowstead.store import migrations
from flowstead.store.identities import Identities
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

FLOW = "inputs: {}\noutputs: {}\nnodes: []\n"
WRITES_ENDPOINTS = "00000000-0000-0000-0000-00000000e011"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def using(id: str) -> dict[str, Any]:
    identity = {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    return {"properties": {"authMode": "Key"}, "identity": identity}


def made(api: InProcessApi, name: str = "shared") -> str:
    """An identity's ARM id."""
    id = api.workspace.identity(name)
    answer = api.call("PUT", id, {"location": "local"})
    assert answer.is_success, answer.text
    return id


def shown(api: InProcessApi) -> dict[str, Any]:
    return dict(api.call("GET", "onlineEndpoints/chat").json()["identity"]["userAssignedIdentities"])


def deploy(api: InProcessApi) -> None:
    uri = api.upload({"flow.dag.yaml": FLOW})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    answer = api.call("PUT", "onlineEndpoints/chat/deployments/blue", {"properties": {"model": model}})
    assert answer.status_code == 201, answer.text


def denied(api: InProcessApi) -> AccessDenied | None:
    """Why no instance of the one deployment starts."""
    with api.store.reading() as tx:
        found = denials(tx.list(Kind.ENDPOINT), tx.list(Kind.DEPLOYMENT), Identities(tx))
    problem = next(iter(found.values()), None)
    assert problem is None or isinstance(problem, AccessDenied)
    return problem


def test_an_identity_made_anew_under_the_name_is_another(api: InProcessApi) -> None:
    id = made(api)
    api.call("PUT", "onlineEndpoints/chat", using(id)).raise_for_status()
    deploy(api)
    before = shown(api)[id]["principalId"]
    api.call("DELETE", id).raise_for_status()
    assert made(api) == id
    assert shown(api) == {id: {}}
    problem = denied(api)
    assert problem is not None
    assert f"{id} does not exist" in problem.message
    with api.store.reading() as tx:
        endpoint = tx.get(Kind.ENDPOINT, api.workspace.endpoint("chat"))
        assert Identities(tx).identity(endpoint).principal is None
    api.call("PUT", "onlineEndpoints/chat", using(id)).raise_for_status()
    assert shown(api)[id]["principalId"] not in ("", before)
    problem = denied(api)
    assert problem is not None
    assert "does not exist" not in problem.message, "it is there, and lacks its roles"


def test_it_is_given_by_somebody_who_may_assign_it(api: InProcessApi) -> None:
    id = made(api)
    api.call("PUT", "onlineEndpoints/chat", using(id)).raise_for_status()
    api.call("DELETE", id).raise_for_status()
    made(api)
    role = RoleSpec("Writes endpoints", actions=("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/*",))
    with api.store.transaction() as tx:
        at = api.workspace.role_definition(WRITES_ENDPOINTS)
        tx.put(Kind.ROLE_DEFINITION, at, "/", WRITES_ENDPOINTS, role, by="test", operation=None)
    writer = api.granted(api.stranger(), WRITES_ENDPOINTS)
    for method, body in (("PUT", using(id)), ("PATCH", {"tags": {"a": "b"}})):
        refused = api.call(method, "onlineEndpoints/chat", body, token=api.token(writer))
        assert (refused.status_code, "assign/action" in refused.text) == (403, True)
    assert shown(api) == {id: {}}
    api.granted(writer, CONTRIBUTOR, api.workspace.group_path)
    api.call("PUT", "onlineEndpoints/chat", using(id), token=api.token(writer)).raise_for_status()
    assert shown(api)[id]


def test_a_plan_shows_that_it_would_be_another(api: InProcessApi) -> None:
    id = made(api)
    api.call("PUT", "onlineEndpoints/chat", using(id)).raise_for_status()
    api.call("DELETE", id).raise_for_status()
    made(api)
    plan = api.call("POST", "plan", {"resources": [{"id": "onlineEndpoints/chat", "body": using(id)}]}).json()
    [resource] = plan["resources"]
    assert resource["action"] == "overwrite"
    assert f"identity.userAssignedIdentities.{id}.principalId" in {each["field"] for each in resource["changes"]}


def test_endpoints_of_before_keep_the_identities_that_they_had(tmp_path: Path) -> None:
    with InProcessApi(tmp_path) as api:
        id, gone = made(api), made(api, "gone")
        both = using(id)
        both["identity"]["userAssignedIdentities"][gone] = {}
        api.call("PUT", "onlineEndpoints/chat", both).raise_for_status()
        etag = api.call("GET", "onlineEndpoints/chat").headers["ETag"]
        api.call("DELETE", gone).raise_for_status()
        before, database = shown(api), api.home.database
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
    engine.dispose()
    with closing(sqlite3.connect(database)) as opened:
        [(spec,)] = opened.execute("SELECT spec FROM resources WHERE kind = 'endpoint'")
    assert "identity_uids" not in spec
    with InProcessApi(tmp_path) as api:
        assert shown(api) == before
        assert (bool(before[id]), before[gone]) == (True, {})
        assert api.call("GET", "onlineEndpoints/chat").headers["ETag"] == etag
        made(api, "gone")
        assert shown(api) == before


def enforcing(value: str) -> dict[str, Any]:
    return {"properties": {"authMode": "Key", "properties": {ENFORCE_ACCESS: value}}}


@pytest.mark.parametrize(
    ("value", "given"), [(" Enabled", True), ("TRUE ", True), ("disabled", False), ("False", False)]
)
def test_access_to_secrets_is_enforced_however_it_is_spelt(api: InProcessApi, value: str, given: bool) -> None:
    api.call("PUT", "onlineEndpoints/chat", enforcing(value)).raise_for_status()
    identity = api.call("GET", "onlineEndpoints/chat").json()["identity"]["principalId"]
    with api.store.reading() as tx:
        roles = [each.role for each in tx.principals.grants(identity)]
    assert (BUILT_IN[SECRETS_READER] in roles) is given


@pytest.mark.parametrize("value", ["yes", "1", "", "on", "enabled!"])
def test_what_says_neither_is_refused(api: InProcessApi, value: str) -> None:
    refused = api.call("PUT", "onlineEndpoints/chat", enforcing(value))
    error = refused.json()["error"]
    field = f"properties.properties.{ENFORCE_ACCESS}"
    assert (refused.status_code, error["code"], error["target"]) == (400, "BadArgument", field)
    assert api.call("GET", "onlineEndpoints/chat").status_code == 404
