"""The workspace's cores: what is taken of them, and whether a deployment still fits."""

from __future__ import annotations

from flowstead.api.context import Context
from flowstead.errors import OutOfQuota
from flowstead.resources.deployment import DeploymentSpec, wanted_instances
from flowstead.resources.sizes import quota_taken, quota_taken_meanwhile, size_kept, whole
from flowstead.store import Reading
from flowstead.store.records import DeploymentRecord, Kind


def cores_taken(tx: Reading, besides: DeploymentRecord | None = None) -> float:
    """Of all deployments, with the upgrade reserve; besides: one that does not count. A stopped one takes nothing, like
    a machine that is deallocated; it may find too little when it starts."""
    return whole(
        sum(
            quota_taken(each.spec.instance_type, wanted_instances(each.spec, each.status))
            for each in tx.list(Kind.DEPLOYMENT)
            if besides is None or each.id != besides.id
        )
    )


def check_quota(tx: Reading, here: Context, spec: DeploymentSpec, before: DeploymentRecord | None) -> None:
    """Raises OutOfQuota, which says how many instances would fit."""
    count = wanted_instances(spec, before.status if before else None)
    after = (spec.instance_type, count)
    wanted = lasting = quota_taken(*after)
    if before is not None:
        kept = (before.spec.instance_type, wanted_instances(before.spec, before.status))
        wanted = quota_taken_meanwhile(kept, after)
        if wanted <= quota_taken(*kept):
            return  # a quota that has been lowered since stops no change that takes no more
    taken, quota = cores_taken(tx, before), here.settings.quota_cores
    if taken + wanted <= quota:
        return
    fitting = instances_that_fit(spec.instance_type, quota - taken)
    if before is not None and lasting < wanted:
        said = f"The change to {spec.instance_type} takes {wanted:g} cores until it is done"
        hint = f"Make a deployment of another name with it, which takes {lasting:g}, or raise the workspace's quota."
    else:
        said = f"{count} x {spec.instance_type} with the upgrade reserve take {wanted:g} cores"
        hint = f"Ask for {fitting} instances at most, use a smaller size, or raise the workspace's quota."
        hint = hint if fitting else ""
    raise OutOfQuota(f"{said}; {taken:g} of the workspace's {quota} are taken.", hint=hint, target="sku.capacity")


def fitting(tx: Reading, record: DeploymentRecord, wanted: int, *, quota_cores: int) -> int:
    """How many instances of so many the deployment may have."""
    left = quota_cores - cores_taken(tx, record)
    return min(wanted, instances_that_fit(record.spec.instance_type, left))


def instances_that_fit(size: str, cores: float) -> int:
    """How many instances of that size so many cores are enough for, with the reserve."""
    count = int(max(0.0, cores) // size_kept(size).cores)
    while count > 0 and quota_taken(size, count) > cores:
        count -= 1
    return count
