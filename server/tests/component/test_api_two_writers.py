"""Two writers on one deployment, with the API, the store and the reconciler as they are: nothing is lost or mixed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.reconcile.hint import Hint
from flowstead.reconcile.loop import Reconciler
from flowstead.resources.operation import Operation, OperationState
from flowstead.testing.in_process_api import InProcessApi
from flowstead.testing.memory_engine import InMemoryEngine
from flowstead.testing.memory_environments import InMemoryEnvironments
from flowstead.testing.memory_gateway import InMemoryGateway

ROUNDS = 500
PATH = "onlineEndpoints/chat/deployments/blue"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


@pytest.fixture
def reconciler(api: InProcessApi) -> Iterator[Reconciler]:
    """At work in a thread of its own, as in the server."""
    stop, hint = threading.Event(), Hint()
    reconciler = Reconciler(
        store=api.store, engine=InMemoryEngine(), environments=InMemoryEnvironments(), gateway=InMemoryGateway(),
        home=api.home, clock=api.clock, hint=hint,
    )  # fmt: skip
    thread = threading.Thread(target=reconciler.run, args=(stop,))
    thread.start()
    yield reconciler
    stop.set()
    hint.set()
    thread.join(30)


def body(model: str, mark: str) -> dict[str, Any]:
    """A specification that says in three places whose it is."""
    return {
        "tags": {"mark": mark},
        "sku": {"capacity": 1 + len(mark) % 2},
        "properties": {"model": model, "description": mark, "environmentVariables": {"MARK": mark}},
    }


def mark_of(shown: dict[str, Any]) -> str:
    """Whose specification that is. Fails when it is nobody's."""
    properties = shown["properties"]
    marks = {shown["tags"]["mark"], properties["description"], properties["environmentVariables"]["MARK"]}
    assert len(marks) == 1, shown
    mark = str(marks.pop())
    assert shown["sku"]["capacity"] == 1 + len(mark) % 2
    return mark


def operations(api: InProcessApi) -> list[Operation]:
    with api.store.reading() as tx:
        found = tx.history.operations(limit=10 * ROUNDS)
    return [each for each in found if each.resource_id.endswith("/deployments/blue")]


def test_of_two_writers_one_overtakes_the_other_and_with_if_match_the_loser_hears_of_it(
    api: InProcessApi, reconciler: Reconciler
) -> None:
    api.call("PUT", "onlineEndpoints/chat", {"properties": {"authMode": "Key"}})
    uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    etag = api.call("PUT", PATH, body(model, "first")).headers["ETag"]
    begun = Counter[str]()
    token = api.token()

    def write(mark: str, if_match: str | None) -> httpx.Response:
        headers = {"If-Match": if_match} if if_match else {}
        return api.call("PUT", PATH, body(model, mark), token=token, headers=headers)

    with ThreadPoolExecutor(2) as writers:
        for number in range(ROUNDS):
            guarded = number % 2 == 0
            marks = [f"a{number}", f"bb{number}"]
            answers = list(writers.map(write, marks, [etag if guarded else None] * 2))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses == ([200, 412] if guarded else [200, 200])
            begun.update(each.headers["Azure-AsyncOperation"] for each in answers if each.status_code == 200)
            for answer in answers:
                if answer.status_code == 412:
                    assert answer.json()["error"]["code"] == "PreconditionFailed"
            now = api.call("GET", PATH, token=token)
            mark = mark_of(now.json())
            accepted = [mark for mark, answer in zip(marks, answers, strict=True) if answer.status_code == 200]
            assert mark in accepted
            # What an accepted PUT answered is its own specification, whoever came next.
            for wanted, answer in zip(marks, answers, strict=True):
                assert answer.status_code == 412 or mark_of(answer.json()) == wanted
            etag = now.headers["ETag"]
            if number % 50 == 0:
                assert sum(not each.state.terminal for each in operations(api)) <= 1

    deadline = time.monotonic() + 60
    while any(not each.state.terminal for each in operations(api)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    newest, *others = operations(api)
    assert newest.state is OperationState.SUCCEEDED
    assert mark_of(api.call("GET", PATH).json()) == mark
    ended = Counter(each.state for each in others)
    print(f"\n{len(others) + 1} operations: {dict(ended)}")
    assert set(ended) <= {OperationState.CANCELED, OperationState.SUCCEEDED}
    # In a round without If-Match one of two operations that began together is overtaken by the other.
    assert ended[OperationState.CANCELED] >= ROUNDS // 4
    assert max(begun.values()) == 1, "each accepted change has an operation of its own"
    with api.store.reading() as tx:
        changes = [each for each in tx.audit(newest.resource_id, limit=10 * ROUNDS) if each.action == "update"]
    assert len(changes) == len(others)
    assert {each.outcome for each in changes} <= {"Succeeded", "Canceled"}
