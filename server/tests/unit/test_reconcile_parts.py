"""The small pure parts of the reconciler: description, revision, redaction, hint, stopwatch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowstead.engines.protocol import InstanceState, ObservedInstance
from flowstead.errors import UserScriptInitFailed
from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint, TokenRule, Upstream
from flowstead.reconcile.collecting import collector_variables
from flowstead.reconcile.describe import describe
from flowstead.reconcile.hint import Hint
from flowstead.reconcile.observe import Stopwatch
from flowstead.reconcile.record import explained
from flowstead.reconcile.revision import revision_of, variables_of
from flowstead.resources.connection_use import INSTANCE_PREFIX, SECRET_VARIABLES
from flowstead.resources.data_collector import Collection, DataCollector, RollingRate
from flowstead.resources.deployment import DeploymentSpec, DeploymentStatus, RequestSettings
from flowstead.resources.endpoint import AuthMode, EndpointSpec, EndpointStatus
from flowstead.resources.environment import BaseEnvironment
from flowstead.resources.identity import IDENTITY_KEY, IDENTITY_URL
from flowstead.resources.inference import Inference
from flowstead.store.records import AnyKind, DeploymentRecord, EndpointRecord, Kind, Record
from flowstead.testing.frozen_clock import FrozenClock
from flowstead_runtime.connections import hiding
from flowstead_runtime.connections.sources import WORKSPACE_PREFIX
from flowstead_runtime.identity import agent
from flowstead_runtime.secret_values import redact
from flowstead_runtime.telemetry.collection_settings import CollectionSettings, given_settings

KEYS = {"/e/chat": {"primaryKey": "first", "secondaryKey": "second"}}


def record(kind: AnyKind, name: str, spec: Any, status: Any, *, deleting: bool = False) -> Record[Any, Any]:
    parent = "/e/chat" if kind is Kind.DEPLOYMENT else "/"
    return Record(
        id=f"{parent}/d/{name}" if kind is Kind.DEPLOYMENT else f"/e/{name}",
        kind=kind,
        parent_id=parent,
        name=name,
        uid=f"uid-{name}",
        spec=spec,
        status=status,
        generation=1,
        observed_generation=1,
        etag="",
        deleting=deleting,
        created_at="",
        created_by="",
        modified_at="",
        modified_by="",
    )


def endpoint(name: str = "chat", *, deleting: bool = False, **spec: Any) -> EndpointRecord:
    return record(Kind.ENDPOINT, name, EndpointSpec(**spec), EndpointStatus(), deleting=deleting)


def deployment(
    name: str = "blue", serving: str | None = "r1", revision: str = "r1", *, deleting: bool = False, **spec: Any
) -> DeploymentRecord:
    status = DeploymentStatus(serving_revision=serving, revision=revision)
    return record(Kind.DEPLOYMENT, name, DeploymentSpec(model="m", **spec), status, deleting=deleting)


def instance(
    id: str, state: InstanceState = InstanceState.READY, revision: str = "r1", of: str = "blue"
) -> ObservedInstance:
    return ObservedInstance(id, "chat", of, f"uid-{of}", revision, state, f"/{id}", f"/{id}-health", Path("/log"))


def test_an_endpoint_with_a_serving_deployment() -> None:
    settings = RequestSettings(7.0, 3, 0.5, 2)
    described = describe(
        [endpoint(traffic={"blue": 100})],
        [deployment(instance_count=2, request_settings=settings)],
        [instance("b"), instance("a"), instance("elsewhere", of="green")],
        KEYS,
    )
    upstreams = (Upstream("/a", "/a-health"), Upstream("/b", "/b-health"))
    blue = GatewayDeployment("blue", upstreams, request_timeout_s=7.5, max_requests=10)
    assert described == (GatewayEndpoint("chat", ("first", "second"), (blue,), {"blue": 100}),)


@pytest.mark.parametrize(
    ("state", "there"),
    [
        (InstanceState.READY, True),
        (InstanceState.RESTARTING, True),
        (InstanceState.STARTING, False),
        (InstanceState.FAILED, False),
        (InstanceState.STOPPING, False),
        (InstanceState.LOST, True),
    ],
)
def test_which_instances_are_routed_to(state: InstanceState, there: bool) -> None:
    (described,) = describe([endpoint()], [deployment()], [instance("a", state)], KEYS)
    assert [each.address for each in described.deployments[0].instances] == (["/a"] if there else [])
    assert described.deployments[0].max_requests == 20


@pytest.mark.parametrize(("queue_length", "most"), [(None, 6), (0, 3), (10, 13)])
def test_as_many_are_let_in_as_run_at_once_and_wait(queue_length: int | None, most: int) -> None:
    settings = RequestSettings(max_concurrent_requests_per_instance=3, queue_length=queue_length)
    (described,) = describe([endpoint()], [deployment(request_settings=settings)], [instance("a")], KEYS)
    assert described.deployments[0].max_requests == most


def test_a_lost_instance_is_routed_to_until_another_is_ready_in_its_place() -> None:
    lost = instance("a", InstanceState.LOST)
    for state, there in (
        (InstanceState.STARTING, ["/a"]),
        (InstanceState.RESTARTING, ["/a", "/b"]),
        (InstanceState.READY, ["/b"]),
    ):
        (described,) = describe([endpoint()], [deployment()], [lost, instance("b", state)], KEYS)
        assert [each.address for each in described.deployments[0].instances] == there, state


def test_surplus_instances_are_not_routed_to_but_all_of_an_older_revision_are() -> None:
    many = [instance("a"), instance("b")]
    (now,) = describe([endpoint()], [deployment(instance_count=1)], many, KEYS)
    assert [each.address for each in now.deployments[0].instances] == ["/a"]
    (rolling,) = describe([endpoint()], [deployment(revision="r2", instance_count=1)], many, KEYS)
    assert [each.address for each in rolling.deployments[0].instances] == ["/a", "/b"]


def test_a_specification_not_looked_at_yet_changes_nothing() -> None:
    changed = replace(deployment(instance_count=1), generation=2)
    (described,) = describe([endpoint()], [changed], [instance("a"), instance("b")], KEYS)
    assert [each.address for each in described.deployments[0].instances] == ["/a", "/b"]


def test_what_never_served_is_not_known_to_the_gateway_unless_it_has_traffic() -> None:
    (without,) = describe([endpoint()], [deployment(serving=None)], [], KEYS)
    assert without.deployments == ()
    (with_traffic,) = describe([endpoint(traffic={"blue": 100})], [deployment(serving=None)], [], KEYS)
    assert [(each.name, each.instances) for each in with_traffic.deployments] == [("blue", ())]


def test_a_share_of_a_deployment_that_is_not_there_goes_to_nobody_else() -> None:
    shares = {"blue": 90, "gone": 10, "none": 0}
    (described,) = describe([endpoint(traffic=shares, mirror_traffic={"shadow": 10})], [deployment()], [], KEYS)
    assert described.traffic == {"blue": 90, "gone": 10}
    assert described.mirror == {"shadow": 10}
    assert [each.name for each in described.deployments] == ["blue", "gone", "shadow"]


def test_what_is_being_deleted_is_not_described() -> None:
    assert describe([endpoint(deleting=True)], [deployment()], [instance("a")], KEYS) == ()
    (described,) = describe([endpoint()], [deployment(deleting=True)], [instance("a")], KEYS)
    assert described.deployments == ()


def test_exactly_one_kind_of_credential_opens_an_endpoint() -> None:
    def described(mode: AuthMode, **given: Any) -> tuple[tuple[str, ...], TokenRule | None]:
        (found,) = describe([endpoint(auth_mode=mode)], [], [], KEYS, scorers=given.get("scorers"))
        return found.keys, found.tokens

    uid = endpoint().uid
    assert described(AuthMode.KEY, scorers={endpoint().id: ["somebody"]}) == (("first", "second"), None)
    may = {endpoint().id: ["one", "two"], "another": ["three"]}
    assert described(AuthMode.AML_TOKEN, scorers=may) == ((), TokenRule(f"endpoint:{uid}", ("one", "two")))
    by_entra = TokenRule("https://ml.azure.com", ("one", "two"), endpoint().id)
    assert described(AuthMode.AAD_TOKEN, scorers=may) == ((), by_entra)
    assert described(AuthMode.AAD_TOKEN) == ((), replace(by_entra, sessions=())), "nobody, not everybody"
    (keyless,) = describe([endpoint()], [], [], {})
    assert (keyless.keys, keyless.tokens) == ((), None)


def test_endpoints_are_described_in_the_order_of_their_names() -> None:
    described = describe([endpoint("b"), endpoint("a")], [], [], {})
    assert [each.name for each in described] == ["a", "b"]


SPEC = DeploymentSpec(model="m", environment_variables={"A": "1"}, secret_variables=("KEY",))
COLLECTOR = DataCollector({"model_inputs": Collection(enabled=True), "response": Collection()})
SECRETS = {"environment_variables.KEY": "value", "environment_variables.OTHER": "x", "primaryKey": "y"}


def revision(spec: DeploymentSpec = SPEC, **changes: Any) -> str:
    given = {"content_hash": "c", "environment_key": "e", "secrets": SECRETS, "salt": b"s", **changes}
    return revision_of(spec, **given)


def test_variables_are_the_plain_and_the_named_secret_ones() -> None:
    assert variables_of(SPEC, SECRETS) == {"A": "1", "KEY": "value"}


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        (SPEC, {"content_hash": "d"}),
        (SPEC, {"environment_key": "f"}),
        (SPEC, {"secrets": {"environment_variables.KEY": "other"}}),
        (replace(SPEC, environment_variables={"A": "2"}), {}),
        (replace(SPEC, request_settings=RequestSettings(request_timeout_s=1.0)), {}),
        (replace(SPEC, instance_type="Flowstead_XS"), {}),
        (replace(SPEC, data_collector=COLLECTOR), {}),
    ],
)
def test_what_instances_see_changes_the_revision(spec: DeploymentSpec, changes: dict[str, Any]) -> None:
    assert revision(spec, **changes) != revision()


@pytest.mark.parametrize(
    "other",
    [
        None,
        Inference(5002, "/alive", "/ready", "/score"),
        Inference(5001, "/other", "/ready", "/score"),
        Inference(5001, "/alive", "/other", "/score"),
        Inference(5001, "/alive", "/ready", "/other"),
    ],
)
def test_how_a_server_of_its_own_is_reached_changes_the_revision(other: Inference | None) -> None:
    own = Inference(5001, "/alive", "/ready", "/score")
    first, second = (revision(replace(SPEC, base=BaseEnvironment(inference=each))) for each in (own, other))
    assert first != second


def test_what_they_do_not_see_does_not() -> None:
    changed = replace(SPEC, instance_count=5, tags={"a": "b"}, description="x", app_insights_enabled=True)
    assert revision(changed) == revision()
    off = DataCollector({"model_inputs": Collection(data_id="x")}, RollingRate.DAY)
    assert revision(replace(SPEC, data_collector=off)) == revision()
    assert len(revision()) == 12


def test_each_change_of_what_is_collected_is_seen() -> None:
    def collecting(**changes: Any) -> str:
        return revision(replace(SPEC, data_collector=replace(COLLECTOR, **changes)))

    more = {**COLLECTOR.collections, "response": Collection(enabled=True)}
    fewer = {"model_inputs": Collection(enabled=True, sampling_rate=0.5)}
    changes: list[dict[str, Any]] = [
        {}, {"collections": more}, {"collections": fewer}, {"rolling_rate": RollingRate.DAY},
        {"capture_headers": ("x-a",)},
    ]  # fmt: skip
    assert len({collecting(**each) for each in changes}) == len(changes)
    named = {"model_inputs": Collection(enabled=True, data_id="d", client_id="c")}
    assert collecting(collections=named) == collecting(), "the instance is not told of it"


def test_an_instance_is_told_what_to_collect_in_the_runtimes_own_words() -> None:
    """The runtime reads it in its own process; here its reader is asked directly."""
    spec = replace(SPEC, model="/x/models/m/versions/7", data_collector=replace(COLLECTOR, capture_headers=("X-A",)))
    about: dict[str, Any] = {"endpoint": "e", "deployment": "d", "source": "/e/d", "instance": "i-1"}
    told = collector_variables(spec, destination=Path("/data"), **about)
    settings = given_settings(None, told)
    assert settings == CollectionSettings(
        destination=Path("/data"),
        model_version="7",
        rates={"model_inputs": 1.0},
        captured_headers=frozenset({"x-a"}),
        **about,
    )
    for off in (None, DataCollector(), DataCollector({"model_inputs": Collection()})):
        assert collector_variables(replace(spec, data_collector=off), destination=Path("/data"), **about) == {}


def test_a_revision_does_not_let_a_secret_be_guessed_without_the_salt() -> None:
    assert revision(salt=b"another") != revision()


def test_secrets_are_redacted_longest_first_and_line_by_line() -> None:
    secrets = ["hunter2", "hunter2-longer", "-----BEGIN-----\nabcdef\n-----END-----", "on", "  \n"]
    assert redact("hunter2-longer hunter2 abcdef on", secrets) == "*** *** *** on"


def test_the_secret_fields_of_a_connection_are_redacted_by_themselves() -> None:
    connection = '{"type": "OpenAIConnection", "value": {"api_key": "hunter2", "base_url": "http://shown"}}'
    assert redact("hunter2 at http://shown", [connection]) == "*** at http://shown"


def test_an_error_is_told_in_full() -> None:
    error = explained(
        UserScriptInitFailed("It ended with hunter2."),
        of="chat/blue",
        phase="InstancesReady",
        log_lines=["one", "two hunter2"],
        serving="r1",
        secrets=["hunter2"],
    )
    assert isinstance(error, UserScriptInitFailed)
    assert str(error) == (
        "Deployment chat/blue failed in phase InstancesReady: It ended with ***.\n"
        "Last log lines:\none\ntwo ***\n"
        "Revision r1, which was there before, goes on serving.\n"
        "Mend the flow's code or settings as the log lines say and deploy again."
    )


def test_what_serves_keeps_its_connections_and_the_error_says_so() -> None:
    error = explained(
        UserScriptInitFailed("It ended."),
        of="chat/blue",
        phase="InstancesReady",
        log_lines=[],
        serving="r1",
        secrets=[],
        serves_connections=True,
    )
    assert "goes on serving, with its connections as they were when it was deployed." in str(error)


def test_a_hint_is_used_up_by_who_hears_it() -> None:
    hint = Hint()
    assert hint.wait(0.0) is False
    hint.set()
    assert hint.wait(0.0) is True
    assert hint.wait(0.0) is False


def test_a_stopwatch_counts_while_something_holds() -> None:
    clock = FrozenClock()
    watch = Stopwatch[str](clock)
    watch.keep({"a"})
    clock.advance(2.0)
    watch.keep({"a", "b"})
    assert watch.seconds() == {"a": 2.0, "b": 0.0}
    watch.keep({"b"})
    watch.keep({"a", "b"})
    assert watch.seconds()["a"] == 0.0


def test_a_frozen_clock_moves_only_forward() -> None:
    clock = FrozenClock()
    before = clock.now()
    clock.advance(1.5)
    assert (clock.now() - before).total_seconds() == clock.monotonic() == 1.5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1.0)


def test_the_runtime_reads_connections_where_the_server_puts_them() -> None:
    assert INSTANCE_PREFIX == WORKSPACE_PREFIX
    assert (IDENTITY_URL, IDENTITY_KEY) == (agent.IDENTITY_URL, agent.IDENTITY_KEY)
    assert SECRET_VARIABLES == hiding.SECRET_VARIABLES
