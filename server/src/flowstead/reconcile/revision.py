"""What makes two instances of a deployment interchangeable. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict

from flowstead.reconcile.collecting import collector_block
from flowstead.resources.connection_use import variables_with_connections
from flowstead.resources.deployment import SECRET_VARIABLE_PREFIX, DeploymentSpec, ProbeSettings


def variables_of(spec: DeploymentSpec, secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of its instances, in clear, its connections among them. secrets: as the store gives
    them, by their names."""
    secret = {
        name: secrets[SECRET_VARIABLE_PREFIX + name]
        for name in spec.secret_variables
        if SECRET_VARIABLE_PREFIX + name in secrets
    }
    return variables_with_connections(
        {**spec.base.variables, **spec.environment_variables, **secret}, spec.connections, secrets
    )


def revision_of(
    spec: DeploymentSpec, *, content_hash: str, environment_key: str, secrets: Mapping[str, str], salt: bytes
) -> str:
    """12 hex digits over everything that an instance is started with; not the number of instances, not tags.
    salt: known to this server only, so that a guessed secret can't be tried against a revision that GET shows."""
    settings = {name: each for name, each in asdict(spec.request_settings).items() if name != "requests_per_second"}
    identity: list[object] = [content_hash, environment_key, variables_of(spec, secrets), settings]
    # What they are held to. A deployment that an earlier version made keeps its revision, which was told without it,
    # until it is changed; then its instances are started anew, and so come under their limits.
    identity.append(spec.instance_type.lower())
    probes = (spec.liveness_probe, spec.readiness_probe)
    if probes != (ProbeSettings(), ProbeSettings()):
        identity.append([asdict(each) for each in probes])
    collected = collector_block(spec)
    if collected is not None:
        identity.append(collected)
    if spec.idle_s is not None:
        identity.append({"idle_s": spec.idle_s})
    if spec.base.inference is not None:
        identity.append({"inference": asdict(spec.base.inference)})
    text = json.dumps(identity, sort_keys=True)
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()[:12]
