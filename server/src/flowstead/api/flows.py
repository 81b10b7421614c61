"""Flows: editable sources, made empty or from a template; the versions that were saved; import and export."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, BinaryIO

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import ordered, page, put_answer, resource_answer
from flowstead.api.context import SITE, Context, Here, Needs
from flowstead.api.flow_bodies import FlowBody, described, show_flow, show_version
from flowstead.api.flow_saving import Change, check_tree, keep_version, save, with_tree
from flowstead.api.preconditions import ForChange, IfMatch, IfNoneMatch, check_match
from flowstead.errors import BadArgument, ResourceConflict
from flowstead.resources.flow import FlowFile, FlowSpec, FlowType, Tree
from flowstead.resources.flow_templates import template_files
from flowstead.resources.names import check_asset_name
from flowstead.resources.principal import Principal
from flowstead.store.archives import read_archive, write_archive
from flowstead.store.records import FlowRecord, Kind

FLOWS = SITE + "/flows"
FLOW = FLOWS + "/{flow}"
_VERSIONS = FLOW + "/versions"
_ZIP = "application/zip"
_ARCHIVE = {"requestBody": {"required": True, "content": {_ZIP: {"schema": {"type": "string", "format": "binary"}}}}}
router = APIRouter(tags=["flows"])

Reader = Depends(Needs("workspaces/flows/read"))
Writer = Annotated[Principal, Depends(Needs("workspaces/flows/write"))]


@router.get(FLOWS, dependencies=[Reader])
def list_flows(request: Request, here: Here) -> dict[str, Any]:
    """All flows; scratch ones only with `listViewType=All`."""
    with here.store.reading() as tx:
        found = tx.list(Kind.FLOW, here.workspace.path)
    everything = request.query_params.get("listViewType", "").lower() == "all"
    return page(
        request, ordered(request, [each for each in found if everything or not each.spec.is_scratch]), show_flow
    )


@router.get(FLOW, dependencies=[Reader])
def get_flow(flow: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.FLOW, here.workspace.flow(flow))
    return resource_answer(record, show_flow(record))


@router.put(FLOW, status_code=201)
def put_flow(
    flow: str,
    body: FlowBody,
    here: Here,
    caller: Writer,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> JSONResponse:
    """Create a flow, empty or from a template, or change what is said of one; its files have routes of their own."""
    check_asset_name(flow, "flow")
    template = body.properties.template or ""
    tree = {path: here.flow_files.put(data) for path, data in template_files(template).items()} if template else {}
    hash = here.flow_files.put_tree(tree)
    with here.store.transaction() as tx:
        before = tx.find(Kind.FLOW, here.workspace.flow(flow))
        check_match(before.etag if before else None, if_match, if_none_match, f"The flow {flow}")
        if before is not None and template not in ("", before.spec.template):
            raise ResourceConflict(f"The flow {before.name} is there, and was not made from {template}.")
        spec = described(body, before.spec if before else FlowSpec(template=template))
        if before is None and tree:
            spec = replace(with_tree(spec, tree, hash), type=FlowType(template))
        id, name = (before.id, before.name) if before else (here.workspace.flow(flow), flow)
        record, _ = tx.put(Kind.FLOW, id, here.workspace.path, name, spec, by=caller.name, operation=None)
        if before is None and tree:
            keep_version(tx, record, note=f"made from the template {template}", by=caller.name)
    return put_answer(here, record, show_flow(record), None, created=before is None)


@router.delete(FLOW)
def delete_flow(
    flow: str,
    here: Here,
    caller: Annotated[Principal, Depends(Needs("workspaces/flows/delete"))],
    only_if: ForChange,
) -> Response:
    """Delete the flow and its versions; models that were made of it stay. 204 when there is none."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.FLOW, here.workspace.flow(flow))
        if record is None:
            return Response(status_code=204)
        only_if.check(record, f"The flow {record.name}")
        tx.remove(record.id, caller.name)
    here.flow_tests.forget(record.uid)
    return Response(status_code=200)


@router.get(_VERSIONS, dependencies=[Reader])
def list_flow_versions(flow: str, request: Request, here: Here) -> dict[str, Any]:
    """The states that were saved, the last hundred of them."""
    with here.store.reading() as tx:
        record = tx.get(Kind.FLOW, here.workspace.flow(flow))
        versions = tx.list(Kind.FLOW_VERSION, record.id)
    return page(request, ordered(request, sorted(versions, key=lambda each: int(each.name))), show_version)


