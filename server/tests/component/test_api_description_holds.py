"""The API does what its description says: requests made from the served document, to a real server, one by one and as
stories. No answer is a 5xx, all have a status, type and shape that the document names, and none comes without a token
where one is needed."""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from flowstead.testing.served_api import ServedApi

FULL = os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full"
CASES = 5000 if FULL else 500
STEPS = 10
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDLESS = ("follow_events",)
"""Streams without an end; they have tests of their own."""
NAMES = {
    "endpoint": ["chat", "other"],
    "deployment": ["blue", "green"],
    "name": ["flow", "thing"],
    "version": ["1", "2"],
    "connection": ["llm", "search"],
    "flow": ["draft", "sketch"],
}
"""For stories: few names, so that one request meets what another one has made."""
QUIET: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": (Phase.generate,),
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    with ServedApi(tmp_path_factory.mktemp("home")) as api:
        yield api


@pytest.fixture(scope="module")
def document(api: ServedApi) -> dict[str, Any]:
    """As it is served, with the ids of the one workspace, under which everything else lies."""
    document: dict[str, Any] = httpx.get(f"{api.url}/openapi.json").json()
    here = api.workspace
    known = {"subscription": here.subscription, "group": here.resource_group, "workspace": here.name}
    known |= {"tenant": api.access.tenant_id, "location": "local"}
    for operations in document["paths"].values():
        for method in [each for each, operation in operations.items() if operation["operationId"] in ENDLESS]:
            del operations[method]
        for operation in operations.values():
            _only(operation, {name: [value] for name, value in known.items()})
            operation.pop("security", None)  # or tokens are made up where we send a real one
    return document


@schemathesis.serializer("application/zip")
def _archive(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes(str(value), "utf-8")


@pytest.fixture(scope="module")
def calls(api: ServedApi) -> Calls:
    return Calls(api)


class Calls:
    """Sends a case with the owner's token and checks the answer. statuses: how often each came."""

    def __init__(self, api: ServedApi) -> None:
        self._api = api
        self.headers = {"Authorization": f"Bearer {api.token()}"}
        self.statuses: Counter[int] = Counter()
        self.failures: list[BaseException] = []

    def send(self, case: Any) -> Any:
        answer = case.call(base_url=self._api.url, headers=self.headers, timeout=60)
        self.check(case, answer)
        return answer

    def check(self, case: Any, answer: Any) -> None:
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS, headers=self.headers)
        except FailureGroup as failure:
            self.failures.append(failure)
            raise
        if self.statuses.total() % 20 == 0:
            self._api.settle()


def test_every_route_answers_as_it_says(document: dict[str, Any], calls: Calls) -> None:
    operations = _operations(document)
    before = calls.statuses.total()
    share = max(2, CASES // 2 // len(operations))
    failures: list[BaseException] = []
    for operation in operations:
        try:
            _try(operation, GenerationMode.POSITIVE, share - share // 2, calls)
            with suppress(Unsatisfiable):  # nothing in it could be wrong
                _try(operation, GenerationMode.NEGATIVE, share // 2, calls)
        except (Exception, FailureGroup) as failure:
            failures.append(failure)
    if failures:
        raise BaseExceptionGroup("answers that the description does not know", failures)
    assert calls.statuses.total() - before > CASES // 4


def _try(operation: Any, mode: GenerationMode, count: int, calls: Calls) -> None:
    @seed(20260101)
    @settings(max_examples=count, **QUIET)
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: Any) -> None:
        calls.send(case)

    tried()


def test_stories_of_requests_hold_together(document: dict[str, Any], api: ServedApi, calls: Calls) -> None:
    schema = schemathesis.openapi.from_dict(_for_stories(document, api))
    before = calls.statuses.copy()
    calls.failures.clear()
    base: Any = schema.as_state_machine()

    class Story(base):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": api.url, "headers": calls.headers, "timeout": 60}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            calls.check(case, response)

    how = settings(max_examples=10, stateful_step_count=STEPS, **QUIET)
    for number in range(CASES):
        Story._hypothesis_internal_use_seed = number
        # The server remembers, so the same story does not go the same way twice; what counts is noted by `calls`.
        with suppress(Flaky):
            Story.run(settings=how)
        if calls.failures or (calls.statuses - before).total() > CASES // 2:
            break
    if calls.failures:
        raise calls.failures[0]
    told = calls.statuses - before
    print(f"\n{told.total()} requests in stories: {dict(told)}")
    assert told.total() > CASES // 2
    assert told[200] + told[201] + told[202] > told.total() // 4, "stories in which nothing succeeds tell little"


def test_no_route_forgets_who_asks(document: dict[str, Any], api: ServedApi) -> None:
    for operation in _operations(document):
        if not operation.path.startswith("/subscriptions"):
            continue

        @seed(20260101)
        @settings(max_examples=1, **QUIET)
        @given(case=operation.as_strategy())
        def tried(case: Any) -> None:
            case.headers.pop("Authorization", None)
            for headers in ({}, {"Authorization": "Bearer x.y.z"}):
                answer = case.call(base_url=api.url, headers=headers, timeout=60)
                assert answer.status_code == 401, (case.method, case.path)
                case.validate_response(answer, checks=CHECKS)

        tried()


def _operations(document: dict[str, Any]) -> list[Any]:
    found: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    return [each.ok() for each in found]


def _for_stories(document: dict[str, Any], api: ServedApi) -> dict[str, Any]:
    """Few names, a model that is a flow, and links from what a PUT makes to all that can be done with it."""
    told = copy.deepcopy(document)
    uri = api.upload({"flow.dag.yaml": "inputs: {}\noutputs: {}\nnodes: []\n"})
    model = api.call("PUT", "models/flow/versions/1", {"properties": {"modelUri": uri}}).json()["id"]
    schemas = told["components"]["schemas"]
    schemas["DeploymentProperties"]["properties"]["model"] = {"enum": [model]}
    schemas["ModelVersionProperties"]["properties"]["modelUri"] = {"enum": [uri]}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            _only(operation, NAMES)
        made = operations.get("put", {}).get("responses", {}).get("201")
        if made is not None and ".blob." not in path:
            made["links"] = dict(_links(told["paths"], path))
    return told


def _links(paths: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    names = {part[1:-1]: f"$request.path.{part[1:-1]}" for part in path.split("/") if part.startswith("{")}
    for other, operations in paths.items():
        if other == path or other.startswith(f"{path}/"):
            for operation in operations.values():
                id = operation["operationId"]
                yield id, {"operationId": id, "parameters": names}


def _only(operation: dict[str, Any], values: dict[str, list[str]]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in values:
            parameter["schema"] = {"type": "string", "enum": values[parameter["name"]]}
