"""The workspace's cores: what is taken of them, and whether a deployment still fits."""

from __future__ import annotations

from flowstead.api.context import Context
from flowstead.errors import OutOfQuota
from flowstead.resources.deployment import DeploymentSpec
from flowstead.resources.sizes import cores_of, quota_taken
from flowstead.store import Reading
from flowstead.store.records import DeploymentRecord, Kind


def cores_taken(tx: Reading, besides: DeploymentRecord | None = None) -> int:
    """Of all deployments, with the upgrade reserve; besides: one that does not count."""
    return sum(
        quota_taken(each.spec.instance_type, each.spec.instance_count)
        for each in tx.list(Kind.DEPLOYMENT)
        if besides is None or each.id != besides.id
    )


def check_quota(tx: Reading, here: Context, spec: DeploymentSpec, before: DeploymentRecord | None) -> None:
    """Raises OutOfQuota, which says how many instances would fit."""
    wanted = quota_taken(spec.instance_type, spec.instance_count)
    if before is not None and wanted <= quota_taken(before.spec.instance_type, before.spec.instance_count):
        return  # a quota that has been lowered since stops no change that takes no more
    taken, quota = cores_taken(tx, before), here.settings.quota_cores
    if taken + wanted <= quota:
        return
    fitting = instances_that_fit(spec.instance_type, quota - taken)
    raise OutOfQuota(
        f"{spec.instance_count} x {spec.instance_type} with the upgrade reserve take {wanted} cores; "
        f"{taken} of the workspace's {quota} are taken.",
        hint=f"Ask for {fitting} instances at most, use a smaller size, or raise the workspace's quota."
        if fitting
        else "",
        target="sku.capacity",
    )


def instances_that_fit(size: str, cores: int) -> int:
    """How many instances of that size so many cores are enough for, with the reserve."""
    count = max(0, cores) // cores_of(size)
    while count > 0 and quota_taken(size, count) > cores:
        count -= 1
    return count
