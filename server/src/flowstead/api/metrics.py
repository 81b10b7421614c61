"""Metrics of a deployment, where and in the form in which Azure Monitor has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from flowstead.access.decisions import granted
from flowstead.api.context import PROVIDER, Context, Here, Needs
from flowstead.api.endpoints import ENDPOINTS
from flowstead.errors import BadArgument
from flowstead.observe.utilization import METRICS
from flowstead.resources.names import LOCATION
from flowstead.resources.role import WRITE_METRICS
from flowstead.store.identities import Identities
from flowstead.store.records import DeploymentRecord, Kind

_INSIGHTS = "Microsoft.Insights"
_PATH = ENDPOINTS + f"/{{endpoint}}/deployments/{{deployment}}/providers/{_INSIGHTS}/metrics"
_DEFAULT_SPAN = timedelta(hours=1)
router = APIRouter(tags=["metrics"])


@router.get(_PATH, dependencies=[Depends(Needs("metrics/read", _INSIGHTS))])
def deployment_metrics(
    endpoint: str,
    deployment: str,
    here: Here,
    metricnames: str = ",".join(METRICS),
    timespan: str | None = None,
    interval: Annotated[str, Query(pattern="^(?i:PT1M)$")] = "PT1M",
) -> dict[str, Any]:
    """CPU, memory and disk of its instances, by the minute, in percent of their size. They are there when the identity
    of its endpoint has the role AzureML Metrics Writer on the workspace, and from then on. timespan: `START/END`, the
    last hour unless given."""
    names = [_metric(each.strip()) for each in metricnames.split(",") if each.strip()]
    since, until = _span(timespan, here.clock.now())
    record, writes = _deployment(here, endpoint, deployment)
    resource = f"{record.id}/providers/{_INSIGHTS}/metrics"
    return {
        "cost": 0,
        "timespan": f"{_text(since)}/{_text(until)}",
        "interval": interval,
        "namespace": f"{PROVIDER}/workspaces/onlineEndpoints/deployments",
        "resourceregion": LOCATION,
        "value": [
            {
                "id": f"{resource}/{name}",
                "type": f"{_INSIGHTS}/metrics",
                "name": {"value": name, "localizedValue": name},
                "unit": "Percent",
                "timeseries": _series(here, record, name, since, until) if writes else [],
            }
            for name in names
        ],
    }


def _series(
    here: Context, record: DeploymentRecord, name: str, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    found = here.utilization.series(record.uid, name, since.timestamp(), until.timestamp())
    data = [{"timeStamp": each.time, "average": each.average, "maximum": each.maximum} for each in found]
    return [{"metadatavalues": [], "data": data}] if data else []


def _deployment(here: Context, endpoint: str, deployment: str) -> tuple[DeploymentRecord, bool]:
    """It, and whether its endpoint's identity may write metrics."""
    with here.store.reading() as tx:
        record = tx.get(Kind.DEPLOYMENT, here.workspace.deployment(endpoint, deployment))
        principal = Identities(tx).identity(tx.get(Kind.ENDPOINT, record.parent_id)).principal
    grants = () if principal is None else principal.grants
    return record, granted(grants, WRITE_METRICS, here.workspace.path)


def _metric(name: str) -> str:
    known = {each.lower(): each for each in METRICS}
    if name.lower() not in known:
        raise BadArgument(
            f"There is no metric {name[:80]!r}.", hint=f"There are {', '.join(METRICS)}.", target="metricnames"
        )
    return known[name.lower()]


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
