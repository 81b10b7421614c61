"""An engine whose instances are entries of a dictionary, moved through their states by the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flowstead.engines.protocol import InstanceEnd, InstanceSpec, InstanceState, ObservedInstance


@dataclass
class MemoryInstance:
    """spec: as it was started, secrets included, for a test to look at."""

    spec: InstanceSpec
    observed: ObservedInstance
    log_lines: list[str] = field(default_factory=list)


class InMemoryEngine:
    """Keeps the protocol `Engine`. ready_at_once: instances are ready when they are first observed;
    stops_at_once: else they stay `Stopping` until `finish_stopping`."""

    def __init__(self, *, ready_at_once: bool = True, stops_at_once: bool = True) -> None:
        self.ready_at_once = ready_at_once
        self.stops_at_once = stops_at_once
        self.instances: dict[str, MemoryInstance] = {}
        self.started: list[str] = []
        """Ids in the order in which they were started, those that are gone included."""
        self.stopped: list[tuple[str, bool]] = []
        """(id, patient) in the order in which they were stopped."""
        self._next_pid = 1000

    def start(self, spec: InstanceSpec) -> None:
        if spec.id in self.instances:
            return
        self._next_pid += 1
        observed = ObservedInstance(
            id=spec.id,
            endpoint=spec.endpoint,
            deployment=spec.deployment,
            deployment_uid=spec.deployment_uid,
            revision=spec.revision,
            state=InstanceState.READY if self.ready_at_once else InstanceState.STARTING,
            address=f"/run/{spec.id}/score.sock",
            health_address=f"/run/{spec.id}/health.sock",
            log=spec.log,
            pid=self._next_pid,
        )
        self.instances[spec.id] = MemoryInstance(spec, observed)
        self.started.append(spec.id)

    def observe(self) -> Sequence[ObservedInstance]:
        return [each.observed for each in self.instances.values()]

    def stop(self, instance_id: str, *, patient: bool = False) -> None:
        if instance_id not in self.instances:
            return
        self.stopped.append((instance_id, patient))
        self._set(instance_id, state=InstanceState.STOPPING)
        if self.stops_at_once:
            del self.instances[instance_id]

    def last_log_lines(self, instance_id: str, count: int) -> Sequence[str]:
        instance = self.instances.get(instance_id)
        return tuple(instance.log_lines[-count:]) if instance and count > 0 else ()

    def make_ready(self, *ids: str) -> None:
        """Those instances, or all that are on their way, become ready."""
        on_their_way = (InstanceState.STARTING, InstanceState.RESTARTING)
        for id in ids or tuple(self.instances):
            if ids or self.instances[id].observed.state in on_their_way:
                self._set(id, state=InstanceState.READY)

    def fail(self, instance_id: str, exit_code: int, log_lines: Sequence[str] = ()) -> None:
        """Its worker ended, and is not started again for long."""
        self.instances[instance_id].log_lines.extend(log_lines)
        end = InstanceEnd(0.0, exit_code, "", f"The process ended with exit code {exit_code}.")
        self._set(
            instance_id, state=InstanceState.FAILED, exit_code=exit_code, pid=None, last_end=end, next_start_at=3600.0
        )

    def restart(self, instance_id: str, exit_code: int = -9) -> None:
        """Its worker ended, its supervisor starts another one."""
        restarts = self.instances[instance_id].observed.restarts + 1
        self._set(instance_id, state=InstanceState.RESTARTING, exit_code=exit_code, restarts=restarts)

    def end(self, instance_id: str, end: InstanceEnd) -> None:
        """The worker ended, and another is up in its place."""
        restarts = self.instances[instance_id].observed.restarts + 1
        self._set(instance_id, restarts=restarts, exit_code=end.exit_code, last_end=end)

    def sleep(self, instance_id: str, state: InstanceState) -> None:
        """Its worker has ended for want of work, or is being woken."""
        self._set(instance_id, state=state, pid=None)

    def lose(self, instance_id: str) -> None:
        """Its supervisor is gone."""
        self._set(instance_id, state=InstanceState.LOST)

    def finish_stopping(self) -> None:
        """All that are stopping are gone."""
        for id, instance in list(self.instances.items()):
            if instance.observed.state is InstanceState.STOPPING:
                del self.instances[id]

    def _set(self, instance_id: str, **changes: object) -> None:
        instance = self.instances[instance_id]
        instance.observed = replace(instance.observed, **changes)  # type: ignore[arg-type]
