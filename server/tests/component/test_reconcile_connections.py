"""The reconciler and the connections of a deployment, on a real store with fakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.resources.built_in_roles import SECRETS_READER
from flowstead.resources.connection import CREDENTIAL_PREFIX, ConnectionSpec
from flowstead.resources.connection_use import ConnectionUse
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.home import Home
from flowstead.store.records import Kind
from flowstead.testing.reconciler_world import WORKSPACE, ReconcilerWorld

KEY = "hunter2-of-the-connection"
LLM = ConnectionUse("my_llm", "my_llm", ("node 'chat'",), required=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReconcilerWorld]:
    world = ReconcilerWorld(Home(tmp_path / "home"))
    yield world
    world.close()


@pytest.fixture
def serving(world: ReconcilerWorld) -> str:
    """A deployment that serves with a connection; its revision."""
    id = WORKSPACE.connection("my_llm")
    with world.store.transaction() as tx:
        spec = ConnectionSpec("OpenAi", "ApiKey", "http://llm.test", credentials=("key",))
        tx.put(Kind.CONNECTION, id, WORKSPACE.path, "my_llm", spec, by="test", operation=None)
        tx.put_secret(id, CREDENTIAL_PREFIX + "key", KEY, by="test")
    world.put_endpoint(traffic={"blue": 100})
    world.grant(SECRETS_READER)
    world.put_deployment(model=world.put_flow(), connections=(LLM,))
    world.settle()
    return world.there().status.revision


def key_of(world: ReconcilerWorld, instance: str) -> str:
    text = world.engine.instances[instance].spec.environment["FLOWSTEAD_CONNECTION_my_llm"]
    return str(json.loads(text)["properties"]["credentials"]["key"])


def test_a_missing_connection_starts_nothing_and_the_serving_revision_keeps_its_own(
    world: ReconcilerWorld, serving: str
) -> None:
    assert key_of(world, world.only_instance()) == KEY
    with world.store.transaction() as tx:
        tx.remove(WORKSPACE.connection("my_llm"))
    world.put_deployment(connections=(LLM,), description="changed")
    world.settle()
    status = world.there().status
    assert (status.provisioning_state, status.phase) == (ProvisioningState.FAILED, "ConnectionsResolvable")
    assert status.serving_revision == serving
    assert status.error is not None
    assert status.error["code"] == "ConnectionMissing"
    assert KEY not in json.dumps(status.error)
    assert "goes on serving, with its connections as they were" in status.error["message"]

    old = world.only_instance()
    del world.engine.instances[old]
    world.new_reconciler()
    world.look_until(lambda: len(world.engine.instances) == 1)
    assert world.only_instance() != old
    assert key_of(world, world.only_instance()) == KEY


def test_without_the_role_it_fails_and_after_the_grant_it_comes_up(world: ReconcilerWorld, serving: str) -> None:
    role = f"{WORKSPACE.path}/providers/Microsoft.Authorization/roleAssignments/{SECRETS_READER}-chat"
    with world.store.transaction() as tx:
        tx.remove(role)
    world.settle()
    assert world.there().status.provisioning_state is ProvisioningState.SUCCEEDED, "what serves goes on"
    world.put_deployment(connections=(LLM,), description="changed")
    world.settle()
    status = world.there().status
    assert (status.provisioning_state, status.phase) == (ProvisioningState.FAILED, "IdentityGranted")
    assert status.serving_revision == serving
    assert status.error is not None
    assert status.error["code"] == "AccessDenied"
    assert "Access denied to list workspace secret 'my_llm'" in status.error["message"]
    world.grant(SECRETS_READER, WORKSPACE.connection("my_llm"))
    world.put_deployment(connections=(LLM,), description="changed")
    world.settle()
    assert world.there().status.provisioning_state is ProvisioningState.SUCCEEDED


@pytest.mark.parametrize("gone", ["connection", "role"])
def test_what_is_lost_is_replaced_though_what_it_needs_has_gone(
    world: ReconcilerWorld, serving: str, gone: str
) -> None:
    """The machine was started anew, say: nobody has changed the deployment."""
    role = f"{WORKSPACE.path}/providers/Microsoft.Authorization/roleAssignments/{SECRETS_READER}-chat"
    with world.store.transaction() as tx:
        tx.remove(WORKSPACE.connection("my_llm") if gone == "connection" else role)
    lost = world.only_instance()
    world.engine.lose(lost)
    world.new_reconciler()
    world.look_until(lambda: list(world.engine.instances) not in ([], [lost]) and len(world.engine.instances) == 1)
    assert world.engine.instances[world.only_instance()].observed.revision == serving
    assert key_of(world, world.only_instance()) == KEY
    assert world.there().status.provisioning_state is ProvisioningState.SUCCEEDED


def test_another_key_is_another_revision(world: ReconcilerWorld, serving: str) -> None:
    with world.store.transaction() as tx:
        tx.put_secret(WORKSPACE.connection("my_llm"), CREDENTIAL_PREFIX + "key", "hunter2-another", by="test")
        record = tx.get(Kind.DEPLOYMENT, WORKSPACE.deployment("chat", "blue"))
    world.put_deployment(description="changed")
    world.settle()
    assert record.spec.connections == (LLM,)
    assert world.there().status.revision != serving
    assert key_of(world, world.only_instance()) == "hunter2-another"