@router.get(_VERSIONS + "/{version}", dependencies=[Reader])
def get_flow_version(flow: str, version: str, here: Here) -> JSONResponse:
    with here.store.reading() as tx:
        record = tx.get(Kind.FLOW_VERSION, f"{here.workspace.flow(flow)}/versions/{version}")
    return resource_answer(record, show_version(record))


@router.post(_VERSIONS + "/{version}/restore")
def restore_flow_version(flow: str, version: str, here: Here, caller: Writer, if_match: IfMatch = None) -> JSONResponse:
    """Make the files what they were; that is a new version."""
    with here.store.reading() as tx:
        wanted = tx.get(Kind.FLOW_VERSION, f"{here.workspace.flow(flow)}/versions/{version}")
    tree = here.flow_files.tree(wanted.spec.tree)
    record = save(here, flow, lambda _: tree, note=f"restored from {version}", by=caller.name, if_match=if_match)
    return resource_answer(record, show_flow(record))


@router.post(FLOW + "/import", openapi_extra=_ARCHIVE)
async def import_flow(
    flow: str, request: Request, here: Here, caller: Writer, mode: str = "replace", if_match: IfMatch = None
) -> JSONResponse:
    """Take the files of a zip archive. mode: `replace` all files, or `merge` with those that are there. The flow is
    made when it is not there."""
    if mode not in ("replace", "merge"):
        raise BadArgument(f"mode={mode[:40]} is neither replace nor merge.", target="mode")
    check_asset_name(flow, "flow")
    with here.flow_files.draft() as draft:
        async for piece in request.stream():
            await to_thread.run_sync(draft.write, piece)
        record = await to_thread.run_sync(lambda: _import(here, flow, draft, mode, caller.name, if_match))
    return resource_answer(record, show_flow(record))


@router.post(FLOW + "/export", dependencies=[Reader], response_class=Response, responses={200: {"content": {_ZIP: {}}}})
def export_flow(flow: str, here: Here, version: str | None = None) -> Response:
    """The files as a zip archive; of a version, or as they are now."""
    name, tree = files_of(here, flow, version)
    with here.flow_files.draft() as draft:
        write_archive(tree, here.flow_files.read, draft)
        draft.seek(0)
        data = draft.read()
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Response(data, media_type=_ZIP, headers=headers)


def files_of(here: Context, flow: str, version: str | None) -> tuple[str, dict[str, FlowFile]]:
    """The flow's name in exact casing, and its files, of a version or as they are now. Raises ResourceNotFound."""
    record, hash = state_of(here, flow, version)
    return record.name, here.flow_files.tree(hash)


def state_of(here: Context, flow: str, version: str | None) -> tuple[FlowRecord, str]:
    """The flow, and the hash of its files, of a version or as they are now. Raises ResourceNotFound."""
    with here.store.reading() as tx:
        record = tx.get(Kind.FLOW, here.workspace.flow(flow))
        if version is None:
            return record, record.spec.tree
        return record, tx.get(Kind.FLOW_VERSION, f"{record.id}/versions/{version}").spec.tree


def take_in(here: Context, flow: str, change: Change, *, note: str, by: str, if_match: str | None = None) -> FlowRecord:
    """Change the flow's files; it is made when it is not there, unless it is to match something. As `save`."""
    id = here.workspace.flow(flow)
    with here.store.transaction() as tx:
        if tx.find(Kind.FLOW, id) is None and if_match is None:
            tx.put(Kind.FLOW, id, here.workspace.path, flow, FlowSpec(), by=by, operation=None)
    return save(here, flow, change, note=note, by=by, if_match=if_match)


def _import(here: Context, flow: str, draft: BinaryIO, mode: str, by: str, if_match: str | None) -> FlowRecord:
    imported = read_archive(draft, here.flow_files.put)
    check_tree(imported)

    def change(tree: dict[str, FlowFile]) -> Tree:
        return {**tree, **imported} if mode == "merge" else imported

    return take_in(here, flow, change, note="imported", by=by, if_match=if_match)
