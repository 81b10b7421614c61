"""What the rules of autoscale settings look at."""

from __future__ import annotations

from collections.abc import Sequence

from flowstead.observe import latency, utilization
from flowstead.observe.latency import Latencies
from flowstead.observe.requests import REQUESTS, Requests
from flowstead.observe.spans import Span
from flowstead.observe.utilization import Utilization

OF_ENDPOINTS: Sequence[str] = (REQUESTS, *latency.METRICS)
OF_DEPLOYMENTS: Sequence[str] = (*utilization.METRICS, *OF_ENDPOINTS)
"""Metrics of which there are figures, by Azure's names."""


class RuleMeters:
    """requests, latencies: of all deployments; utilization: only of those that a setting drives, whoever may see it.
    All keep stretches of slot_s seconds apart."""

    def __init__(self, requests: Requests, latencies: Latencies, slot_s: int = 60) -> None:
        self.slot_s = slot_s
        self.requests, self.latencies, self.utilization = requests, latencies, Utilization(slot_s)

    def spans(self, metric: str, uids: Sequence[str]) -> Sequence[Span]:
        """Of the deployment, or of all of an endpoint together; the oldest first."""
        if metric in utilization.METRICS:
            return self.utilization.spans(uids[0], metric)
        if metric == REQUESTS:
            return self.requests.spans(uids)
        return self.latencies.spans(uids, metric)
