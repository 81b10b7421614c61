"""`flowstead role definition …`, as `az role definition`."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from flowstead.azure_yaml.role import RoleDocument, read_role
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, YesOption, confirm, resource_app
from flowstead.cli.documents import document_written
from flowstead.cli.granting import guid_of
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.scopes import ScopeOption, given_scope, scope_id
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument, ResourceNotFound

app = resource_app("Role definitions: the built-in ones and your own.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="The role: its name or its GUID.")]
DefinitionOption = Annotated[
    str,
    typer.Option(
        "--role-definition",
        help="A JSON or YAML file, or JSON itself: Name, Description, Actions, NotActions, DataActions, "
        "NotDataActions, AssignableScopes.",
        metavar="FILE",
    ),
]
COLUMNS = ("roleName", "roleType", "description")
Body = dict[str, Any]


@app.command("list")
def list_all(
    name: NameOption = "",
    custom_role_only: Annotated[bool, typer.Option("--custom-role-only", help="Leave out built-in roles.")] = False,
    scope: ScopeOption = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List the roles that can be granted on the scope; without one, all that there are."""
    with open_client(home) as client:
        at = given_scope(client, scope)
        found = _all(client) if at is None else client.role_definitions.at(at)
    shown = [shown_role(each) for each in found if not name or _is_named(each, name)]
    wanted = [each for each in shown if not custom_role_only or each["roleType"] == "CustomRole"]
    show(wanted, output, query, columns=COLUMNS)


@app.command("show")
def show_one(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show a role with its actions."""
    with open_client(home) as client:
        show(shown_role(_one(client, name)), output, query, columns=COLUMNS)


@app.command()
def create(
    definition: DefinitionOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Create a role of your own."""
    role = read_role(document_written(definition))
    with open_client(home) as client:
        made = client.role_definitions.put(str(uuid.uuid4()), _properties(client, role))
        show(shown_role(made), output, query, columns=COLUMNS)


@app.command()
def update(
    definition: DefinitionOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Replace a role of your own, known by its Id or else by its Name. It holds from the next request on."""
    role = read_role(document_written(definition))
    with open_client(home) as client:
        known = _one(client, guid_of(role.id) or role.name)
        changed = client.role_definitions.put(known["name"], _properties(client, role))
        show(shown_role(changed), output, query, columns=COLUMNS)


@app.command()
def delete(name: NameOption, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a role of your own, which nobody may have any more."""
    with open_client(home) as client:
        known = _one(client, name)
        confirm(f"Delete the role {known['properties']['roleName']}?", yes=yes)
        client.role_definitions.delete(known["name"])


def shown_role(body: Body) -> Body:
    """As `az role definition list` prints it."""
    properties = body["properties"]
    return {
        "roleName": properties["roleName"],
        "roleType": properties["type"],
        "description": properties["description"],
        "assignableScopes": properties["assignableScopes"],
        "permissions": properties["permissions"],
        "id": body["id"],
        "name": body["name"],
        "type": body["type"],
    }


def _one(client: FlowsteadClient, written: str) -> Body:
    """By name, GUID or ARM id. Raises ResourceNotFound."""
    found = [each for each in _all(client) if _is_named(each, written)]
    if not found:
        raise ResourceNotFound(
            f"There is no role {written!r}.", hint="See what there is: flowstead role definition list"
        )
    return found[0]


def _all(client: FlowsteadClient) -> list[Body]:
    return client.role_definitions.at(client.session.workspace.subscription_path, "atScopeAndBelow()")


def _is_named(body: Body, written: str) -> bool:
    name, guid = str(body["properties"]["roleName"]), str(body["name"])
    return name.lower() == written.lower() or guid == guid_of(written)


def _properties(client: FlowsteadClient, role: RoleDocument) -> Body:
    if not role.assignable_scopes:
        raise BadArgument("AssignableScopes is missing.", hint="Name where it may be granted, as in [workspace].")
    scopes = [scope_id(client, each) for each in role.assignable_scopes]
    return {**role.properties, "assignableScopes": scopes}
