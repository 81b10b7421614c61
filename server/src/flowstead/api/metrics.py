"""Metrics of endpoints and deployments, where and in the form in which Azure Monitor has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from flowstead.access.decisions import granted
from flowstead.api.context import PROVIDER, Context, Here, Needs
from flowstead.api.endpoints import ENDPOINTS
from flowstead.errors import BadArgument
from flowstead.observe import latency
from flowstead.observe.requests import REQUESTS
from flowstead.observe.utilization import METRICS
from flowstead.resources.names import LOCATION
from flowstead.resources.role import WRITE_METRICS
from flowstead.store.identities import Identities
from flowstead.store.records import AnyRecord, DeploymentRecord, Kind

_INSIGHTS = "Microsoft.Insights"
_METRICS = f"/providers/{_INSIGHTS}/metrics"
_DEFAULT_SPAN = timedelta(hours=1)
_NEEDED = [Depends(Needs("metrics/read", _INSIGHTS))]
_OF_ENDPOINT = (REQUESTS, *latency.METRICS)
_OF_DEPLOYMENT = (*METRICS, *_OF_ENDPOINT)
_UNITS = {REQUESTS: "Count", **dict.fromkeys(latency.METRICS, "MilliSeconds")}
Interval = Annotated[str, Query(pattern="^(?i:PT1M)$")]
router = APIRouter(tags=["metrics"])


@router.get(ENDPOINTS + "/{endpoint}" + _METRICS, dependencies=_NEEDED)
def endpoint_metrics(
    endpoint: str,
    here: Here,
    metricnames: str = REQUESTS,
    timespan: str | None = None,
    interval: Interval = "PT1M",
) -> dict[str, Any]:
    """Requests that its deployments answered, by the minute, mirrored ones among them; how long they took
    (RequestLatency, and _P50 to _P99) when that is asked for. timespan: `START/END`, the last hour unless given."""
    names = _metrics(metricnames, _OF_ENDPOINT)
    since, until = _span(timespan, here.clock.now())
    with here.store.reading() as tx:
        record = tx.get(Kind.ENDPOINT, here.workspace.endpoint(endpoint))
        uids = [each.uid for each in tx.list(Kind.DEPLOYMENT, record.id)]
    found = {name: _of_requests(here, name, uids, since, until) for name in names}
    return _answer(record, "workspaces/onlineEndpoints", found, since, until, interval)


@router.get(ENDPOINTS + "/{endpoint}/deployments/{deployment}" + _METRICS, dependencies=_NEEDED)
def deployment_metrics(
    endpoint: str,
    deployment: str,
    here: Here,
    metricnames: str = ",".join((*METRICS, REQUESTS)),
    timespan: str | None = None,
    interval: Interval = "PT1M",
) -> dict[str, Any]:
    """Requests that it answered, and CPU, memory and disk of its instances in percent of their size, by the minute; how
    long requests took (RequestLatency, and _P50 to _P99) when that is asked for. The percents are there when the
    identity of its endpoint has the role AzureML Metrics Writer on the workspace, and from then on. timespan:
    `START/END`, the last hour unless given."""
    names = _metrics(metricnames, _OF_DEPLOYMENT)
    since, until = _span(timespan, here.clock.now())
    record, writes = _deployment(here, endpoint, deployment)

    def series(name: str) -> list[dict[str, Any]]:
        if name in _OF_ENDPOINT:
            return _of_requests(here, name, [record.uid], since, until)
        return _series(here, record, name, since, until) if writes else []

    found = {name: series(name) for name in names}
    return _answer(record, "workspaces/onlineEndpoints/deployments", found, since, until, interval)


def _answer(
    record: AnyRecord,
    type_below: str,
    found: Mapping[str, list[dict[str, Any]]],
    since: datetime,
    until: datetime,
    interval: str,
) -> dict[str, Any]:
    return {
        "cost": 0,
        "timespan": f"{_text(since)}/{_text(until)}",
        "interval": interval,
        "namespace": f"{PROVIDER}/{type_below}",
        "resourceregion": LOCATION,
        "value": [
            {
                "id": f"{record.id}{_METRICS}/{name}",
                "type": f"{_INSIGHTS}/metrics",
                "name": {"value": name, "localizedValue": name},
                "unit": _UNITS.get(name, "Percent"),
                "timeseries": [{"metadatavalues": [], "data": data}] if data else [],
            }
            for name, data in found.items()
        ],
    }


def _of_requests(
    here: Context, name: str, uids: Sequence[str], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    span = (since.timestamp(), until.timestamp())
    if name == REQUESTS:
        counted = here.requests.series(uids, *span)
        return [{"timeStamp": each.time, "total": each.count, "average": each.count} for each in counted]
    took = here.latencies.series(uids, *span)
    return [{"timeStamp": each.time, "average": each.value(name), "maximum": each.longest} for each in took]


def _series(
    here: Context, record: DeploymentRecord, name: str, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    found = here.utilization.series(record.uid, name, since.timestamp(), until.timestamp())
    return [{"timeStamp": each.time, "average": each.average, "maximum": each.maximum} for each in found]


def _deployment(here: Context, endpoint: str, deployment: str) -> tuple[DeploymentRecord, bool]:
    """It, and whether its endpoint's identity may write metrics."""
    with here.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
        principal = Identities(tx).identity(tx.get(Kind.ENDPOINT, record.parent_id)).principal
    grants = () if principal is None else principal.grants
    return record, granted(grants, WRITE_METRICS, here.workspace.path)


def _metrics(asked: str, there: Sequence[str]) -> Sequence[str]:
    known = {each.lower(): each for each in there}
    names = [each.strip() for each in asked.split(",") if each.strip()]
    for name in names:
        if name.lower() not in known:
            raise BadArgument(
                f"There is no metric {name[:80]!r}.", hint=f"There are {', '.join(there)}.", target="metricnames"
            )
    return [known[name.lower()] for name in names]


def _span(given: str | None, now: datetime) -> tuple[datetime, datetime]:
    if given is None:
        return now - _DEFAULT_SPAN, now
    try:
        since, until = (_moment(each) for each in given.split("/"))
    except ValueError:
        raise BadArgument(
            f"timespan={given[:80]} is no span of time.",
            hint="It is of the form 2026-11-29T10:00:00Z/2026-11-29T11:00:00Z.",
            target="timespan",
        ) from None
    return since, until


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
