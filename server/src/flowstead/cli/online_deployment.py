"""`flowstead online-deployment …`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

from flowstead.azure_yaml import DeploymentDocument, Document, document_of, read_deployment, shown_deployment
from flowstead.cli.apps import (
    FileOption,
    HomeOption,
    NoWaitOption,
    OutputOption,
    OutputsOption,
    OverrideOption,
    PlanOption,
    QueryOption,
    SetOption,
    TagsOption,
    YesOption,
    confirm,
    resource_app,
)
from flowstead.cli.connection_overrides import check_overrides_of
from flowstead.cli.documents import document_from, overridden, pairs, wanted_name, warn
from flowstead.cli.following import follow
from flowstead.cli.opening import open_client
from flowstead.cli.output import Format, show
from flowstead.cli.planning import PlanningClient, show_plan
from flowstead.cli.progress import Stages, UnshownStages, stages
from flowstead.cli.registering import deployment_body
from flowstead.cli.single_values import put_into
from flowstead.cli.terminal import harmless
from flowstead.cli.traffic import all_to, check_movable, with_traffic
from flowstead.cli.variables import choice_variables
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument, ResourceNotFound
from flowstead.resources.names import MAX_INSTANCES_PER_DEPLOYMENT, check_endpoint_name

app = resource_app("Deployments: versions of a flow behind an endpoint.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="The deployment's name.")]
EndpointOption = Annotated[str, typer.Option("--endpoint-name", "-e", help="The endpoint's name.")]
VARIABLES = "environment_variables"
NO_LOG = (
    "No instance has logged anything. How its environment was built: add --container storage-initializer. "
    "What it waits for or failed with: flowstead online-deployment show."
)


REVISION_COLUMNS = ("number", "name", "state", "created_at", "created_by", "model")


class Container(StrEnum):
    INFERENCE_SERVER = "inference-server"
    STORAGE_INITIALIZER = "storage-initializer"

    @property
    def on_the_wire(self) -> str:
        return "".join(word.capitalize() for word in self.value.split("-"))


@app.command()
def create(
    file: FileOption = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The deployment's name.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint-name", "-e", help="The endpoint's name.")] = None,
    all_traffic: Annotated[
        bool, typer.Option("--all-traffic", help="Send all traffic to it as soon as it is ready.")
    ] = False,
    set_values: SetOption = None,
    tags: TagsOption = None,
    outputs: OutputsOption = None,
    connection_override: OverrideOption = None,
    plan: PlanOption = False,
    no_wait: NoWaitOption = False,
    skip_script_validation: Annotated[bool, typer.Option("--skip-script-validation", hidden=True)] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create a deployment, or overwrite it.

    It gets no traffic unless --all-traffic is given."""
    options = {"name": name, "endpoint_name": endpoint}
    written = document_from(file, set_values, options).with_texts("tags", pairs(tags, "--tags"))
    document = read_deployment(written.with_texts(VARIABLES, choice_variables(outputs, connection_override)))
    warn(document.notes)
    wanted = check_endpoint_name(wanted_name(document.name, "deployment"), "deployment")
    below = _endpoint(document.endpoint_name)
    progress = stages()
    with open_client(home) as client:
        check_overrides_of(client, document, connection_override)
        if plan:
            _show_plan(client, lambda to, told: deployment_body(to, document, told), below, wanted, output, query)
        parent = client.endpoints.get(below)
        if all_traffic and no_wait:
            check_movable(parent, wanted)
        operation = client.deployments.put(below, wanted, deployment_body(client, document, progress))
        if no_wait:
            if all_traffic:
                client.endpoints.put(below, with_traffic(client.endpoints.get(below), all_to(wanted)))
            show(shown_deployment(operation.resource), output, query)
            return
        with progress.stage(f"Creating the deployment {below}/{wanted}") as stage:
            follow(operation, stage)
        if all_traffic:
            with progress.stage(f"Sending all traffic to {wanted}") as stage:
                follow(client.endpoints.put(below, with_traffic(client.endpoints.get(below), all_to(wanted))), stage)
        show(shown_deployment(client.deployments.get(below, wanted)), output, query)


