"""Records and instances → what the gateway has to serve. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from flowstead.access.gate import ENTRA_AUDIENCE, endpoint_audience
from flowstead.engines.protocol import ObservedInstance
from flowstead.gateway.description import GatewayDeployment, GatewayEndpoint, TokenRule, Upstream
from flowstead.reconcile.instances import by_deployment, taking_requests
from flowstead.resources.deployment import wanted_instances
from flowstead.resources.endpoint import PRIMARY_KEY, SECONDARY_KEY, AuthMode
from flowstead.resources.scaling import WAKING_S
from flowstead.store.records import DeploymentRecord, EndpointRecord, Revision

_KEYS = (PRIMARY_KEY, SECONDARY_KEY)


def describe(
    endpoints: Sequence[EndpointRecord],
    deployments: Sequence[DeploymentRecord],
    instances: Sequence[ObservedInstance],
    secrets: Mapping[str, Mapping[str, str]],
    serving: Mapping[str, Revision] | None = None,
    scorers: Mapping[str, Sequence[str]] | None = None,
) -> tuple[GatewayEndpoint, ...]:
    """One entry an endpoint, by name. secrets: by the endpoint's id. serving: deployment id → what serves while it is
    not what is wanted. scorers: endpoint id → sessions of the principals who may score with a token."""
    described, by_parent, by_uid = [], by_endpoint(deployments), by_deployment(instances)
    for endpoint in endpoints:
        if endpoint.deleting:
            continue
        children = [each for each in by_parent.get(endpoint.id.lower(), ()) if not each.deleting]
        routed = _endpoint(endpoint, children, by_uid, serving or {})
        may_score = (scorers or {}).get(endpoint.id, ())
        described.append(_with_credentials(routed, endpoint, secrets.get(endpoint.id, {}), may_score))
    return tuple(sorted(described, key=lambda each: each.name))


def by_endpoint(deployments: Iterable[DeploymentRecord]) -> Mapping[str, Sequence[DeploymentRecord]]:
    """An endpoint's id in lower case → its deployments."""
    found: dict[str, list[DeploymentRecord]] = {}
    for each in deployments:
        found.setdefault(each.parent_id.lower(), []).append(each)
    return found


def serving_instances(
    record: DeploymentRecord, instances: Sequence[ObservedInstance], serving: Revision | None = None
) -> Sequence[ObservedInstance]:
    """Those that take requests. serving: the revision that does while it is not the one that is wanted."""
    status, own = record.status, [each for each in instances if each.deployment_uid == record.uid]
    if status.serving_revision is None or record.spec.stopped:
        return ()
    # While another revision is on its way, the number that is wanted speaks of that one.
    seen = record.observed_generation == record.generation
    present = status.serving_revision == status.revision and seen
    count = wanted_instances((serving or record).spec, status) if serving or present else len(own)
    # What is superseded before anything was decided of it only fills what is missing.
    on_its_way = status.revision != status.serving_revision and not status.provisioning_state.terminal and seen
    coming = status.revision if on_its_way else ""
    # What is neither may stand in where some are missing, if it is reached by the same paths.
    paths, of_these = (serving or record).spec.base.inference, (status.serving_revision, coming)
    return taking_requests(
        [each for each in own if each.revision in of_these or each.inference == paths],
        status.serving_revision,
        count,
        coming,
        wanted_instances(record.spec, status),
        at_once=changes_at_once(record, serving),
    )


def changes_at_once(record: DeploymentRecord, serving: Revision | None) -> bool:
    """Whether the revision that is coming is reached by other paths than the one that serves: a request goes by the
    paths of one of them, so all go to one of them."""
    return serving is not None and serving.spec.base.inference != record.spec.base.inference


def _endpoint(
    endpoint: EndpointRecord,
    deployments: Sequence[DeploymentRecord],
    instances: Mapping[str, Sequence[ObservedInstance]],
    serving: Mapping[str, Revision],
) -> GatewayEndpoint:
    traffic, mirror = _weights(endpoint.spec.traffic), _weights(endpoint.spec.mirror_traffic)
    described = {
        record.name: _deployment(record, instances.get(record.uid, ()), serving.get(record.id))
        for record in deployments
        if record.status.serving_revision is not None or record.spec.stopped or record.name in traffic | mirror
    }
    # A share that names a deployment which is not there is answered 503, and must not go to the others.
    for name in (*traffic, *mirror):
        described.setdefault(name, GatewayDeployment(name, (), request_timeout_s=1.0, max_requests=1))
    return GatewayEndpoint(
        name=endpoint.name,
        keys=(),
        deployments=tuple(described[name] for name in sorted(described)),
        traffic=traffic,
        mirror=mirror,
        requests_per_second=endpoint.spec.requests_per_second,
    )


def _with_credentials(
    described: GatewayEndpoint, endpoint: EndpointRecord, secrets: Mapping[str, str], scorers: Sequence[str]
) -> GatewayEndpoint:
    """By its mode, exactly one kind of credential opens it."""
    match endpoint.spec.auth_mode:
        case AuthMode.KEY:
            return replace(described, keys=tuple(secrets[name] for name in _KEYS if secrets.get(name)))
        case AuthMode.AML_TOKEN:
            return replace(described, tokens=TokenRule(endpoint_audience(endpoint.uid), tuple(scorers)))
        case AuthMode.AAD_TOKEN:
            return replace(described, tokens=TokenRule(ENTRA_AUDIENCE, tuple(scorers), endpoint.id))


def _deployment(
    record: DeploymentRecord, instances: Sequence[ObservedInstance], serving: Revision | None
) -> GatewayDeployment:
    taking = serving_instances(record, instances, serving)
    spec = (serving or record).spec
    settings, sleeps = spec.request_settings, spec.idle_s is not None or record.spec.idle_s is not None
    # While one revision takes the places of another, neither is cut off before its own time-out.
    patience_s = max(
        each.request_timeout_s + each.max_queue_wait_s for each in (settings, record.spec.request_settings)
    )
    room = settings.max_concurrent_requests_per_instance + settings.waiting_per_instance
    return GatewayDeployment(
        name=record.name,
        instances=tuple(Upstream(each.address, each.health_address) for each in taking),
        # The instance keeps the time-out itself, from the moment that the request has its place; the gateway steps in
        # when it does not. One that sleeps is started first.
        request_timeout_s=patience_s + (WAKING_S if sleeps else 0.0),
        max_requests=room * max(1, len(taking)),
        requests_per_second=settings.requests_per_second,
        stopped=record.spec.stopped,
        inference=(serving or record).spec.base.inference,
        sleeps=sleeps,
    )


def _weights(shares: Mapping[str, int]) -> dict[str, int]:
    return {name: shares[name] for name in sorted(shares) if shares[name] > 0}
