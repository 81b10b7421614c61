from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from flowstead.errors import HomeNotWritable, PreconditionFailed, ResourceConflict, ResourceNotFound, StartFailed
from flowstead.resources.asset import AssetContainerSpec
from flowstead.resources.deployment import Condition, DeploymentSpec, DeploymentStatus
from flowstead.resources.endpoint import EndpointSpec, EndpointStatus, ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.model import ModelVersionSpec
from flowstead.resources.names import Workspace
from flowstead.resources.operation import Operation, OperationKind, OperationState
from flowstead.store import Store, Writing
from flowstead.store.records import AnyRecord, DeploymentRecord, EndpointRecord, Kind
from flowstead.store.schema import metadata
from flowstead.testing.fixed_key import fixed_key
from flowstead.testing.frozen_clock import FrozenClock

HERE = Workspace()
FOO = HERE.endpoint("Foo")
BLUE = HERE.deployment("Foo", "Blue")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.create()
    return home


@pytest.fixture
def store(home: Home, clock: FrozenClock) -> Iterator[Store]:
    opened = Store.open(home, clock=clock, master_key=fixed_key())
    yield opened
    opened.close()


def put_endpoint(
    tx: Writing, spec: EndpointSpec | None = None, *, force: bool = False, still: str | None = None
) -> tuple[EndpointRecord, Operation]:
    kind = OperationKind.UPDATE if tx.find(Kind.ENDPOINT, FOO) else OperationKind.CREATE
    record, operation = tx.put(
        Kind.ENDPOINT, FOO, HERE.path, "Foo", spec or EndpointSpec(), by="me", operation=kind, force=force,
        still=still,
    )  # fmt: skip
    assert operation is not None
    return record, operation


def put_deployment(tx: Writing, spec: DeploymentSpec | None = None) -> tuple[DeploymentRecord, Operation]:
    record, operation = tx.put(
        Kind.DEPLOYMENT, BLUE, FOO, "Blue", spec or DeploymentSpec(model="m"), by="me", operation=OperationKind.CREATE
    )
    assert operation is not None
    return record, operation


def settle(store: Store, id: str, state: ProvisioningState = ProvisioningState.SUCCEEDED) -> None:
    with store.transaction() as tx:
        endpoint: AnyRecord | None = tx.find(Kind.ENDPOINT, id)
        record = endpoint or tx.get(Kind.DEPLOYMENT, id)
        assert tx.put_status(id, replace(record.status, provisioning_state=state), generation=record.generation)
        running = tx.running_operation(id)
        assert running is not None
        tx.finish_operation(running.id, OperationState(state.value))


def test_a_resource_is_found_whatever_the_case(store: Store) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
    with store.reading() as tx:
        for id in (FOO, FOO.lower(), FOO.upper()):
            assert tx.get(Kind.ENDPOINT, id).id == FOO
        assert tx.find(Kind.DEPLOYMENT, FOO) is None
        with pytest.raises(ResourceNotFound, match="endpoint bar"):
            tx.get(Kind.ENDPOINT, HERE.endpoint("bar"))
        with pytest.raises(ResourceNotFound, match="deployment Foo/Blue"):
            tx.get(Kind.DEPLOYMENT, BLUE)


def test_every_kind_comes_back_as_it_went_in(store: Store) -> None:
    deployment = DeploymentSpec(
        model="m",
        environment_variables={"A": "1"},
        secret_variables=("B",),
        extra={"dataCollector": {"collections": {"x": {"a": [1, None]}}}},
    )
    version = ModelVersionSpec("uri", "0" * 64, flavors={"promptflow": {"entry": "flow.dag.yaml", "n": 1}})
    container = AssetContainerSpec(tags={"a": "b"}, latest_version="1", next_version="2")
    status = DeploymentStatus(
        provisioning_state=ProvisioningState.FAILED,
        conditions=(Condition("EnvironmentBuilt", True, "Cached", "", "2026-01-01T00:00:00Z"),),
        serving_revision="r",
        phase_times={"EnvironmentBuilt": 1.25},
        error={"code": "X", "message": "y"},
    )
    with store.transaction() as tx:
        put_endpoint(tx, EndpointSpec(traffic={"Blue": 100}))
        put_deployment(tx, deployment)
        tx.put(Kind.MODEL, HERE.model("m"), HERE.path, "m", container, by="me", operation=None)
        tx.put(Kind.MODEL_VERSION, HERE.model("m", "1"), HERE.model("m"), "1", version, by="me", operation=None)
        assert tx.put_status(BLUE, status, generation=1)
    with store.reading() as tx:
        assert tx.get(Kind.ENDPOINT, FOO).spec == EndpointSpec(traffic={"Blue": 100})
        assert tx.get(Kind.ENDPOINT, FOO).status == EndpointStatus()
        assert tx.get(Kind.DEPLOYMENT, BLUE).spec == deployment
        assert tx.get(Kind.DEPLOYMENT, BLUE).status == status
        assert tx.get(Kind.MODEL, HERE.model("m")).spec == container
        assert tx.get(Kind.MODEL_VERSION, HERE.model("m", "1")).spec == version
        assert [record.name for record in tx.list(Kind.DEPLOYMENT, FOO.lower())] == ["Blue"]
        assert tx.list(Kind.DEPLOYMENT, HERE.endpoint("other")) == []
        assert tx.uids(Kind.DEPLOYMENT) == {each.id: each.uid for each in tx.list(Kind.DEPLOYMENT)}
        assert len(tx.uids(Kind.DEPLOYMENT)) == 1


