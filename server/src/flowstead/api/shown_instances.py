"""An instance as the API shows it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

from flowstead.engines.protocol import InstanceEnd, ObservedInstance
from flowstead.resources.clock import iso
from flowstead.resources.sizes import whole

THROTTLED_MUCH = 0.25
"""The share of periods in which it had to wait for its cores from which on that is worth a word."""


def shown_properties(instance: ObservedInstance, throttled: float | None) -> dict[str, Any]:
    """Its address is nobody's business: requests go through the gateway. throttled: in which share of the last minutes
    it had to wait for its cores; None where that is not counted."""
    properties: dict[str, Any] = {
        "state": instance.state.value,
        "revision": instance.revision,
        "restarts": instance.restarts,
    }
    if instance.isolation:
        properties["isolation"] = instance.isolation
    if instance.started_at:
        properties["since"] = _moment(instance.started_at)
    if instance.limits is not None:
        limits = instance.limits
        properties |= {"cores": whole(limits.cores), "memoryBytes": limits.memory_bytes, "gpus": limits.gpus}
        properties["enforcement"] = limits.enforcement
    if instance.last_end is not None:
        properties["lastEnd"] = _shown_end(instance.last_end)
    if instance.next_start_at is not None:
        properties["nextStartAt"] = _moment(instance.next_start_at)
    if throttled is not None:
        properties["throttled"] = round(throttled, 3)
        if throttled >= THROTTLED_MUCH:
            properties["advice"] = (
                f"In {throttled:.0%} of the last minutes' time slices it had to wait for its cores: choose a larger "
                "instance type, or more instances."
            )
    return properties


def _shown_end(end: InstanceEnd) -> dict[str, Any]:
    shown = {"at": _moment(end.at), "exitCode": end.exit_code, "reason": end.word, "message": end.message}
    return shown | ({"signal": _signal_name(-end.exit_code)} if end.exit_code < 0 else {})


def _signal_name(number: int) -> str:
    """As SIGKILL; of one that has no name here, its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _moment(at: float) -> str:
    return iso(datetime.fromtimestamp(at, UTC))
