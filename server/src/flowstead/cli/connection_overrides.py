"""`--connection-override`: whether the flow names what is to be replaced.

On the wire an override is a variable like any other, as in Azure, and one that nobody reads is no mistake there: only
here it is known what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from flowstead.azure_yaml import DeploymentDocument, InlineModel
from flowstead.cli.registering import check_flow, id_of
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from flowstead_runtime.flow.connections_named import connections_named
from flowstead_runtime.flow.definition import FlowDefinition

_INIT = "PF_FLOW_INIT_CONFIG"
"""Arguments of a flex flow's class, which may name connections that its files do not."""


def overrides_in(written: Sequence[str] | None) -> dict[str, str]:
    """`FLOW_CONNECTION=WORKSPACE_CONNECTION` → a mapping. Raises BadArgument."""
    found: dict[str, str] = {}
    for each in written or ():
        name, _, connection = each.partition("=")
        if not name.strip() or not connection.strip():
            raise BadArgument(
                f"--connection-override {each}: two names are expected.",
                hint="Write --connection-override FLOW_CONNECTION=WORKSPACE_CONNECTION.",
            )
        found[name.strip()] = connection.strip()
    return found


def check_overrides(flow: FlowDefinition, overrides: Sequence[str] | None, variables: Mapping[str, str]) -> None:
    """variables: of the deployment. Raises BadArgument for a connection that the flow does not name."""
    if overrides:
        _check((each.name for each in connections_named(flow, variables)), overrides_in(overrides), variables)


def check_overrides_of(client: FlowsteadClient, document: DeploymentDocument, overrides: Sequence[str] | None) -> None:
    """As `check_overrides`, for the deployment that a document describes. Raises what looking for its model does."""
    model = document.model
    if not overrides or model is None:
        return
    variables: Mapping[str, str] = document.body["properties"].get("environmentVariables", {})
    if not isinstance(model, InlineModel):
        named = client.models.connections_named(id_of(client.models, model))
        _check(named, overrides_in(overrides), variables)
    elif isinstance(model.path, Path):
        check_overrides(check_flow(model.path), overrides, variables)


def _check(named: Iterable[str], overrides: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """One override may stand for what another one gives."""
    names = list(dict.fromkeys(named))
    known = {each.replace(" ", "_") for each in (*names, *overrides.values())}
    in_arguments = variables.get(_INIT, "")
    for name in overrides:
        if name.replace(" ", "_") in known or f'"{name}"' in in_arguments:
            continue
        raise BadArgument(
            f"--connection-override {name}: the flow names no such connection.",
            hint=(f"It names {', '.join(names)}. " if names else "Its files name none. ")
            + "For a name that only its code knows, set the environment variable of that name.",
        )
