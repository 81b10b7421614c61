"""The API does what its description says: requests made from the served document, to a real server, one by one and as
stories. No answer is a 5xx, all have a status, type and shape that the document names, and none comes without a token
where one is needed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

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

from flowstead.access.gate import ENTRA_AUDIENCE
from flowstead.errors import UploadRefused
from flowstead.testing.served_api import ServedApi
from server.tests.component.story_links import A_FLOW, FOLLOWED, SIGNATURE, for_stories, with_names
from server.tests.component.story_world import BLOB, StoryWorld, archive, environments

FULL = os.environ.get("FLOWSTEAD_TEST_COUNTS") == "full"
CASES = 5000 if FULL else 500
"""Requests in stories; those to one route each come on top."""
pytestmark = pytest.mark.timeout(1800 if FULL else 180)
STEPS = 25
MOST = 4
"""Times CASES: how long it is looked for what is missing."""
NEEDS_A_SESSION = {"session_endpoint_token"}
"""What a browser's session alone is answered; stories bring a token. test_browser_sign_in.py asks for it."""
SEEDED_EVERY = 10
"""Operations after which the world is made good again."""
SETTLED_EVERY = 5
"""Requests after which the reconciler has its turn."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDLESS = ("follow_events",)
"""Streams without an end, the only operations that are not tried; they have tests of their own."""
OF_INSTANCES = ("identity_token",)
"""Operations that only a deployment's own key opens."""
SEVERAL = 5
"""So many failures are enough to see."""
QUIET: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "phases": (Phase.generate,),
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    lying = tmp_path_factory.mktemp("flows")
    (lying / "lying").mkdir()
    (lying / "lying" / "flow.dag.yaml").write_text("inputs: {}\noutputs: {}\nnodes: []\n")
    home = tmp_path_factory.mktemp("home")
    with ServedApi(home, environments=environments(), flow_directory=str(lying)) as api:
        yield api


@pytest.fixture(scope="module")
def world(api: ServedApi) -> StoryWorld:
    return StoryWorld(api)


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
            # Tokens are not to be made up where we send a real one.
            operation.pop("security", None)
            said = operation.get("parameters", [])
            operation["parameters"] = [each for each in said if each["name"].lower() != "authorization"]
    return document


@schemathesis.serializer("application/zip")
def _archive(_: Any, value: Any) -> bytes:
    if value == A_FLOW:
        return archive()
    return value if isinstance(value, bytes) else bytes(str(value), "utf-8")


@pytest.fixture(scope="module")
def calls(api: ServedApi) -> Calls:
    return Calls(api)


class Calls:
    """Sends a case with the owner's token and checks the answer. statuses: how often each came."""

    def __init__(self, api: ServedApi) -> None:
        self._api = api
        self.renew()
        self.statuses: Counter[int] = Counter()
        self.failures: list[BaseException] = []

    def renew(self) -> None:
        """A story may have ended all tokens of the owner, its own among them."""
        self.headers = {"Authorization": f"Bearer {self._api.token()}"}

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


