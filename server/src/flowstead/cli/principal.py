"""`flowstead principal …`: who signs in with a secret of his own. What `az ad user` and `az ad sp` are to Entra ID."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, YesOption, confirm, resource_app
from flowstead.cli.granting import grant, role_id
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.cli.scopes import FORMS, scope_id
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument

app = resource_app("Users and service principals: who signs in here.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="Its name.")]
COLUMNS = ("name", "type", "principalId", "clientId", "clientSecret")


class Kind(StrEnum):
    USER = "User"
    SERVICE_PRINCIPAL = "ServicePrincipal"


@app.command()
def create(
    name: NameOption,
    type: Annotated[Kind, typer.Option("--type", help="A person, or a program.")] = Kind.SERVICE_PRINCIPAL,
    role: Annotated[str, typer.Option("--role", help="Grant it this role at once: a name or a GUID.")] = "",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", "--scopes", help=f"On what: {FORMS}. May be given more than once.")
    ] = None,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create a user or a service principal.

    Its secret is printed, this once. It may nothing until it is granted a role."""
    if bool(role) != bool(scopes):
        raise BadArgument("--role and --scope go together.", hint="Give both, or neither and grant roles later.")
    with open_client(home) as client:
        # All that may be wrong with the grant is found before there is a secret that could get lost.
        wanted = [(at, role_id(client, role, at)) for at in (scope_id(client, each) for each in scopes or ())]
        body = client.principals.put(name, type.value)
        show(shown_principal(body), output, query, columns=COLUMNS)
        if "clientSecret" in body["properties"]:
            _say_how_to_sign_in(client, body)
        else:
            _say(f"{name} was there already. Another secret: flowstead principal reset-secret --name {name}")
        for at, guid in wanted:
            grant(client, guid, at, body["properties"]["principalId"])


@app.command("show")
def show_one(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show a principal, by its name, object id or client id."""
    with open_client(home) as client:
        show(shown_principal(client.principals.get(name)), output, query, columns=COLUMNS)


@app.command("list")
def list_all(
    type: Annotated[str, typer.Option("--type", help="User, ServicePrincipal or ManagedIdentity.")] = "",
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List all principals, those of identities too."""
    with open_client(home) as client:
        found = [shown_principal(each) for each in client.principals.all()]
    wanted = [each for each in found if not type or each["type"].lower() == type.lower()]
    show(wanted, output, query, columns=COLUMNS)


@app.command()
def delete(name: NameOption, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a user or a service principal with its role assignments.

    None of its tokens opens anything any more."""
    with open_client(home) as client:
        found = client.principals.get(name)
        if found["properties"].get("resourceId"):
            raise BadArgument(
                f"{found['name']} is the principal of {found['properties']['resourceId']}, and goes with it.",
                hint="Delete that, or take its roles away: flowstead role assignment delete --assignee "
                f"{found['properties']['principalId']}.",
            )
        confirm(f"Delete the principal {found['name']}?", yes=yes)
        client.principals.delete(found["name"])


@app.command("reset-secret")
def reset_secret(
    name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Give a principal another secret and print it, this once.

    The old one ends at once, with all tokens that were got with it."""
    with open_client(home) as client:
        body = client.principals.reset_secret(name)
        show(shown_principal(body), output, query, columns=COLUMNS)
        _say_how_to_sign_in(client, body)


@app.command("revoke-tokens")
def revoke_tokens(
    name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """End all tokens that a principal has at present.

    Its secret stays good for new ones."""
    with open_client(home) as client:
        show(shown_principal(client.principals.revoke_tokens(name)), output, query, columns=COLUMNS)


@app.command()
def block(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Let a principal in no more, whatever roles it has; its tokens end at once.

    Somebody whom only the external issuer knows is named by his object id."""
    with open_client(home) as client:
        show(shown_principal(client.principals.block(name, True)), output, query, columns=COLUMNS)


@app.command()
def unblock(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Let a principal in again.

    Its tokens from before stay ended."""
    with open_client(home) as client:
        show(shown_principal(client.principals.block(name, False)), output, query, columns=COLUMNS)


def shown_principal(body: dict[str, Any]) -> dict[str, Any]:
    """Flat; `clientSecret`, `resourceId`, `issuer` and `blocked` where there is one."""
    properties = body["properties"]
    shown = {name: properties[name] for name in ("type", "principalId", "clientId", "tenantId")}
    told = {
        name: properties[name] for name in ("clientSecret", "resourceId", "issuer", "blocked") if name in properties
    }
    return {"name": body["name"], **shown, **told, "createdOn": properties["createdOn"], "id": body["id"]}


def _say_how_to_sign_in(client: FlowsteadClient, body: dict[str, Any]) -> None:
    properties = body["properties"]
    _say(
        "The secret is shown this once. It signs in with it by: "
        f"flowstead login {client.session.credentials.url} --tenant {properties['tenantId']} "
        f"--client-id {properties['clientId']}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr)
