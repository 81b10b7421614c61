"""Removes what lies on the disk and nothing uses any more, or says what that would be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.datastores import PREFIXES
from flowstead.api.upload_uris import uploaded_at
from flowstead.environments.protocol import EnvironmentRequest, RemovesUnused
from flowstead.errors import BadArgument, FlowsteadError
from flowstead.resources.datastore import CONTAINER
from flowstead.resources.file_tree import files_below
from flowstead.resources.principal import Principal
from flowstead.store import Store
from flowstead.store.flow_sources import FlowSource, FlowSources
from flowstead.store.records import Kind

KEEP_UPLOADS = timedelta(days=1)
"""Time between sending a folder and registering it, with room to spare; a signature lives for a day at most."""
KEEP_ENVIRONMENTS = timedelta(days=1)
"""One that was just built may be for a deployment that is about to be made."""
KEEP_LOGS = timedelta(days=7)
"""Time to read the log of an instance that is gone."""
KEEP_DEAD = 20
"""Of so many dead instances of a deployment the logs are kept, the last ones to end: each may have 30 MiB of them."""
_LOOKS = 2
"""After so many of its looks the reconciler has named every instance, and asked for every deployment's environment."""
_UNREAD = "it was sent more than a day ago, and no data asset reads it there"
_UNREFERRED = "no version of an asset and no revision that is kept refers to it"
_UNWANTED = "no deployment, no revision that is kept and no instance needs it, and it is more than a day old"
_AGAIN = "Collect again: what is left is found again."
router = APIRouter(tags=["garbage"])


@dataclass(frozen=True)
class Found:
    """size: bytes. reason: why nobody needs it, in words."""

    kind: str
    name: str
    size: int
    reason: str


@router.post(SITE + "/garbageCollection")
def collect_garbage(
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/garbageCollection/action"))],
    dry_run: Annotated[bool, Query(alias="dryRun")] = False,
) -> dict[str, Any]:
    """Uploads of yesterday that were registered or forgotten, content and environments that nothing refers to, not even
    a revision that is kept, logs of what is long gone. With `dryRun` nothing is removed. Never what is in use, nor what
    was just made."""
    found = collect(here, caller.name, dry_run=dry_run)
    return {
        "dryRun": dry_run,
        "value": [asdict(each) for each in found],
        "bytes": sum(each.size for each in found),
    }


def collect(here: Context, by: str, *, dry_run: bool = False) -> Sequence[Found]:
    """What was removed, or would be. by: whose doing it is, for the audit record."""
    found = [each for collector in COLLECTORS for each in collector(here, True)]
    return _remove(here, by, found) if found and not dry_run else found


def conclude_interrupted(store: Store) -> None:
    """A server before may have died while it removed: its record says so."""
    with store.transaction() as tx:
        tx.journal.conclude_interrupted(FlowsteadError("The server ended meanwhile.", hint=_AGAIN).as_body())


def _remove(here: Context, by: str, planned: Sequence[Found]) -> list[Found]:
    """What was removed. Who does it and what is about to go is written down before anything goes: nothing is ever
    removed without a record, whatever happens to the server meanwhile."""
    with here.store.transaction() as tx:
        record = tx.journal.record(by, "collectGarbage", here.workspace.path, detail=_summary(planned), begun=True)
    removed: list[Found] = []
    error: dict[str, Any] | None = FlowsteadError("Not everything could be removed.", hint=_AGAIN).as_body()
    try:
        for collector in COLLECTORS:
            removed.extend(collector(here, False))
        error = None
    finally:
        with here.store.transaction() as tx:
            tx.journal.conclude(record, _summary(removed), error)
    return removed


def _summary(found: Sequence[Found]) -> str:
    return f"{len(found)} things, {sum(each.size for each in found)} bytes"


def _uploads(here: Context, dry_run: bool) -> Iterator[Found]:
    """What is registered was copied; only data assets may still point at what was uploaded."""
    limit = (here.clock.now() - KEEP_UPLOADS).timestamp()
    named = _named_by_data(here)
    for container in here.uploads.containers():
        for path, size, modified_at in sorted(_files(here.uploads.container(container))):
            ours = container != CONTAINER or path.startswith(PREFIXES)
            used = any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in named)
            if modified_at < limit and ours and not used:
                if not dry_run:
                    here.uploads.remove(container, path)
                yield Found(
                    "upload", f"{container}/{path}", size, "sent more than a day ago, and no data asset reads it there"
                )


def _content(here: Context, dry_run: bool) -> Iterator[Found]:
    """The references are counted while nobody can begin to refer to anything; what is being registered is held."""

    def used() -> frozenset[str]:
        with here.store.reading() as tx:
            return tx.content_in_use()

    removed = here.contents.unused(used) if dry_run else here.contents.sweep(used)
    yield from (Found("content", each.content_hash, each.size, _UNREFERRED) for each in removed)