def test_every_route_answers_as_it_says(document: dict[str, Any], world: StoryWorld, calls: Calls) -> None:
    """Bodies and parameters of every kind, under the names of what there is."""
    operations = _operations(with_names(document, world))
    before = calls.statuses.total()
    share = max(2, CASES // 2 // len(operations))
    failures: list[BaseException] = []
    for number, operation in enumerate(operations):
        if number % SEEDED_EVERY == 0:
            world.seed()
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


def test_stories_of_requests_hold_together(document: dict[str, Any], world: StoryWorld, calls: Calls) -> None:
    """Requests that lead to one another, over a world in which there is something of everything. Each story goes where
    successes are still missing that the description promises; at the end none is."""
    told = for_stories(document, world)
    progress = Progress(told)
    story = _story(told, world, calls, progress)
    how = settings(max_examples=3, stateful_step_count=STEPS, **QUIET)
    for number in range(CASES):
        story._hypothesis_internal_use_seed = story.rule_order_seed = number
        # The server remembers, so the same story does not go the same way twice; what counts is noted by `calls`.
        with suppress(Flaky, FailureGroup):
            story.run(settings=how)
        if len(calls.failures) > SEVERAL or progress.requests >= CASES * (MOST if progress.missing() else 1):
            break
    print(f"\n{progress}")
    if calls.failures:
        raise BaseExceptionGroup("answers that the description does not know", calls.failures)
    assert progress.requests >= CASES
    assert not progress.missing(), "described, and never answered"
    assert progress.share(200, 300) > 0.4, "stories in which little succeeds tell little"


class Progress:
    """Which successes the description promises, and which of them came."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._labels: dict[str, str] = {}
        self._promised: set[tuple[str, int]] = set()
        self._sources: dict[str, set[str]] = {}
        for path, operations in told["paths"].items():
            for method, operation in operations.items():
                id, label = operation["operationId"], f"{method.upper()} {path}"
                self._labels[label] = id
                if id not in NEEDS_A_SESSION:
                    self._promised |= {(id, int(each)) for each in operation["responses"] if each.startswith("2")}
                for answer in operation["responses"].values():
                    for link in answer.get("links", {}).values():
                        self._sources.setdefault(link["operationId"], set()).add(id)
        self.seen: Counter[tuple[str, int]] = Counter()
        self._aims: set[str] = set()
        self._told: set[str] = set()

    @property
    def requests(self) -> int:
        return self.seen.total()

    def note(self, case: Any, status: int) -> None:
        self.seen[self._labels[case.operation.label], status] += 1
        if 200 <= status < 300:
            self._told.add(self._labels[case.operation.label])
        self.aim()

    def begin(self) -> None:
        """Another story."""
        self._told.clear()
        self.aim()

    def missing(self) -> set[tuple[str, int]]:
        return self._promised - set(self.seen)

    def share(self, least: int, below: int) -> float:
        return sum(count for (_, status), count in self.seen.items() if least <= status < below) / self.requests

    def aim(self) -> None:
        """At what is missing, and, until one of them has answered in this story, at those whose answers lead there when
        nothing else does."""
        self._aims, found = set(), {id for id, _ in self.missing()}
        while found:
            self._aims |= found
            followed = [self._sources[id] for id in found if id in FOLLOWED and not self._sources[id] & self._told]
            found = {source for sources in followed for source in sources} - self._aims

    def is_aimed_at(self, label: str) -> bool:
        return not self._aims or self._labels[label] in self._aims

    def __str__(self) -> str:
        statuses: Counter[int] = Counter()
        for (_, status), count in self.seen.items():
            statuses[status] += count
        answered = {id for id, status in self.seen if 200 <= status < 300}
        return (
            f"{self.requests} requests in stories: {dict(sorted(statuses.items()))}; "
            f"{len(answered)} of {len(self._labels)} operations succeeded; missing: {sorted(self.missing())}"
        )


class Aimed:
    """Where a story may go next. It always may begin anew; else only where something is missing."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.supervisor = None

    def record_step(self, *_: Any) -> None: ...

    def record_productive_root(self, _: str) -> None: ...

    def allow_root_transition(self, source: str, _: Any) -> bool:
        return source.endswith("/workspaces/default") or self._progress.is_aimed_at(source)

    def allow_transition(self, _: str, target: str) -> bool:
        return self._progress.is_aimed_at(target)


def _story(told: dict[str, Any], world: StoryWorld, calls: Calls, progress: Progress) -> Any:
    base: Any = schemathesis.openapi.from_dict(told).as_state_machine()

    class Story(base):  # type: ignore[misc]  # made at run time
        def setup(self) -> None:
            self.control = Aimed(progress)
            progress.begin()
            calls.renew()
            world.seed()

        def before_call(self, case: Any) -> None:
            _sign(case)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            of_instance = {"Authorization": f"Bearer {world.instance_key()}"}
            headers = of_instance if _id(case.operation) in OF_INSTANCES else calls.headers
            return {"base_url": world.api.url, "headers": headers, "timeout": 60}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            progress.note(case, response.status_code)
            calls.check(case, response)
            if progress.requests % SETTLED_EVERY == 0:
                world.look()

    return Story


def _sign(case: Any) -> None:
    """As Azure's clients do: a signature is a query string, or comes as the address that it opens."""
    given = case.query.get(SIGNATURE)
    if given is None:
        return
    address, _, query = str(given).rpartition("?")
    if address:
        case.path_parameters["container"] = address.rpartition("/")[2]
    case.query.update(parse_qsl(query))


def test_no_route_forgets_who_asks(document: dict[str, Any], world: StoryWorld) -> None:
    """Requests that the owner would be granted, by everybody else: none has an effect."""
    world.seed()
    told, before = for_stories(document, world), world.state()
    refused: Counter[int] = Counter()
    for operation in _operations(told):
        of_instance = _id(operation) in OF_INSTANCES
        if "x-action" not in operation.definition.raw and not of_instance:
            continue
        case = _simplest(operation)
        tokens = list(_tokens_of_others(world))
        if of_instance:
            tokens = [*((why, token, 401) for why, token, _ in tokens), ("the owner's", world.api.token(), 401)]
        for why, token, status in tokens:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = case.call(base_url=world.api.url, headers=headers, timeout=60)
            assert answer.status_code == status, (case.method, case.path, why)
            assert answer.json()["error"]["code"] == ("AuthorizationFailed" if status == 403 else "Unauthorized")
            case.validate_response(answer, checks=CHECKS)
            refused[status] += 1
    assert world.state() == before
    print(f"\nrefused: {dict(refused)}")
    assert refused[403] > 120


def _tokens_of_others(world: StoryWorld) -> Iterator[tuple[str, str | None, int]]:
    """Why it is refused, the token, and the status."""
    api, owner = world.api, world.api.store.principals.owner()
    assert owner is not None
    yield "none", None, 401
    yield "empty", "", 401
    yield "garbage", "x.y.z", 401
    signature = api.token().rpartition(".")[2]
    yield "of another key", api.token()[: -len(signature)] + signature[::-1], 401
    yield "expired", api.token(lifetime=timedelta(seconds=-60)), 401
    yield "for an endpoint", api.access.endpoint_token(owner, "uid").text, 401
    yield "for another service", world.token_for(ENTRA_AUDIENCE), 401
    yield "revoked", api.token(world.revoked), 401
    yield "of somebody who is gone", api.token(world.gone), 401
    yield "of somebody who may nothing", api.token(world.stranger), 403


def test_no_blob_opens_without_its_signature(document: dict[str, Any], world: StoryWorld) -> None:
    world.seed()
    told, before = for_stories(document, world), world.state()
    operations = [each for each in _operations(told) if ".blob." in each.path]
    assert len(operations) == 7
    for operation in operations:
        case = _simplest(operation)
        if "path" in case.path_parameters:
            case.path_parameters["path"] = BLOB
        for why, signature in world.bad_signatures(writes=case.method in ("PUT", "DELETE")):
            query = {**case.query, **dict(parse_qsl(signature))}
            query.pop(SIGNATURE)
            answer = case.call(base_url=world.api.url, params=query, timeout=60)
            said = (answer.status_code, answer.headers.get("x-ms-error-code"))
            assert said == (403, [UploadRefused.code]), (case.method, case.path, why)
    assert world.state() == before


def _simplest(operation: Any) -> Any:
    """A case that the description allows."""
    found: list[Any] = []

    @seed(20260101)
    @settings(max_examples=1, **QUIET)
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def tried(case: Any) -> None:
        case.headers.pop("Authorization", None)
        found.append(case)

    tried()
    return found[-1]


def _id(operation: Any) -> str:
    return str(operation.definition.raw["operationId"])


def _operations(document: dict[str, Any]) -> list[Any]:
    found: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    return [each.ok() for each in found]


def _only(operation: dict[str, Any], values: dict[str, list[str]]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in values:
            parameter["schema"] = {"type": "string", "enum": values[parameter["name"]]}
