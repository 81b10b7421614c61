"""What an instance gets of this host: its limits, its processors and accelerators, and what its program is told of
them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from flowstead.errors import StartFailed
from flowstead.limits.description import Limits, throttling_file
from flowstead.limits.host import Enforcement, Host, least_used, limits_for, processors_for
from flowstead.resources.vm_sizes import VmSize


@dataclass(frozen=True)
class Share:
    """limits: None where nothing can be enforced. cpus, gpus: which, () for all and for none. environment: defaults,
    which the deployment's own variables override; forced: what they do not."""

    limits: Limits | None
    cpus: tuple[int, ...] = ()
    gpus: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)

    @property
    def throttling(self) -> str:
        return throttling_file(self.limits) if self.limits else ""


@dataclass(frozen=True)
class Others:
    """What the instances have that are there."""

    cpus: Sequence[Sequence[int]] = ()
    gpus: Sequence[Sequence[int]] = ()


def share_of(size: VmSize, group: str, enforcement: Enforcement, host: Host, others: Others) -> Share:
    """group: the name of its control group. Raises StartFailed when the host has fewer accelerators than it asks for:
    unlike cores they cannot be promised twice."""
    cpus = processors_for(size.cores, host, others.cpus)
    limits = limits_for(enforcement, group, cores=size.cores, memory_bytes=size.memory_bytes, cpus=cpus)
    gpus = _gpus(size, host, others)
    shown = ",".join(map(str, gpus))
    return Share(
        limits,
        limits.cpus if limits else (),
        gpus,
        _threads(size.cores, host) if limits else {},
        {"CUDA_VISIBLE_DEVICES": shown, "NVIDIA_VISIBLE_DEVICES": shown or "void"},
    )


def _threads(cores: float, host: Host) -> Mapping[str, str]:
    """Libraries start a thread for each processor that they count, which are the machine's: many threads on a small
    share make each other wait."""
    count = max(1, ceil(cores))
    if count >= len(host.processors):
        return {}
    return {"OMP_NUM_THREADS": str(count), "PYTHON_CPU_COUNT": str(count)}


def _gpus(size: VmSize, host: Host, others: Others) -> tuple[int, ...]:
    if size.gpus > host.gpus:
        raise StartFailed(
            f"{size.name} has {size.gpus} accelerators, this machine {host.gpus or 'none'}.",
            hint="Choose a size without, or one with fewer.",
        )
    if size.gpus == 0:
        return ()
    every = tuple(range(host.gpus))
    return least_used(every, others.gpus, size.gpus) or every
