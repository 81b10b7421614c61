"""How much of their size the instances of a deployment use: sampled every few seconds, kept by the minute in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from flowstead.observe.spans import Span, joined, of_one
from flowstead.process_tree import family

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
    if not psutil.pid_exists(pid):
        return None
    cpu, memory = 0.0, 0
    for each in family(pid):
        try:
            process = psutil.Process(each)
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_info().rss
        except psutil.Error:
            continue
    return Consumption(cpu, memory)


class Utilization:
    """Written by one thread, read by any. slot_s: how long the stretches are that are kept apart, seconds."""

    def __init__(self, slot_s: int = 60) -> None:
        self._lock = threading.Lock()
        self._slot_s = slot_s
        self._before: dict[str, tuple[float, float]] = {}
        self._spans: dict[tuple[str, str], deque[Span]] = {}

    def take(self, samples: Sequence[Sample], there: Collection[str]) -> None:
        """The looks of one moment. there: the uids of all deployments, also of those that sleep; what is known of any
        other is forgotten."""
        with self._lock:
            for each in samples:
                for metric, percent in self._percents(each).items():
                    self._add(each.deployment_uid, metric, each.at, percent)
            self._before = {each.instance: (each.at, each.consumption.cpu_s) for each in samples}
            self._spans = {key: kept for key, kept in self._spans.items() if key[0] in there}

    def series(self, deployment_uid: str, metric: str, since: float, until: float) -> Sequence[Minute]:
        """The oldest first. since, until: Unix seconds."""
        return [
            Minute(each.begins, round(each.total / each.weight, 3), round(each.most, 3))
            for each in self.spans(deployment_uid, metric)
            if since - self._slot_s < each.begins < until
        ]

    def spans(self, deployment_uid: str, metric: str) -> Sequence[Span]:
        """Over all instances and looks of each stretch, the oldest first."""
        with self._lock:
            return tuple(self._spans.get((deployment_uid, metric), ()))

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
        kept = self._spans.setdefault((deployment_uid, metric), deque(maxlen=KEPT_MINUTES))
        span = of_one(int(at) // self._slot_s * self._slot_s, percent)
        if kept and kept[-1].begins == span.begins:
            span = joined((kept.pop(), span))
        kept.append(span)


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
