"""The workspace's cores: what is taken of them, and whether a deployment still fits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flowstead.api.context import Context
from flowstead.errors import OutOfQuota
from flowstead.resources.deployment import DeploymentSpec, wanted_instances
from flowstead.resources.sizes import quota_taken, quota_taken_meanwhile, size_kept, whole
from flowstead.store import Reading
from flowstead.store.records import DeploymentRecord, Kind


def cores_taken(tx: Reading, besides: DeploymentRecord | None = None, done: Collection[str] = ()) -> float:
    """Of all deployments, with the upgrade reserve; besides: one that does not count. done: ids of those that count as
    if their changes were done. A stopped one takes nothing, like a machine that is deallocated; it may find too little
    when it starts. Of one that is being changed, or that could not be, what serves and what is wanted both count as
    long as both may run."""
    serving = tx.revisions.serving_specs()
    others = (each for each in tx.list(Kind.DEPLOYMENT) if besides is None or each.id != besides.id)
    return whole(sum(_taken(each, None if each.id in done else serving.get(each.id.lower())) for each in others))


def cores_asked(tx: Reading) -> float:
    """As `cores_taken`, without the reserve."""
    serving = tx.revisions.serving_specs()
    kept = (_kept(each, serving.get(each.id.lower())) for each in tx.list(Kind.DEPLOYMENT))
    return whole(sum(max(size_kept(size).cores * count for size, count in both) for both in kept))


def check_quota(tx: Reading, here: Context, spec: DeploymentSpec, before: DeploymentRecord | None) -> None:
    """Raises OutOfQuota, which says how many instances would fit."""
    count = wanted_instances(spec, before.status if before else None)
    after = (spec.instance_type, count)
    wanted = lasting = quota_taken(*after)
    if before is not None:
        serving = tx.revisions.serving_specs().get(before.id.lower())
        runs, *_ = _kept(before, serving)
        wanted = quota_taken_meanwhile(runs, after)
        if wanted <= _taken(before, serving):
            return  # a quota that has been lowered since stops no change that takes no more
    taken, quota = cores_taken(tx, before), here.settings.quota_cores
    if taken + wanted <= quota:
        return
    fitting = instances_that_fit(spec.instance_type, quota - taken)
    if before is not None and lasting < wanted:
        said = f"The change to {spec.instance_type} takes {wanted:g} cores until it is done"
        hint = f"Make a deployment of another name with it, which takes {lasting:g}, or raise the workspace's quota."
    else:
        said = f"{count} x {spec.instance_type} with the upgrade reserve take {_of(wanted, 'core')}"
        fewer = f"Ask for {_of(fitting, 'instance')} at most, use a smaller size, or raise the workspace's quota."
        hint = fewer if fitting else ""
    raise OutOfQuota(f"{said}; {taken:g} of the workspace's {quota} are taken.", hint=hint, target="sku.capacity")


def _of(number: float, thing: str) -> str:
    return f"{number:g} {thing}" + ("" if number == 1 else "s")


def _kept(record: DeploymentRecord, serving: DeploymentSpec | None) -> Sequence[tuple[str, int]]:
    """(size, instances) of what serves, then of what is wanted. serving: what instances were started with that serve,
    None before any do."""
    wanted = (record.spec.instance_type, wanted_instances(record.spec, record.status))
    if serving is None or record.spec.stopped or record.status.serving_revision is None:
        return (wanted,)
    return ((serving.instance_type, wanted_instances(serving, record.status)), wanted)


def _taken(record: DeploymentRecord, serving: DeploymentSpec | None) -> float:
    runs, *coming = _kept(record, serving)
    return max(quota_taken(*runs), *(quota_taken_meanwhile(runs, each) for each in coming), 0)


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
