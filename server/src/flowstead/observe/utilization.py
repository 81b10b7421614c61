"""How much of their size the instances of a deployment use: sampled every few seconds, kept by the minute in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

CPU, MEMORY, DISK = "CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage", "DiskUtilization"
METRICS = (CPU, MEMORY, DISK)
"""Azure's names of a deployment's metrics that a machine without accelerators has; percent."""
KEPT_MINUTES = 24 * 60


@dataclass(frozen=True)
class Consumption:
    """Of an instance's process and all that it started: cpu_s since their starts, resident memory in bytes."""

    cpu_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Sample:
    """One look at one instance. at: Unix seconds. cores, memory_bytes: of its size; disk_percent: of the disk that it
    writes to."""

    deployment_uid: str
    instance: str
    at: float
    consumption: Consumption
    cores: float
    memory_bytes: float
    disk_percent: float


@dataclass(frozen=True)
class Minute:
    """begins: Unix seconds. Percent, over all instances and looks of that minute."""

    begins: int
    average: float
    maximum: float

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.begins, UTC).isoformat().replace("+00:00", "Z")


def consumption_of(pid: int) -> Consumption | None:
    """None when the process is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    cpu, memory = 0.0, 0
    for each in family:
        try:
            times = each.cpu_times()
            cpu += times.user + times.system
            memory += each.memory_info().rss
        except psutil.Error:
            continue
    return Consumption(cpu, memory)


class Utilization:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: dict[str, tuple[float, float]] = {}
        self._minutes: dict[tuple[str, str], deque[_Sum]] = {}

    def take(self, samples: Sequence[Sample]) -> None:
        """The looks of one moment. What is not among them any more is forgotten with its deployment."""
        with self._lock:
            for each in samples:
                for metric, percent in self._percents(each).items():
                    self._add(each.deployment_uid, metric, each.at, percent)
            self._before = {each.instance: (each.at, each.consumption.cpu_s) for each in samples}
            alive = {each.deployment_uid for each in samples}
            self._minutes = {key: kept for key, kept in self._minutes.items() if key[0] in alive}

    def series(self, deployment_uid: str, metric: str, since: float, until: float) -> Sequence[Minute]:
        """The oldest first. since, until: Unix seconds."""
        with self._lock:
            kept = list(self._minutes.get((deployment_uid, metric), ()))
        return [each.minute() for each in kept if since - 60 < each.begins < until]

    def _percents(self, sample: Sample) -> Mapping[str, float]:
        percents = {
            MEMORY: 100 * sample.consumption.memory_bytes / sample.memory_bytes,
            DISK: sample.disk_percent,
        }
        before = self._before.get(sample.instance)
        if before is not None and sample.at > before[0]:
            used = max(0.0, sample.consumption.cpu_s - before[1]) / (sample.at - before[0])
            percents[CPU] = 100 * used / sample.cores
        return percents

    def _add(self, deployment_uid: str, metric: str, at: float, percent: float) -> None:
        minutes = self._minutes.setdefault((deployment_uid, metric), deque(maxlen=KEPT_MINUTES))
        begins = int(at) // 60 * 60
        if not minutes or minutes[-1].begins != begins:
            minutes.append(_Sum(begins))
        minutes[-1].add(percent)


class _Sum:
    def __init__(self, begins: int) -> None:
        self.begins, self._count, self._total, self._most = begins, 0, 0.0, 0.0

    def add(self, percent: float) -> None:
        self._count += 1
        self._total += percent
        self._most = max(self._most, percent)

    def minute(self) -> Minute:
        return Minute(self.begins, round(self._total / self._count, 3), round(self._most, 3))


def samples_of(
    instances: Iterable[tuple[str, str, int, float, float]], *, at: float, disk_percent: float
) -> Sequence[Sample]:
    """instances: (deployment uid, instance, pid, cores, memory in bytes) each."""
    found = []
    for uid, instance, pid, cores, memory in instances:
        consumption = consumption_of(pid)
        if consumption is not None:
            found.append(Sample(uid, instance, at, consumption, cores, memory, disk_percent))
    return found
