"""Autoscale settings of deployments, where Azure Monitor has them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import JSONResponse, Response

from flowstead.api.arm import page, put_answer, resource_answer
from flowstead.api.autoscale_bodies import AutoscaleSettingBody, show_setting
from flowstead.api.autoscale_rules import check_alone, to_spec
from flowstead.api.context import Context, Here, Needs
from flowstead.api.merging import merge
from flowstead.api.preconditions import ForChange, ForPut
from flowstead.errors import InvalidName
from flowstead.resources.autoscale_profiles import active_profile
from flowstead.resources.principal import Principal
from flowstead.store import Writing
from flowstead.store.records import AutoscaleSettingRecord, Kind

_INSIGHTS, _TYPE = "Microsoft.Insights", "autoscaleSettings"
_SETTINGS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_INSIGHTS}/{_TYPE}"
_SETTING = f"{_SETTINGS}/{{setting}}"
_NAME = re.compile(r"\w[\w.()-]{0,254}", re.ASCII)
router = APIRouter(tags=["autoscale"])
Reader = Depends(Needs(f"{_TYPE}/read", _INSIGHTS))
Writer = Annotated[Principal, Depends(Needs(f"{_TYPE}/write", _INSIGHTS))]
Deleter = Annotated[Principal, Depends(Needs(f"{_TYPE}/delete", _INSIGHTS))]


@router.get(_SETTINGS, dependencies=[Reader])
def list_autoscale_settings(request: Request, here: Here) -> dict[str, Any]:
    return _page(request, here)


@router.get(f"/subscriptions/{{subscription}}/providers/{_INSIGHTS}/{_TYPE}", dependencies=[Reader])
def list_autoscale_settings_of_subscription(request: Request, here: Here) -> dict[str, Any]:
    return _page(request, here)


@router.get(_SETTING, dependencies=[Reader])
def get_autoscale_setting(setting: str, here: Here) -> JSONResponse:
    record = _get(here, setting)
    return resource_answer(record, _show(record, here))


@router.put(_SETTING, status_code=201)
def put_autoscale_setting(
    setting: str, body: AutoscaleSettingBody, here: Here, caller: Writer, only_if: ForPut
) -> JSONResponse:
    """Say by which rules and when a deployment has how many instances, or say it anew. One without `profiles` keeps
    those that it has: so Azure's documentation switches a setting off."""
    if not _NAME.fullmatch(setting):
        raise InvalidName(
            f"The name {setting[:80]!r} of an autoscale setting is not allowed.",
            hint="Begin with a letter or digit; use up to 255 letters, digits, dashes, underscores, dots and brackets.",
            target="name",
        )
    with here.store.transaction() as tx:
        before = tx.find(Kind.AUTOSCALE_SETTING, here.workspace.autoscale_setting(setting))
        only_if.check(before, f"The autoscale setting {setting}")
        record = _written(tx, setting, body, before, here, caller)
    here.hint()
    return put_answer(here, record, _show(record, here), None, created=before is None)


@router.patch(_SETTING)
def patch_autoscale_setting(
    setting: str, body: Annotated[dict[str, Any], Body()], here: Here, caller: Writer, only_if: ForChange
) -> JSONResponse:
    """Change the parts that the body names (JSON merge patch), for example `{"properties": {"enabled": false}}`."""
    with here.store.transaction() as tx:
        before = tx.get(Kind.AUTOSCALE_SETTING, here.workspace.autoscale_setting(setting))
        only_if.check(before, f"The autoscale setting {before.name}")
        merged = merge(AutoscaleSettingBody, _show(before, here), body)
        record = _written(tx, before.name, merged, before, here, caller)
    here.hint()
    return resource_answer(record, _show(record, here))


@router.delete(_SETTING)
def delete_autoscale_setting(setting: str, here: Here, caller: Deleter, only_if: ForChange) -> Response:
    """Delete the setting; the deployment keeps the instances that it has. 204 when there is none."""
    with here.store.transaction() as tx:
        record = tx.find(Kind.AUTOSCALE_SETTING, here.workspace.autoscale_setting(setting))
        if record is None:
            return Response(status_code=204)
        only_if.check(record, f"The autoscale setting {record.name}")
        tx.remove(record.id, caller.name)
    here.hint()
    return Response(status_code=200)


def _written(
    tx: Writing,
    name: str,
    body: AutoscaleSettingBody,
    before: AutoscaleSettingRecord | None,
    here: Context,
    caller: Principal,
) -> AutoscaleSettingRecord:
    id = before.id if before else here.workspace.autoscale_setting(name)
    spec = to_spec(body, tx, before, grain_s=here.settings.autoscale_grain_s)
    check_alone(tx, spec, id)
    name = before.name if before else name
    kind, parent = Kind.AUTOSCALE_SETTING, here.workspace.group_path
    record, _ = tx.put(kind, id, parent, name, spec, by=caller.name, operation=None)
    return record


def _get(here: Context, setting: str) -> AutoscaleSettingRecord:
    with here.store.reading() as tx:
        return tx.get(Kind.AUTOSCALE_SETTING, here.workspace.autoscale_setting(setting))


def _show(record: AutoscaleSettingRecord, here: Context) -> dict[str, Any]:
    return show_setting(record, active_profile(record.spec.profiles, here.clock.now()))


def _page(request: Request, here: Context) -> dict[str, Any]:
    with here.store.reading() as tx:
        found = tx.list(Kind.AUTOSCALE_SETTING)
    return page(request, found, lambda record: _show(record, here))
