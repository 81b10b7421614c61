"""`flowstead autoscale …`: settings of Azure Monitor that say how many instances a deployment has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowstead.azure_yaml import read_document
from flowstead.azure_yaml.fields import anything
from flowstead.cli.apps import HomeOption, OutputOption, QueryOption, resource_app
from flowstead.cli.opening import open_client
from flowstead.cli.output import show
from flowstead.errors import BadArgument
from flowstead.resources.names import Workspace

app = resource_app("Autoscale settings: by which rules and when a deployment has how many instances.")
NameOption = Annotated[str, typer.Option("--name", "-n", help="The setting's name.")]
COLUMNS = ("name", "target", "enabled", "activeProfile")
Body = dict[str, Any]


@app.command()
def create(
    name: NameOption,
    file: Annotated[
        Path,
        typer.Option("--file", "-f", help="The setting in JSON or YAML, as Azure's REST API has it.", metavar="FILE"),
    ],
    resource: Annotated[
        str,
        typer.Option(
            "--resource",
            help="The deployment, instead of targetResourceUri; also of rules that name no metricResourceUri.",
            metavar="ENDPOINT/DEPLOYMENT",
        ),
    ] = "",
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Create a setting, or overwrite it."""
    body = anything(read_document(file).top)
    with open_client(home) as client:
        if resource:
            body = with_target(body, _deployment(resource, client.session.workspace))
        elif not _names_a_target(body):
            raise BadArgument(
                f"{file.name} does not say which deployment is meant.",
                hint="Add --resource ENDPOINT/DEPLOYMENT, or write properties.targetResourceUri into the file.",
            )
        show(shown_setting(client.autoscale_settings.put(name, body)), output, query, columns=COLUMNS)


@app.command("show")
def show_one(name: NameOption, home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """Show a setting, and which of its profiles counts now."""
    with open_client(home) as client:
        show(shown_setting(client.autoscale_settings.get(name)), output, query, columns=COLUMNS)


@app.command("list")
def list_all(home: HomeOption = None, output: OutputOption = None, query: QueryOption = None) -> None:
    """List the settings."""
    with open_client(home) as client:
        show([shown_setting(each) for each in client.autoscale_settings.all()], output, query, columns=COLUMNS)


@app.command()
def delete(name: NameOption, home: HomeOption = None) -> None:
    """Delete a setting; its deployment keeps the number of instances that it has."""
    with open_client(home) as client:
        client.autoscale_settings.get(name)
        client.autoscale_settings.delete(name)


def _names_a_target(body: Body) -> bool:
    properties = body.get("properties")
    return not isinstance(properties, dict) or bool(properties.get("targetResourceUri"))


def with_target(body: Body, target: str) -> Body:
    """The setting, of that deployment. body: as it was written, whatever that is: the server says what is wrong."""
    given = body.get("properties")
    properties = {**(given if isinstance(given, dict) else {}), "targetResourceUri": target}
    for profile in _mappings(properties.get("profiles")):
        for rule in _mappings(profile.get("rules")):
            for trigger in _mappings([rule.get("metricTrigger")]):
                trigger.setdefault("metricResourceUri", target)
    return {**body, "properties": properties}


def shown_setting(body: Body) -> Body:
    """As `az monitor autoscale show` prints it, with the deployment by its names."""
    properties = body["properties"]
    parts = properties["targetResourceUri"].split("/")
    return {
        "name": body["name"],
        "target": f"{parts[-3]}/{parts[-1]}",
        "enabled": properties["enabled"],
        "activeProfile": properties["activeProfile"],
        "profiles": properties["profiles"],
        "notifications": properties["notifications"],
        "targetResourceUri": properties["targetResourceUri"],
        "location": body.get("location"),
        "resourceGroup": body["id"].split("/")[4],
        "tags": body.get("tags") or {},
        "id": body["id"],
        "type": body["type"],
    }


def _deployment(written: str, workspace: Workspace) -> str:
    endpoint, slash, deployment = written.partition("/")
    if not (endpoint and slash and deployment) or "/" in deployment:
        raise BadArgument(f"--resource {written} is no deployment.", hint="Write --resource ENDPOINT/DEPLOYMENT.")
    return workspace.deployment(endpoint, deployment)


def _mappings(value: Any) -> list[Body]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
