"""Deployment: one version of a flow, running in instances behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowstead.resources.connection_use import ConnectionUse
from flowstead.resources.data_collector import DataCollector
from flowstead.resources.endpoint import ProvisioningState
from flowstead.resources.environment import RUNTIME_ALONE, BaseEnvironment
from flowstead.resources.scaling import Scaled, TargetUtilization

FLOW_MAX_TIMEOUT_S = 300.0
"""Longest request time-out of a flow deployment, seconds (Azure's quotas page)."""

PHASE_NAMES = (
    "EnvironmentBuilt",
    "ArtifactInPlace",
    "IdentityGranted",
    "ConnectionsResolvable",
    "InstancesStarted",
    "InstancesReady",
    "RouteSwitched",
    "OldInstancesDrained",
    "OldInstancesStopped",
)
"""The way of a deployment, in order; each is also the type of a condition in its status."""

SECRET_VARIABLE_PREFIX = "environment_variables."  # noqa: S105 a name
"""What a secret environment variable's name begins with in the secrets table."""


@dataclass(frozen=True)
class RequestSettings:
    """Seconds and counts. Defaults: Azure's prompt flow page for concurrency, ours for the rest. queue_length: None for
    as many as may run at once. requests_per_second: of the whole deployment, 0 for any number; the gateway's matter, so
    instances know nothing of it."""

    request_timeout_s: float = 90.0
    max_concurrent_requests_per_instance: int = 10
    max_queue_wait_s: float = 0.5
    queue_length: int | None = None
    requests_per_second: int = 0

    @property
    def waiting_per_instance(self) -> int:
        """Azure has twice as many requests in an instance as may run there, so with those of its default nobody who is
        let in waits for much longer than for his own answer."""
        return self.max_concurrent_requests_per_instance if self.queue_length is None else self.queue_length


@dataclass(frozen=True)
class ProbeSettings:
    """Seconds and counts; Azure's defaults."""

    initial_delay_s: float = 10.0
    period_s: float = 10.0
    timeout_s: float = 2.0
    success_threshold: int = 1
    failure_threshold: int = 30


AZURE_PROBE = ProbeSettings()


@dataclass(frozen=True)
class DeploymentSpec:
    """What the user wants.

    model: ARM id of a registered model version. environment_id: ARM id, registry URI or None for the flow's own;
    base: what that version adds, looked up when the deployment was made: versions never change.
    environment_variables: secret values are not here but in the secrets table, under `environment_variables.NAME`;
    their names are in secret_variables. connections: of the workspace, as the flow's files and the variables name them
    together. extra: parts of the body that no phase reads yet, echoed by GET. stopped: it shall have no instances,
    however many the rest asks for. scale: None when instance_count alone says how many.
    """

    model: str
    instance_count: int = 1
    instance_type: str = "Standard_F4s_v2"
    environment_id: str | None = None
    base: BaseEnvironment = RUNTIME_ALONE
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    secret_variables: tuple[str, ...] = ()
    connections: tuple[ConnectionUse, ...] = ()
    data_collector: DataCollector | None = None
    request_settings: RequestSettings = RequestSettings()
    liveness_probe: ProbeSettings = ProbeSettings()
    readiness_probe: ProbeSettings = ProbeSettings()
    description: str = ""
    app_insights_enabled: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    location: str = "local"
    extra: Mapping[str, Any] = field(default_factory=dict)
    stopped: bool = False
    scale: TargetUtilization | None = None

    @property
    def idle_s(self) -> float | None:
        """How long its instances may have nothing to do before they go to sleep; None: they never do. Containers never
        do."""
        sleeps = self.scale is not None and self.scale.sleeps and not self.base.needs_engine
        return self.scale.idle_s if self.scale is not None and sleeps else None


RESTORED = (
    "model",
    "instance_type",
    "environment_id",
    "base",
    "environment_variables",
    "secret_variables",
    "connections",
    "data_collector",
    "request_settings",
    "liveness_probe",
    "readiness_probe",
)
"""What a revision is made of, and what going back to it brings back. How many instances there are, what it is called
and tagged, is the deployment's own and stays as it is."""


def restored(spec: DeploymentSpec, kept: DeploymentSpec) -> DeploymentSpec:
    """The deployment as it is wanted now, with what the kept revision was made of."""
    return replace(spec, **{name: getattr(kept, name) for name in RESTORED})


@dataclass(frozen=True)
class Condition:
    """One thing that must hold, as the reconciler saw it last. type: a phase's name, e.g. `EnvironmentBuilt`."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""
    at: str = ""


@dataclass(frozen=True)
class DeploymentStatus:
    """What is. Written by the reconciler only.

    revision: hash of what instances of the present generation run (flow content, environment, variables, settings).
    serving_revision: the revision that the gateway routes to, or None. phase_times: phase → seconds it took.
    """

    provisioning_state: ProvisioningState = ProvisioningState.CREATING
    conditions: tuple[Condition, ...] = ()
    revision: str = ""
    serving_revision: str | None = None
    phase: str = ""
    phase_times: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    scaled: Scaled | None = None


def wanted_instances(spec: DeploymentSpec, status: DeploymentStatus | None = None) -> int:
    """How many shall run. status: what was decided of it so far."""
    if spec.stopped:
        return 0
    scaled = decided_of(spec, status)
    count = scaled.count if scaled is not None and scaled.asked == spec.instance_count else spec.instance_count
    return count if spec.scale is None else spec.scale.bounded(count)


def decided_of(spec: DeploymentSpec, status: DeploymentStatus | None) -> Scaled | None:
    """What was decided of its number; None for one whose number is said by hand."""
    scaled = status.scaled if status is not None else None
    if scaled is None or spec.scale is not None:
        return scaled
    return scaled if scaled.setting or scaled.kept else None


def is_driven(status: DeploymentStatus) -> bool:
    """An autoscale setting decides its number."""
    return status.scaled is not None and bool(status.scaled.setting)