def _environments(here: Context, dry_run: bool) -> Iterator[Found]:
    if not isinstance(here.environments, RemovesUnused) or here.instances.looks < _LOOKS:
        return
    find = here.environments.unused if dry_run else here.environments.remove_unused
    limit = here.clock.now() - KEEP_ENVIRONMENTS
    removed = find(older_than=limit, besides=here.instances.interpreters, wanted=list(_of_revisions(here)))
    yield from (Found("environment", each.key, each.size, _UNWANTED) for each in removed)


def _of_revisions(here: Context) -> Iterator[EnvironmentRequest]:
    """Environments that a roll-back would ask for."""
    sources = FlowSources(here.home)
    with here.store.reading() as tx:
        kept = tx.revisions.sources()
    for content_hash, spec in kept:
        source = sources.find(content_hash, spec.model, any_files=spec.base.inference is not None)
        if isinstance(source, FlowSource):
            yield EnvironmentRequest.of(spec.base, source.requirements)


def _logs(here: Context, dry_run: bool) -> Iterator[Found]:
    """`{endpoint}/{deployment}/{instance}.log`: of deployments that are gone, and of instances that are long gone or
    that are gone like many after them."""
    if here.instances.looks < _LOOKS:
        return
    root = here.home.logs / "endpoints"
    limit = (here.clock.now() - KEEP_LOGS).timestamp()
    with here.store.reading() as tx:
        there = {(each.parent_id.rpartition("/")[2].lower(), each.name.lower()) for each in tx.list(Kind.DEPLOYMENT)}
    logs = [_Log(*each) for each in _files(root)]
    of_the_dead = [each for each in logs if each.instance and each.instance not in here.instances.ids]
    too_many = _besides_the_newest(of_the_dead)
    silent = f"nothing was said for {KEEP_LOGS.days} days"
    for each in logs:
        if each.instance in here.instances.ids:
            continue
        known = each.deployment in there
        if each.said_at < limit and (each.instance or not known):
            reason = f"{'its instance' if known else 'its deployment'} is gone, and {silent}"
        elif known and each.whose in too_many:
            reason = f"its instance is gone, and the logs of {KEEP_DEAD} that ended later are kept"
        else:
            continue
        if not dry_run:
            (root / each.path).unlink(missing_ok=True)
        yield Found("log", each.path, each.size, reason)


@dataclass(frozen=True)
class _Log:
    """One file of a log. said_at: Unix time of the last line."""

    path: str
    size: int
    said_at: float

    @property
    def deployment(self) -> tuple[str, ...]:
        return tuple(part.lower() for part in Path(self.path).parts[:2])

    @property
    def instance(self) -> str:
        """ "" for a file that is no instance's."""
        name, dot_log, _ = Path(self.path).name.partition(".log")  # and `.log.1`, what was said before
        return name if dot_log and not name.startswith("storage-initializer") else ""

    @property
    def whose(self) -> tuple[str, ...]:
        return (*self.deployment, self.instance)


def _besides_the_newest(logs: Sequence[_Log]) -> Collection[tuple[str, ...]]:
    """Whose logs are more than is kept of the dead instances of one deployment."""
    ended: dict[tuple[str, ...], dict[tuple[str, ...], float]] = {}
    for each in logs:
        of_one = ended.setdefault(each.deployment, {})
        of_one[each.whose] = max(each.said_at, of_one.get(each.whose, 0.0))
    ordered = (sorted(of_one, key=of_one.__getitem__) for of_one in ended.values())
    return {whose for instances in ordered for whose in instances[:-KEEP_DEAD]}


def _named_by_data(here: Context) -> Sequence[str]:
    """Paths of the default container that data assets read in place."""
    with here.store.reading() as tx:
        uris = [each.spec.uri for each in tx.list(Kind.DATA_VERSION) if not each.spec.content_hash]
    named = []
    for uri in uris:
        try:
            container, path = uploaded_at(uri, here.workspace, "dataUri")
        except BadArgument:
            continue  # it lies elsewhere
        if container == CONTAINER:
            named.append(path)
    return named


def _files(root: Path) -> Iterator[tuple[str, int, float]]:
    """Path below the root, bytes, Unix time of the last change; links are not followed."""
    for file, known in sorted(files_below(root)):
        yield file.relative_to(root).as_posix(), known.st_size, known.st_mtime


COLLECTORS: tuple[Callable[[Context, bool], Iterator[Found]], ...] = (_uploads, _content, _environments, _logs)
