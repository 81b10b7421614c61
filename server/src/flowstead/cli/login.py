"""`flowstead login`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flowstead.azure_yaml import shown_workspace
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, new_app
from flowstead.cli.output import show
from flowstead.client import FlowsteadClient, Session
from flowstead.client.credentials import Credentials
from flowstead.client.login import Login, checked_url, write_login
from flowstead.errors import BadArgument
from flowstead.resources.home import Home
from flowstead.resources.named_file import read_named
from flowstead.resources.names import DEFAULT_RESOURCE_GROUP, DEFAULT_SUBSCRIPTION, DEFAULT_WORKSPACE, Workspace

app = new_app()
_MAX_CA_BYTES = 1024 * 1024


@app.command()
def login(
    url: Annotated[str, typer.Argument(help="The server's URL, as in https://HOST:8443.", metavar="URL")],
    client_id: Annotated[str, typer.Option("--client-id", "-u", help="Who you are.")],
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="The server's tenant.")],
    client_secret: Annotated[
        str, typer.Option("--client-secret", "-p", help="Your secret [default: asked for, or read from stdin].")
    ] = "",
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="What its certificate is checked against: its tls/ca.pem.", metavar="FILE"),
    ] = None,
    subscription: Annotated[str, typer.Option("--subscription", help="Its id.")] = DEFAULT_SUBSCRIPTION,
    resource_group: Annotated[str, typer.Option("--resource-group", "-g")] = DEFAULT_RESOURCE_GROUP,
    workspace: Annotated[str, typer.Option("--workspace-name", "-w")] = DEFAULT_WORKSPACE,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Work on another machine's server.

    The credentials are proved first, then kept in the home, in a file that only you may read. All commands on resources
    go to that server until `flowstead logout`."""
    credentials = Credentials(
        url=checked_url(url),
        tenant_id=tenant,
        client_id=client_id,
        client_secret=client_secret or _secret(),
        workspace=Workspace(subscription, resource_group, workspace),
    )
    wanted = Login(credentials, _certificates(ca) if ca else "")
    with Session.remote(wanted) as session:
        found = FlowsteadClient(session).workspaces.get()
    write_login(Home.at(home), wanted)
    show(shown_workspace(found), output, query)


def _secret() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Client secret", hide_input=True, err=True))
    secret = sys.stdin.readline().strip()
    if not secret:
        raise BadArgument("There is no client secret.", hint="Write it to stdin, or add --client-secret.")
    return secret


def _certificates(file: Path) -> str:
    try:
        return read_named(file, _MAX_CA_BYTES, option="--ca", hint="Name the server's tls/ca.pem.").decode("ascii")
    except UnicodeDecodeError:
        raise BadArgument(f"{file} is not PEM text.", hint="Name the server's tls/ca.pem.") from None