def test_a_change_is_a_new_generation_and_supersedes_the_running_operation(store: Store) -> None:
    with store.transaction() as tx:
        first, created = put_endpoint(tx)
        second, updated = put_endpoint(tx, EndpointSpec(description="new"))
        old = tx.operation(created.id)
        assert tx.running_operation(FOO) == updated
    assert (first.generation, second.generation, first.uid) == (1, 2, second.uid)
    assert first.etag != second.etag
    assert old is not None
    assert (old.state, (old.error or {})["code"]) == (OperationState.CANCELED, "OperationCanceled")
    assert (updated.kind, updated.generation, updated.state) == (OperationKind.UPDATE, 2, OperationState.IN_PROGRESS)


def test_the_same_again_changes_nothing(store: Store) -> None:
    with store.transaction() as tx:
        record, created = put_endpoint(tx)
        again, same = put_endpoint(tx)
        assert (again.generation, same.id) == (1, created.id)
    settle(store, FOO)
    with store.transaction() as tx:
        again, done = put_endpoint(tx)
        assert (again.generation, again.etag) == (1, record.etag)
        assert done.state is OperationState.SUCCEEDED
        assert tx.unsettled() == []


def test_the_same_again_after_a_failure_is_another_try(store: Store) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
    settle(store, FOO, ProvisioningState.FAILED)
    with store.transaction() as tx:
        again, operation = put_endpoint(tx)
    assert (again.generation, operation.state) == (2, OperationState.IN_PROGRESS)


def test_a_change_beside_the_specification_is_a_new_generation_when_forced(store: Store) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
        assert put_endpoint(tx, force=True)[0].generation == 2


def test_an_etag_guards_a_change(store: Store) -> None:
    with store.transaction() as tx:
        record, _ = put_endpoint(tx)
        put_endpoint(tx, EndpointSpec(description="theirs"), still=record.etag)
        with pytest.raises(PreconditionFailed):
            put_endpoint(tx, EndpointSpec(description="mine"), still=record.etag)
        with pytest.raises(PreconditionFailed):
            tx.put(Kind.DEPLOYMENT, BLUE, FOO, "Blue", DeploymentSpec("m"), by="me", operation=None, still=record.etag)


def test_a_status_is_taken_for_the_generation_it_speaks_of_only(store: Store) -> None:
    status = EndpointStatus(provisioning_state=ProvisioningState.SUCCEEDED)
    with store.transaction() as tx:
        put_endpoint(tx)
        put_endpoint(tx, EndpointSpec(description="new"))
        assert not tx.put_status(FOO, status, generation=1)
        assert not tx.put_status(HERE.endpoint("gone"), status, generation=1)
        assert tx.get(Kind.ENDPOINT, FOO).observed_generation == 0
        assert tx.put_status(FOO.upper(), status, generation=2)
        record = tx.get(Kind.ENDPOINT, FOO)
    assert (record.observed_generation, record.status, record.spec.description) == (2, status, "new")