@app.command()
def update(
    file: FileOption = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The deployment's name.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint-name", "-e", help="The endpoint's name.")] = None,
    instance_count: Annotated[
        int | None,
        typer.Option("--instance-count", help="How many instances.", min=1, max=MAX_INSTANCES_PER_DEPLOYMENT),
    ] = None,
    set_values: SetOption = None,
    tags: TagsOption = None,
    outputs: OutputsOption = None,
    connection_override: OverrideOption = None,
    plan: PlanOption = False,
    no_wait: NoWaitOption = False,
    skip_script_validation: Annotated[bool, typer.Option("--skip-script-validation", hidden=True)] = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Change a deployment.

    With --set alone, its other values stay; a file replaces them all. Requests go on while it changes."""
    options = {"name": name, "endpoint_name": endpoint}
    count = {"instance_count": instance_count}
    added, chosen = pairs(tags, "--tags"), choice_variables(outputs, connection_override)
    with open_client(home) as client:
        before: DeploymentDocument | None = None
        if file is None:
            body = client.deployments.get(_endpoint(endpoint or ""), wanted_name(name or "", "deployment"))
            source = document_of(shown_deployment(body), f"{endpoint}/{name}")
            before = read_deployment(source)
            document = read_deployment(_counted(overridden(source, set_values, options), count, added, chosen))
        else:
            document = read_deployment(_counted(document_from(file, set_values, options), count, added, chosen))
            body = client.deployments.get(_endpoint(document.endpoint_name), wanted_name(document.name, "deployment"))
        warn(document.notes)
        check_overrides_of(client, document, connection_override)
        progress, below, wanted = stages(), document.endpoint_name, document.name

        def to_put(to: FlowsteadClient, progress: Stages) -> dict[str, Any]:
            said = deployment_body(to, document, progress)
            return said if before is None else put_into(body, deployment_body(to, before, progress), said)

        if plan:
            _show_plan(client, to_put, below, wanted, output, query)
        # A file says all; single values are put into what was read, which must not have changed since.
        etag = "" if file else str(body["etag"])
        operation = client.deployments.put(below, wanted, to_put(client, progress), if_match=etag)
        if not no_wait:
            with progress.stage(f"Updating the deployment {below}/{wanted}") as stage:
                follow(operation, stage)
        show(shown_deployment(client.deployments.get(below, wanted)), output, query)


@app.command("show")
def show_one(
    name: NameOption,
    endpoint: EndpointOption,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Show a deployment.

    A failed one shows its error."""
    with open_client(home) as client:
        show(shown_deployment(client.deployments.get(endpoint, name)), output, query)


@app.command("list")
def list_all(
    endpoint: EndpointOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None
) -> None:
    """List the deployments of an endpoint."""
    with open_client(home) as client:
        client.endpoints.get(endpoint)
        show([shown_deployment(body) for body in client.deployments.all(endpoint)], output, query)


@app.command()
def delete(
    name: NameOption,
    endpoint: EndpointOption,
    yes: YesOption = False,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
) -> None:
    """Delete a deployment.

    One that gets traffic is refused."""
    with open_client(home) as client:
        client.deployments.get(endpoint, name)
        confirm(f"Delete the deployment {endpoint}/{name}?", yes=yes)
        operation = client.deployments.delete(endpoint, name)
        if no_wait:
            return
        with stages().stage(f"Deleting the deployment {endpoint}/{name}") as stage:
            follow(operation, stage)


@app.command()
def stop(name: NameOption, endpoint: EndpointOption, no_wait: NoWaitOption = False, home: HomeOption = None) -> None:
    """Stop a deployment: its instances end after their requests, and take no cores of the quota any more.

    It keeps its revisions, its logs and its share of the traffic; requests for it are answered 503 until `start`."""
    with open_client(home) as client:
        operation = client.deployments.stop(endpoint, name)
        if not no_wait:
            with stages().stage(f"Stopping the deployment {endpoint}/{name}") as stage:
                follow(operation, stage)


@app.command()
def start(name: NameOption, endpoint: EndpointOption, no_wait: NoWaitOption = False, home: HomeOption = None) -> None:
    """Start a deployment that was stopped.

    What was changed meanwhile takes effect now."""
    with open_client(home) as client:
        operation = client.deployments.start(endpoint, name)
        if not no_wait:
            with stages().stage(f"Starting the deployment {endpoint}/{name}") as stage:
                follow(operation, stage)


@app.command("list-revisions")
def list_revisions(
    name: NameOption,
    endpoint: EndpointOption,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """List what a deployment's instances ran, run or shall run, newest first.

    The last ten revisions are kept; online-deployment rollback goes back to one of them."""
    with open_client(home) as client:
        found = client.deployments.revisions(endpoint, name)
    show([shown_revision(body) for body in found], output, query, columns=REVISION_COLUMNS)


@app.command()
def rollback(
    name: NameOption,
    endpoint: EndpointOption,
    revision: Annotated[
        str | None,
        typer.Option("--revision", help="Its number or name; else the one that served before the present one."),
    ] = None,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Go back to an earlier revision of a deployment.

    Model, environment, variables, secrets, connections, settings and size are as they were; the number of instances,
    when they sleep, and the traffic stay. Requests go on meanwhile."""
    with open_client(home) as client:
        operation = client.deployments.roll_back(endpoint, name, revision)
        if not no_wait:
            with stages().stage(f"Rolling back the deployment {endpoint}/{name}") as stage:
                follow(operation, stage)
        show(shown_deployment(client.deployments.get(endpoint, name)), output, query)


@app.command("get-logs")
def get_logs(
    name: NameOption,
    endpoint: EndpointOption,
    lines: Annotated[int, typer.Option("--lines", "-l", help="How many of the last lines.", min=1, max=5000)] = 50,
    container: Annotated[
        Container,
        typer.Option("--container", "-c", help="inference-server: the flow; storage-initializer: its environment."),
    ] = Container.INFERENCE_SERVER,
    instance: Annotated[
        str, typer.Option("--instance", "-i", help="Of this instance alone, by its id; also after its end.")
    ] = "",
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each line that is written, until Ctrl-C.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Print the end of a deployment's log."""
    with open_client(home) as client:
        if following:
            told = client.deployments.follow_logs(
                endpoint, name, lines=lines, container=container.on_the_wire, instance=instance
            )
            _print_as_it_comes(told)
            return
        text = client.deployments.logs(endpoint, name, lines=lines, container=container.on_the_wire, instance=instance)
    if not text and instance:
        raise ResourceNotFound(
            f"The deployment {endpoint}/{name} has no instance {instance} that has logged anything.",
            hint="Without --instance the logs of all are shown, each under its instance's id.",
            target=instance,
        )
    if not text and container is Container.INFERENCE_SERVER:
        print(NO_LOG, file=sys.stderr)
    sys.stdout.write(harmless(text, sys.stdout))


def _print_as_it_comes(told: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Whose lines they are is said when it changes."""
    last = ""
    for log, lines in told:
        heading = [f"==> {log} <=="] if log != last else []
        last = log
        for line in (*heading, *lines):
            sys.stdout.write(harmless(f"{line}\n", sys.stdout))
        sys.stdout.flush()


def shown_revision(body: dict[str, Any]) -> dict[str, Any]:
    """As a command prints it."""
    properties = body["properties"]
    return {
        "number": properties["number"],
        "name": body["name"],
        "state": properties["state"],
        "created_at": properties["createdAt"],
        "created_by": properties["createdBy"],
        "model": properties["model"],
        "environment": properties.get("environmentId"),
        "instance_type": properties["instanceType"],
        "request_settings": properties["requestSettings"],
        "changes": properties["changes"],
        **({"error": properties["error"]} if "error" in properties else {}),
    }


def _show_plan(
    client: FlowsteadClient,
    to_put: Callable[[FlowsteadClient, Stages], dict[str, Any]],
    endpoint: str,
    name: str | None,
    output: Format | None,
    query: str | None,
) -> NoReturn:
    """to_put: makes the body, by the client that it is given."""
    planning = PlanningClient(client)
    body = to_put(planning, UnshownStages())
    planning.put(client.deployments.path(endpoint, wanted_name(name or "", "deployment")), body)
    raise typer.Exit(show_plan(planning.plan(), output, query))


def _endpoint(name: str) -> str:
    if not name:
        raise BadArgument("The deployment names no endpoint.", hint="Write `endpoint_name:`, or add --endpoint-name.")
    return name


def _counted(
    document: Document, count: Mapping[str, int | None], tags: Mapping[str, str], variables: Mapping[str, str]
) -> Document:
    for key, value in count.items():
        if value is not None:
            document = document.with_value(key, str(value))
    return document.with_texts("tags", tags).with_texts(VARIABLES, variables)
