"""What an instance is told of data collection: a document of the form that the runtime reads. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstead.resources.data_collector import COLLECTOR_VARIABLE
from flowstead.resources.deployment import DeploymentSpec


def collector_block(spec: DeploymentSpec) -> Mapping[str, Any] | None:
    """What is collected, in the spelling of a deployment's YAML; None when nothing is."""
    collector = spec.data_collector
    if collector is None or not collector.enabled:
        return None
    return {
        "rolling_rate": collector.rolling_rate.value.lower(),
        "collections": {
            name: {"enabled": "True", **({} if each.sampling_rate is None else {"sampling_rate": each.sampling_rate})}
            for name, each in sorted(collector.enabled.items())
        },
        "request_logging": {"capture_headers": list(collector.capture_headers)},
    }


def collector_variables(
    spec: DeploymentSpec, *, destination: Path, endpoint: str, deployment: str, source: str, instance: str
) -> Mapping[str, str]:
    """The variable by which an instance is told; none when nothing is collected.

    destination: the folder that holds those of all endpoints; the instance's records lie below its endpoint's and
    deployment's names, in files that bear its own. source: ARM id of the deployment."""
    block = collector_block(spec)
    if block is None:
        return {}
    document = {
        "destination": str(destination),
        "endpoint": endpoint,
        "deployment": deployment,
        "instance": instance,
        "model_version": spec.model.rpartition("/")[2],
        "source": source,
        "data_collector": block,
    }
    return {COLLECTOR_VARIABLE: json.dumps(document)}
