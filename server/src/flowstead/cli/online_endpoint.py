"""`flowstead online-endpoint …`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from flowstead.azure_yaml import document_of, read_endpoint, shown_endpoint
from flowstead.cli.apps import (
    DescriptionOption,
    FileOption,
    HomeOption,
    NoWaitOption,
    OutputOption,
    PlanOption,
    QueryOption,
    SetOption,
    TagsOption,
    YesOption,
    confirm,
    resource_app,
)
from flowstead.cli.documents import document_from, overridden, pairs, wanted_name, warn
from flowstead.cli.following import follow
from flowstead.cli.opening import open_client
from flowstead.cli.output import Format, show
from flowstead.cli.planning import PlanningClient, show_plan
from flowstead.cli.progress import stages
from flowstead.cli.scoring import check_answer, credential_of, credentials_of
from flowstead.cli.traffic import read_split
from flowstead.client import FlowsteadClient, invoke
from flowstead.errors import BadArgument
from flowstead.resources.named_file import read_named
from flowstead.resources.names import Workspace, check_endpoint_name

app = resource_app("Endpoints: stable addresses with keys.")
_MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""More than any endpoint takes; the gateway says which of them takes how much."""
NameOption = Annotated[str, typer.Option("--name", "-n", help="The endpoint's name.")]


