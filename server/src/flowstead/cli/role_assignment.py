"""`flowstead role assignment …`, as `az role assignment`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from flowstead.cli.apps import (
    DescriptionOption,
    HomeOption,
    OutputOption,
    QueryOption,
    YesOption,
    confirm,
    resource_app,
)
from flowstead.cli.assignees import checked_guid, object_id
from flowstead.cli.granting import Body, grant, guid_of, is_at, is_inherited, role_id, shown_assignments
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.scopes import ScopeOption, given_scope, wanted_scope
from flowstead.client import FlowsteadClient
from flowstead.errors import AuthorizationFailed, BadArgument, PrincipalNotFound

app = resource_app("Role assignments: who has which role on what.")
RoleOption = Annotated[str, typer.Option("--role", help="The role: its name or its GUID.")]
AnyRoleOption = Annotated[str | None, typer.Option("--role", help="Those of this role: its name or its GUID.")]
AssigneeOption = Annotated[
    str | None,
    typer.Option(
        "--assignee", help="A principal, an endpoint or an identity, by its name; or an object id or a client id."
    ),
]
ObjectOption = Annotated[
    str | None, typer.Option("--assignee-object-id", help="An object id, which is not looked up.", metavar="GUID")
]
IdsOption = Annotated[list[str] | None, typer.Option("--ids", help="ARM ids of assignments.", metavar="ID")]
InheritedOption = Annotated[bool, typer.Option("--include-inherited", help="Those made above the scope too.")]
_NOBODY = "00000000-0000-0000-0000-000000000000"
COLUMNS = ("principalName", "roleDefinitionName", "scope", "principalId")


@app.command()
def create(
    role: RoleOption,
    scope: ScopeOption = None,
    assignee: AssigneeOption = None,
    assignee_object_id: ObjectOption = None,
    principal_type: Annotated[
        str,
        typer.Option(
            "--assignee-principal-type",
            help="User, Group or ServicePrincipal; needed for whom only another issuer knows.",
            metavar="TYPE",
        ),
    ] = "",
    description: DescriptionOption = None,
    name: Annotated[str, typer.Option("--name", "-n", help="A GUID for the assignment [default: a new one].")] = "",
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Grant a role. It holds from the next request on.

    Granting what is granted already changes nothing."""
    with open_client(home) as client:
        at = wanted_scope(client, scope)
        wanted = role_id(client, role, at)
        try:
            who = _wanted_assignee(client, assignee, assignee_object_id)
        except AuthorizationFailed:
            # Who may not look people up may most often not grant either, which is what has to be said then.
            with contextlib.suppress(PrincipalNotFound):
                grant(client, wanted, at, _NOBODY)
            raise
        made = grant(
            client,
            wanted,
            at,
            who,
            principal_type=principal_type,
            description=description or "",
            name=name,
        )
        show(shown_assignments(client, [made], at)[0], output, query, columns=COLUMNS)


@app.command("list")
def list_all(
    scope: ScopeOption = None,
    assignee: AssigneeOption = None,
    assignee_object_id: ObjectOption = None,
    role: AnyRoleOption = None,
    below: Annotated[bool, typer.Option("--all", help="Those made below the scope too.")] = False,
    include_inherited: InheritedOption = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List role assignments: those made on the scope, or, without one, all that there are."""
    with open_client(home) as client:
        at = given_scope(client, scope)
        found = _found(client, at, _assignee(client, assignee, assignee_object_id), role, below, include_inherited)
        shown = shown_assignments(client, found, at or client.session.workspace.subscription_path)
        show(shown, output, query, columns=COLUMNS)


@app.command()
def delete(
    ids: IdsOption = None,
    scope: ScopeOption = None,
    assignee: AssigneeOption = None,
    assignee_object_id: ObjectOption = None,
    role: AnyRoleOption = None,
    include_inherited: InheritedOption = False,
    yes: YesOption = False,
    home: HomeOption = None,
) -> None:
    """Take roles away: the assignments that are named by --ids, or all that the other options fit.

    It holds from the next request on."""
    # A value that is "", as an unset variable of a shell gives it, is a value: it must not fit everything.
    fitting = any(each is not None for each in (scope, assignee, assignee_object_id, role))
    if ids and fitting:
        raise BadArgument("--ids and other options exclude each other.", hint="Name assignments by one or the other.")
    if not ids and not fitting:
        raise BadArgument("No assignment is named.", hint="Add --ids, or --assignee, --role and --scope.")
    with open_client(home) as client:
        if ids:
            _delete(client, ids)
            return
        at = given_scope(client, scope)
        whose = _assignee(client, assignee, assignee_object_id)
        found = _found(client, at, whose, role, False, include_inherited)
        # Whoever names all three knows what goes; one alone may fit more than was meant.
        if found and not (at and whose and role):
            confirm(f"Delete {len(found)} role assignments?", yes=yes)
        _delete(client, [each["id"] for each in found])


def _found(
    client: FlowsteadClient, at: str | None, whose: str, role: str | None, below: bool, include_inherited: bool
) -> list[Body]:
    asked = at or client.session.workspace.subscription_path
    found = client.role_assignments.at(asked, whose)
    if at is not None:
        found = [each for each in found if is_at(each, at) or (include_inherited if is_inherited(each, at) else below)]
    if role is None or not found:
        return found
    guids = {guid_of(role)} if guid_of(role) else _guids(client, asked, role)
    return [each for each in found if guid_of(each["properties"]["roleDefinitionId"]) in guids]


def _guids(client: FlowsteadClient, scope: str, name: str) -> set[str]:
    """Of the roles of that name at the scope and below. Raises BadArgument when there are none."""
    known = client.role_definitions.at(scope, "atScopeAndBelow()")
    found = {str(each["name"]) for each in known if each["properties"]["roleName"].lower() == name.lower()}
    if not found:
        raise BadArgument(f"There is no role {name!r}.", hint="See what there is: flowstead role definition list")
    return found


def _wanted_assignee(client: FlowsteadClient, written: str | None, given_id: str | None) -> str:
    found = _assignee(client, written, given_id)
    if not found:
        raise BadArgument("Nobody is named.", hint="Add --assignee NAME, or --assignee-object-id GUID.")
    return found


def _assignee(client: FlowsteadClient, written: str | None, given_id: str | None) -> str:
    """The object id, "" when the command line names nobody."""
    if written is not None and given_id is not None:
        raise BadArgument("--assignee and --assignee-object-id exclude each other.", hint="Leave one of them out.")
    if given_id is not None:
        return checked_guid(given_id)
    return "" if written is None else object_id(client, written)


def _delete(client: FlowsteadClient, ids: Sequence[str]) -> None:
    gone = [client.role_assignments.delete(each) for each in ids]
    if not any(gone):
        print("warning: no role assignment fits, so nothing was deleted.", file=sys.stderr)
