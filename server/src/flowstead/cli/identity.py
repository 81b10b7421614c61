"""`flowstead identity …`, as `az identity`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, TagsOption, resource_app
from flowstead.cli.documents import pairs
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.errors import BadArgument
from flowstead.resources.names import LOCATION

app = resource_app("Identities that users make, for endpoints to act as.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="The identity's name.")]
AuthorityOption = Annotated[
    str, typer.Option("--authority", help="Where an application trusts this identity, an https URL.", metavar="URL")
]
TenantOption = Annotated[str, typer.Option("--tenant-id", help="The application's tenant, as the authority knows it.")]
ClientOption = Annotated[str, typer.Option("--client-id", help="The application's client id there.")]
COLUMNS = ("name", "principalId", "clientId")


@app.command()
def create(
    name: NameOption,
    tags: TagsOption = None,
    authority: AuthorityOption = "",
    tenant_id: TenantOption = "",
    client_id: ClientOption = "",
    location: Annotated[str, typer.Option("--location", "-l", help="Kept and shown.")] = LOCATION,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create an identity, or overwrite it.

    It may nothing until it is granted roles. With --authority, --tenant-id and --client-id it is an application
    elsewhere too, which trusts this server's tokens; without them, one that it is already it remains."""
    body: dict[str, Any] = {"location": location, "tags": pairs(tags, "--tags")}
    application = _application(authority, tenant_id, client_id)
    if application:
        body["properties"] = {"application": application}
    with open_client(home) as client:
        show(shown_identity(client.identities.put(name, body)), output, query, columns=COLUMNS)


@app.command()
def update(
    name: NameOption,
    tags: TagsOption = None,
    authority: AuthorityOption = "",
    tenant_id: TenantOption = "",
    client_id: ClientOption = "",
    no_application: Annotated[bool, typer.Option("--no-application", help="It is at home here only.")] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Change an identity; what no option names stays."""
    application = _application(authority, tenant_id, client_id)
    if application and no_application:
        raise BadArgument("--no-application and --authority exclude each other.", hint="Leave one of them out.")
    changed: dict[str, Any] = {"tags": pairs(tags, "--tags")} if tags else {}
    if application or no_application:
        changed["properties"] = {"application": application}
    with open_client(home) as client:
        show(shown_identity(client.identities.change(name, changed)), output, query, columns=COLUMNS)


@app.command("show")
def show_one(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show an identity."""
    with open_client(home) as client:
        show(shown_identity(client.identities.get(name)), output, query, columns=COLUMNS)


@app.command("list")
def list_all(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the identities."""
    with open_client(home) as client:
        show([shown_identity(each) for each in client.identities.all()], output, query, columns=COLUMNS)


@app.command()
def delete(name: NameOption, home: HomeOption = None) -> None:
    """Delete an identity with its role assignments.

    Endpoints that have it can do nothing by it any more."""
    with open_client(home) as client:
        client.identities.get(name)
        client.identities.delete(name)


def shown_identity(body: dict[str, Any]) -> dict[str, Any]:
    """As `az identity show` prints it."""
    properties = body["properties"]
    return {
        "name": body["name"],
        "principalId": properties["principalId"],
        "clientId": properties["clientId"],
        "tenantId": properties["tenantId"],
        "application": properties.get("application"),
        "location": body.get("location"),
        "resourceGroup": body["id"].split("/")[4],
        "tags": body.get("tags") or {},
        "id": body["id"],
        "type": body["type"],
    }


def _application(authority: str, tenant_id: str, client_id: str) -> dict[str, str] | None:
    given = {"authority": authority, "tenantId": tenant_id, "clientId": client_id}
    if not any(given.values()):
        return None
    if not all(given.values()):
        raise BadArgument(
            "An application is named in part only.",
            hint="Give --authority, --tenant-id and --client-id together, or none of them.",
        )
    return given
