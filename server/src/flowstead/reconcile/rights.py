"""Who may score, and whose identity lacks what: from principals and their roles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowstead.access.decisions import allowed
from flowstead.access.gate import session_id
from flowstead.access.identity_grants import why_denied
from flowstead.errors import FlowsteadError
from flowstead.resources.endpoint import AuthMode
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import GET_TOKEN, SCORE
from flowstead.store.identities import Identities
from flowstead.store.records import DeploymentRecord, EndpointRecord

_OPENS = {AuthMode.AAD_TOKEN: SCORE, AuthMode.AML_TOKEN: GET_TOKEN}
"""What whoever comes with a token must be allowed, when he comes: what he was allowed when he got it does not count."""


def scorers(endpoint: EndpointRecord, principals: Iterable[Principal]) -> Sequence[str]:
    """The sessions whose tokens open the endpoint."""
    action = _OPENS.get(endpoint.spec.auth_mode)
    if action is None:
        return ()
    return tuple(sorted(session_id(each) for each in principals if allowed(each, action, endpoint.id)))


def denials(
    endpoints: Iterable[EndpointRecord], deployments: Iterable[DeploymentRecord], identities: Identities
) -> Mapping[str, FlowsteadError]:
    """Deployment id → the role that its endpoint's identity lacks."""
    by_id = {each.id.lower(): identities.identity(each) for each in endpoints}
    found: dict[str, FlowsteadError] = {}
    for deployment in deployments:
        identity = by_id.get(deployment.parent_id.lower())
        if identity is None:
            continue
        denied = why_denied(identity, identities.connections(deployment), Workspace())
        if denied is not None:
            found[deployment.id] = denied
    return found
