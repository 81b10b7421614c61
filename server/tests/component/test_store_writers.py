"""A user who keeps changing a resource, and a reconciler that keeps writing its status."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowstead.resources.clock import SystemClock
from flowstead.resources.endpoint import EndpointSpec, EndpointStatus, ProvisioningState
from flowstead.resources.home import Home
from flowstead.resources.names import Workspace
from flowstead.resources.operation import OperationKind, OperationState
from flowstead.store import Store
from flowstead.store.records import Kind
from flowstead.testing.fixed_key import fixed_key

ROUNDS = 2000 if os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full" else 300
HERE = Workspace()
FOO = HERE.endpoint("foo")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    home = Home(tmp_path)
    home.create()
    pair = tuple(Store.open(home, clock=SystemClock(), master_key=fixed_key()) for _ in range(2))
    yield pair[0], pair[1]
    for store in pair:
        store.close()


def put(store: Store, description: str) -> tuple[int, str]:
    with store.transaction() as tx:
        record, operation = tx.put(
            Kind.ENDPOINT, FOO, HERE.path, "foo", EndpointSpec(description=description), by="me",
            operation=OperationKind.UPDATE,
        )  # fmt: skip
        assert operation is not None
        return record.generation, operation.id


def test_neither_writer_undoes_the_other(stores: tuple[Store, Store]) -> None:
    """Two connections of two stores, as two processes have them."""
    users, reconcilers = stores
    put(users, "start")
    done, tried = threading.Event(), threading.Event()
    refused = written = 0
    failures: list[BaseException] = []

    def reconcile() -> None:
        nonlocal refused, written
        try:
            while not done.is_set():
                with reconcilers.reading() as tx:
                    seen = tx.get(Kind.ENDPOINT, FOO)
                # The status says which specification it was made from, so a lost guard shows.
                status = EndpointStatus(ProvisioningState.SUCCEEDED, {"message": seen.spec.description})
                with reconcilers.transaction() as tx:
                    if tx.put_status(FOO, status, generation=seen.generation):
                        written += 1
                    else:
                        refused += 1
                tried.set()
                with reconcilers.reading() as tx:
                    record = tx.get(Kind.ENDPOINT, FOO)
                if record.observed_generation == record.generation:
                    assert record.status.error == {"message": record.spec.description}
        except BaseException as failure:
            failures.append(failure)
            tried.set()

    thread = threading.Thread(target=reconcile)
    thread.start()
    operations = []
    for n in range(ROUNDS):
        operations.append(put(users, f"round {n}")[1])
        if n % 3 == 0:  # SQLite knows no turns: without a pause the other process might never get one
            tried.clear()
            assert tried.wait(30)
    done.set()
    thread.join()

    assert failures == []
    assert written > 0
    with users.reading() as tx:
        record = tx.get(Kind.ENDPOINT, FOO)
        assert (record.generation, record.spec.description) == (ROUNDS + 1, f"round {ROUNDS - 1}")
        states = [tx.operation(id) for id in operations]
        assert [state.state for state in states if state][:-1] == [OperationState.CANCELED] * (ROUNDS - 1)
        assert len(tx.audit(FOO, limit=ROUNDS * 2)) == ROUNDS + 1
    print(f"\n{ROUNDS} changes; statuses: {written} written, {refused} refused as late")


def test_many_threads_lose_no_change(stores: tuple[Store, Store]) -> None:
    each = max(20, ROUNDS // 20)

    def change(store: Store, who: int) -> None:
        for n in range(each):
            put(store, f"{who} {n}")

    threads = [threading.Thread(target=change, args=(stores[who % 2], who)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].reading() as tx:
        assert tx.get(Kind.ENDPOINT, FOO).generation == 6 * each
        assert tx.running_operation(FOO) is not None


def test_a_compare_and_swap_by_etag_counts_right(stores: tuple[Store, Store]) -> None:
    put(stores[0], "0")
    each = max(10, ROUNDS // 30)

    def count(store: Store) -> None:
        for _ in range(each):
            with store.transaction() as tx:
                record = tx.get(Kind.ENDPOINT, FOO)
                spec = EndpointSpec(description=str(int(record.spec.description) + 1))
                tx.put(Kind.ENDPOINT, FOO, HERE.path, "foo", spec, by="me", operation=None, still=record.etag)

    threads = [threading.Thread(target=count, args=(store,)) for store in stores * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].reading() as tx:
        assert tx.get(Kind.ENDPOINT, FOO).spec.description == str(4 * each)