def test_what_is_unsettled(store: Store) -> None:
    def names() -> list[str]:
        with store.reading() as tx:
            return [record.name for record in tx.unsettled()]

    with store.transaction() as tx:
        put_endpoint(tx)
        put_deployment(tx)
        tx.put(Kind.MODEL, HERE.model("m"), HERE.path, "m", AssetContainerSpec(), by="me", operation=None)
    assert sorted(names()) == ["Blue", "Foo"]
    settle(store, FOO)
    settle(store, BLUE, ProvisioningState.FAILED)
    assert names() == []
    with store.transaction() as tx:
        put_deployment(tx, DeploymentSpec(model="other"))
    assert names() == ["Blue"]
    with store.transaction() as tx:
        tx.put_status(BLUE, DeploymentStatus(provisioning_state=ProvisioningState.SUCCEEDED), generation=2)
    assert names() == ["Blue"], "its operation has not ended"
    settle(store, BLUE)
    with store.transaction() as tx:
        tx.put_status(BLUE, DeploymentStatus(provisioning_state=ProvisioningState.UPDATING), generation=2)
    assert names() == ["Blue"]
    with store.transaction() as tx:
        tx.mark_deleting(FOO, "me")
    assert sorted(names()) == ["Blue", "Foo"]


def test_deleting_an_endpoint_is_one_operation_for_the_whole_family(store: Store) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
        _, child = put_deployment(tx)
        tx.put_secret(BLUE, "s", "v", "me")
        deletion = tx.mark_deleting(FOO, "me")
        assert tx.mark_deleting(FOO.lower(), "me") == deletion
        record = tx.get(Kind.DEPLOYMENT, BLUE)
        assert (record.deleting, record.generation) == (True, 2)
        assert not tx.put_status(BLUE, DeploymentStatus(), generation=1), "worked out before the deletion"
        ended = tx.operation(child.id)
        assert ended is not None
        assert ended.state is OperationState.CANCELED
        with pytest.raises(ResourceConflict, match="being deleted"):
            put_endpoint(tx)
        with pytest.raises(ResourceNotFound):
            tx.mark_deleting(HERE.endpoint("gone"), "me")
    with store.transaction() as tx:
        tx.remove(FOO)
        tx.remove(FOO)
        assert (tx.list(Kind.ENDPOINT), tx.list(Kind.DEPLOYMENT)) == ([], [])
        done = tx.operation(deletion.id)
        assert done is not None
        assert done.state is OperationState.SUCCEEDED
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM secrets").scalar_one() == 0


def test_a_deletion_of_a_deployment_goes_on_when_its_endpoint_is_deleted_too(store: Store) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
        put_deployment(tx)
        own = tx.mark_deleting(BLUE, "me")
        tx.mark_deleting(FOO, "me")
        assert tx.running_operation(BLUE) == own
        tx.remove(FOO)
        done = tx.operation(own.id)
        assert done is not None
        assert done.state is OperationState.SUCCEEDED


def test_a_name_that_comes_back_is_another_resource(store: Store) -> None:
    with store.transaction() as tx:
        first, _ = put_endpoint(tx)
        tx.put_secret(FOO, "primaryKey", "old", "me")
        tx.remove(FOO)
        second, _ = put_endpoint(tx)
        assert second.uid != first.uid
        assert second.etag != first.etag
        assert tx.secrets(FOO) == {}


def test_operations_say_how_far_they_are_and_end_once(store: Store, clock: FrozenClock) -> None:
    with store.transaction() as tx:
        _, operation = put_endpoint(tx)
        assert tx.update_operation(operation.id, "EnvironmentBuilt", {"EnvironmentBuilt": 1.5})
    clock.advance(5)
    with store.transaction() as tx:
        assert tx.finish_operation(operation.id, OperationState.FAILED, {"code": "X", "message": "y"})
        assert not tx.finish_operation(operation.id, OperationState.SUCCEEDED)
        assert not tx.update_operation(operation.id, "later", {})
        found = tx.operation(operation.id)
        assert tx.running_operation(FOO) is None
        assert tx.operation("nothing") is None
    assert found is not None
    assert (found.state, found.phase, found.phase_times) == (
        OperationState.FAILED, "EnvironmentBuilt", {"EnvironmentBuilt": 1.5},
    )  # fmt: skip
    assert (found.error, found.resource_id) == ({"code": "X", "message": "y"}, FOO)
    assert (found.started_at, found.ended_at) == ("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:05.000000Z")


def test_old_operations_are_forgotten_at_the_next_start(home: Home, clock: FrozenClock) -> None:
    store = Store.open(home, clock=clock, master_key=fixed_key())
    with store.transaction() as tx:
        _, running = put_endpoint(tx)
        _, ended = put_deployment(tx)
        tx.finish_operation(ended.id, OperationState.SUCCEEDED)
    store.close()
    clock.advance(31 * 24 * 3600)
    store = Store.open(home, clock=clock, master_key=fixed_key())
    with store.reading() as tx:
        assert tx.operation(running.id) is not None
        assert tx.operation(ended.id) is None
    store.close()