class KeyType(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"


@app.command()
def create(
    file: FileOption = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The endpoint's name.")] = None,
    auth_mode: Annotated[
        str | None, typer.Option("--auth-mode", help="key, aml_token or aad_token.", metavar="MODE")
    ] = None,
    set_values: SetOption = None,
    description: DescriptionOption = None,
    tags: TagsOption = None,
    plan: PlanOption = False,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create an endpoint, or change it."""
    options = {"name": name, "auth_mode": auth_mode, "description": description}
    document = read_endpoint(document_from(file, set_values, options).with_texts("tags", pairs(tags, "--tags")))
    warn(document.notes)
    wanted = check_endpoint_name(wanted_name(document.name, "endpoint"))
    with open_client(home) as client:
        body = with_identities(document.body, client.session.workspace)
        if plan:
            _show_plan(client, wanted, body, output, query)
        operation = client.endpoints.put(wanted, body)
        if no_wait:
            show(shown_endpoint(operation.resource), output, query)
            return
        with stages().stage(f"Creating the endpoint {wanted}") as stage:
            follow(operation, stage)
        show(shown_endpoint(client.endpoints.get(wanted)), output, query)


@app.command()
def update(
    file: FileOption = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The endpoint's name.")] = None,
    traffic: Annotated[
        str | None, typer.Option("--traffic", "-r", help='The split, as in "blue=90 green=10".', metavar="SPLIT")
    ] = None,
    mirror_traffic: Annotated[
        str | None, typer.Option("--mirror-traffic", "-m", help='As in "green=10"; "" for none.', metavar="SPLIT")
    ] = None,
    set_values: SetOption = None,
    description: DescriptionOption = None,
    tags: TagsOption = None,
    plan: PlanOption = False,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Change an endpoint, as its split of traffic.

    Of the split, deployments that are not named get nothing. What neither options nor file name stays."""
    options = {"name": name, "description": description}
    splits = {
        field: read_split(written, option)
        for field, written, option in (
            ("traffic", traffic, "--traffic"),
            ("mirrorTraffic", mirror_traffic, "--mirror-traffic"),
        )
        if written is not None
    }
    with open_client(home) as client:
        document = document_from(file, set_values, options) if file else None
        wanted = (read_endpoint(document).name if document else name) or ""
        body = client.endpoints.get(wanted_name(wanted, "endpoint"))
        if document is None:
            source = document_of(shown_endpoint(body), wanted)
            document = overridden(source, set_values, options)
        described = read_endpoint(document.with_texts("tags", pairs(tags, "--tags")))
        warn(described.notes)
        changed = with_identities(described.body, client.session.workspace)
        changed["properties"] |= splits
        if plan:
            _show_plan(client, wanted, changed, output, query)
        # A file says all; single values are put into what was read, which must not have changed since.
        operation = client.endpoints.put(wanted, changed, if_match="" if file else body["etag"])
        if not no_wait:
            with stages().stage(f"Updating the endpoint {wanted}") as stage:
                follow(operation, stage)
        show(shown_endpoint(client.endpoints.get(wanted)), output, query)


@app.command("show")
def show_one(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show an endpoint."""
    with open_client(home) as client:
        show(shown_endpoint(client.endpoints.get(name)), output, query)


@app.command("list")
def list_all(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the endpoints."""
    with open_client(home) as client:
        show([shown_endpoint(body) for body in client.endpoints.all()], output, query)


@app.command()
def delete(name: NameOption, yes: YesOption = False, no_wait: NoWaitOption = False, home: HomeOption = None) -> None:
    """Delete an endpoint.

    Its deployments, instances, keys and logs go with it."""
    with open_client(home) as client:
        client.endpoints.get(name)
        confirm(f"Delete the endpoint {name} and all its deployments?", yes=yes)
        operation = client.endpoints.delete(name)
        if no_wait:
            return
        with stages().stage(f"Deleting the endpoint {name}") as stage:
            follow(operation, stage)


@app.command("invoke")
def invoke_endpoint(
    name: NameOption,
    request_file: Annotated[
        Path, typer.Option("--request-file", "-r", help="JSON with the flow's inputs; - for stdin.", metavar="FILE")
    ],
    deployment: Annotated[
        str, typer.Option("--deployment-name", "-d", help="Ask this deployment, whatever the split.")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Send a request and print the answer.

    It goes through the gateway, with the primary key or a token, by the endpoint's mode."""
    body = _request_body(request_file)
    with open_client(home) as client:
        endpoint = client.endpoints.get(name)
        if deployment:
            client.deployments.get(name, deployment)
        credential = credential_of(client, endpoint)
    uri = str(endpoint["properties"]["scoringUri"])
    trust = client.session.trust() if uri.startswith("https:") else None
    answer = invoke(uri, credential, body, deployment=deployment, trust=trust)
    print(check_answer(answer, name).text)


@app.command("get-credentials")
def get_credentials(
    name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """Print what opens an endpoint: both keys, or a token, by its mode."""
    with open_client(home) as client:
        show(credentials_of(client, client.endpoints.get(name)), output, query)


@app.command("regenerate-keys")
def regenerate_keys(
    name: NameOption,
    key_type: Annotated[KeyType, typer.Option("--key-type", help="The key to replace.")] = KeyType.PRIMARY,
    key_value: Annotated[str | None, typer.Option("--key-value", help="The new key [default: one is made].")] = None,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
) -> None:
    """Replace one of the two keys.

    The other one works throughout."""
    with open_client(home) as client:
        operation = client.endpoints.regenerate_key(name, key_type.value.capitalize(), key_value or "")
        if no_wait:
            return
        with stages().stage(f"Replacing the {key_type.value} key of {name}") as stage:
            follow(operation, stage)


def with_identities(body: dict[str, Any], here: Workspace) -> dict[str, Any]:
    """The body of an endpoint with ids for those of its identities that are given by name."""
    named = body["identity"].get("userAssignedIdentities")
    if named is None:
        return body
    ids = {each if "/" in each else here.identity(each): value for each, value in named.items()}
    return {**body, "identity": {**body["identity"], "userAssignedIdentities": ids}}


def _show_plan(
    client: FlowsteadClient, name: str, body: dict[str, Any], output: Format | None, query: str | None
) -> NoReturn:
    planning = PlanningClient(client)
    planning.put(client.endpoints.path(name), body)
    raise typer.Exit(show_plan(planning.plan(), output, query))


def _request_body(file: Path) -> bytes:
    if str(file) != "-":
        return read_named(file, _MAX_REQUEST_BYTES, option="--request-file", hint="Name a file with the request.")
    body = sys.stdin.buffer.read(_MAX_REQUEST_BYTES + 1)
    if len(body) > _MAX_REQUEST_BYTES:
        raise BadArgument(f"--request-file: stdin has more than {_MAX_REQUEST_BYTES} bytes.", hint="Send less.")
    return body
