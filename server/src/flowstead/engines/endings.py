"""How an instance ended → what its owner is told. Pure."""

from __future__ import annotations

from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_PACKAGE_MISSING,
    EXIT_WARM_CALL_UNANSWERED,
    OUT_OF_MEMORY,
    InstanceState,
    ObservedInstance,
)
from flowstead.errors import (
    DeploymentCrashLoopBackOff,
    DeploymentFailed,
    PodOutOfMemory,
    UserScriptImportError,
    UserScriptInitFailed,
    WarmCallUnanswered,
)
from flowstead.resources.clock import iso_seconds


def why_it_failed(instance: ObservedInstance) -> DeploymentFailed:
    """The error, still without the instance's last log lines."""
    if instance.exit_code == EXIT_PACKAGE_MISSING:
        return UserScriptImportError("The flow imports a package that its environment does not have.")
    if instance.exit_code == EXIT_FLOW_CANNOT_START:
        return UserScriptInitFailed("The flow could not be started.")
    if instance.exit_code == EXIT_WARM_CALL_UNANSWERED:
        return WarmCallUnanswered("The flow did not answer the first sample of its samples.json in time.")
    if instance.last_end is not None and instance.last_end.reason == OUT_OF_MEMORY:
        return PodOutOfMemory(
            f"The instance ended {instance.restarts + 1} times before it was ready. {instance.last_end.message}"
        )
    return DeploymentCrashLoopBackOff(
        f"The instance ended {instance.restarts + 1} times before it was ready, {_how(instance.exit_code)}."
    )


def how_it_stands(instance: ObservedInstance, last_lines: str) -> str:
    """Of one that has ended and is not ready again: how often, how, and what comes next. "" for any other."""
    end, running = instance.last_end, instance.next_start_at is None
    if end is None or instance.state is InstanceState.READY:
        return ""
    count = instance.restarts + (0 if running else 1)
    text = f"The instance {instance.id} has ended {'once' if count == 1 else f'{count} times'}"
    if count == 0:  # it lives, unlike a process that it had started
        text = f"The instance {instance.id} is not ready yet"
    text += f" ({end.word}: {end.message.rstrip('.')})" if end.reason else f", {_how(end.exit_code)}"
    if instance.next_start_at is not None:
        text += f"; it is started again at {iso_seconds(instance.next_start_at)}"
    return f"{text}." + (f" Its last log lines:\n{last_lines}" if last_lines else "")


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "for an unknown reason"
    if exit_code < 0:
        return f"the last time by signal {-exit_code}"
    return f"the last time with exit code {exit_code}"