def test_secrets_are_sealed_and_audited_by_name(store: Store, home: Home) -> None:
    with store.transaction() as tx:
        put_endpoint(tx)
        tx.put_secret(FOO, "primaryKey", "hunter2-first", "me")
        tx.put_secret(FOO.lower(), "primaryKey", "hunter2-second", "you")
        tx.put_secret(FOO, "other", "hunter2-third", "me")
        tx.remove_secret(FOO, "other", "me")
        tx.remove_secret(FOO, "other", "me")
        with pytest.raises(ResourceNotFound):
            tx.put_secret(BLUE, "x", "y", "me")
    with store.reading() as tx:
        assert tx.secrets(FOO.upper()) == {"primaryKey": "hunter2-second"}
        assert tx.secrets(BLUE) == {}
        trail = tx.audit(FOO)
    assert [(entry.action, entry.detail, entry.by) for entry in reversed(trail)] == [
        ("create", "", "me"),
        ("putSecret", "primaryKey", "me"),
        ("putSecret", "primaryKey", "you"),
        ("putSecret", "other", "me"),
        ("removeSecret", "other", "me"),
    ]
    store.close()
    files = b"".join(file.read_bytes() for file in home.root.glob("flowstead.db*"))
    assert b"hunter2" not in files
    assert b"hunter2" not in repr(trail).encode()


def test_each_change_is_audited_in_its_own_transaction(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction() as tx:
        put_endpoint(tx)
        raise RuntimeError
    with store.reading() as tx:
        assert tx.audit() == []
        assert tx.find(Kind.ENDPOINT, FOO) is None
    with store.transaction() as tx:
        put_endpoint(tx)
        put_endpoint(tx, EndpointSpec(description="new"))
        put_endpoint(tx, EndpointSpec(description="new"))
        tx.mark_deleting(FOO, "you")
        tx.remove(FOO)
    with store.reading() as tx:
        trail = list(reversed(tx.audit(FOO.lower())))
        assert tx.audit(limit=1) == [trail[-1]]
    assert [(entry.action, entry.by) for entry in trail] == [
        ("create", "me"), ("update", "me"), ("delete", "you"), ("remove", "system"),
    ]  # fmt: skip
    assert trail[0].before is None
    assert [(entry.before or {}).get("description") for entry in trail[1:3]] == ["", "new"]
    assert [(entry.after or {}).get("description") for entry in trail[:2]] == ["", "new"]


def test_a_reader_sees_one_state(store: Store) -> None:
    with store.reading() as reader:
        assert reader.list(Kind.ENDPOINT) == []
        with store.transaction() as tx:
            put_endpoint(tx)
        assert reader.list(Kind.ENDPOINT) == []
    with store.reading() as reader:
        assert len(reader.list(Kind.ENDPOINT)) == 1


def test_migrations_make_exactly_the_tables_that_the_code_knows(store: Store, home: Home) -> None:
    fresh = sa.create_engine("sqlite://")
    metadata.create_all(fresh)
    made = sa.create_engine(f"sqlite:///{home.database}")
    with fresh.connect() as wanted, made.connect() as found:
        assert _shape(sa.inspect(found)) == _shape(sa.inspect(wanted))
    fresh.dispose()
    made.dispose()


def _shape(inspector: sa.Inspector) -> dict[str, object]:
    return {
        table: (
            [
                (c["name"], str(c["type"]), c["nullable"], str(c["default"] or ""))
                for c in sorted(inspector.get_columns(table), key=lambda c: c["name"])
            ],
            sorted((i["name"] or "", tuple(i["column_names"])) for i in inspector.get_indexes(table)),
            sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(table)),
            inspector.get_pk_constraint(table)["constrained_columns"],
            [(f["constrained_columns"], f["referred_table"], f["options"]) for f in inspector.get_foreign_keys(table)],
        )
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_a_database_of_a_newer_flowstead_is_not_touched(home: Home, clock: FrozenClock) -> None:
    Store.open(home, clock=clock, master_key=fixed_key()).close()
    with sqlite3.connect(home.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StartFailed, match="newer"):
        Store.open(home, clock=clock, master_key=fixed_key())


def test_the_database_is_private_and_in_wal_mode(store: Store, home: Home) -> None:
    assert home.database.stat().st_mode & 0o777 == 0o600
    with store.reading() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path, clock: FrozenClock) -> None:
    with pytest.raises(HomeNotWritable, match=r"flowstead\.db"):
        Store.open(Home(tmp_path / "gone"), clock=clock, master_key=fixed_key())
