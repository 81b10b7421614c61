"""`flowstead deploy`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from flowstead.azure_yaml import shown_deployment, shown_endpoint
from flowstead.cli.apps import (
    HomeOption,
    NoWaitOption,
    OutputOption,
    OutputsOption,
    OverrideOption,
    PlanOption,
    QueryOption,
    new_app,
)
from flowstead.cli.asking import curl_line, sample_body
from flowstead.cli.connection_overrides import check_overrides
from flowstead.cli.deploy_plan import DEFAULT_DEPLOYMENT, DeployOptions, DeployPlan, plan_deploy
from flowstead.cli.deploying import Deployed, deploy
from flowstead.cli.documents import pairs, warn
from flowstead.cli.flow_sources import ExportedFlow, exported, folder_of
from flowstead.cli.output import show
from flowstead.cli.planning import plan_of_deploy, show_plan
from flowstead.cli.progress import seconds, stages
from flowstead.cli.registering import check_flow
from flowstead.cli.variables import choice_variables, connection_variables, variables_from
from flowstead.client import FlowsteadClient
from flowstead.errors import BadArgument
from flowstead.resources.endpoint import AuthMode
from flowstead.resources.home import Home
from flowstead.resources.names import MAX_INSTANCES_PER_DEPLOYMENT, Workspace
from flowstead_runtime.flow.definition import FlowDefinition

app = new_app()
_AUTH_MODES = {"key": AuthMode.KEY, "aml_token": AuthMode.AML_TOKEN, "aad_token": AuthMode.AAD_TOKEN}


@app.command("deploy")
def deploy_flow(
    flow: Annotated[
        str, typer.Argument(help="The flow's folder, or the name of a flow of the workspace.", metavar="FLOW")
    ] = "",
    flow_name: Annotated[
        str, typer.Option("--flow", help="A flow of the workspace, in place of FLOW.", metavar="NAME")
    ] = "",
    endpoint: Annotated[
        str, typer.Option("--endpoint", "-e", help="The endpoint, new or not [default: named after the folder].")
    ] = "",
    deployment: Annotated[
        str, typer.Option("--deployment", "-d", help="The deployment; one of that name is overwritten.")
    ] = DEFAULT_DEPLOYMENT,
    instance_type: Annotated[
        str,
        typer.Option(
            "--instance-type", help="Size of an instance: Azure's name, or Flowstead_XS to _L.", metavar="SIZE"
        ),
    ] = "",
    instance_count: Annotated[
        int | None, typer.Option("--instance-count", min=1, max=MAX_INSTANCES_PER_DEPLOYMENT, help="[default: 1]")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", help="A variable; NAME alone takes your shell's value.", metavar="NAME[=VALUE]"),
    ] = None,
    connections: Annotated[
        Path | None, typer.Option("--connections", help="A JSON file: name → type and fields.", metavar="FILE")
    ] = None,
    connection_override: OverrideOption = None,
    outputs: OutputsOption = None,
    collect: Annotated[
        bool, typer.Option("--collect", help="Keep inputs and outputs of the requests, to be read as data assets.")
    ] = False,
    auth_mode: Annotated[
        str, typer.Option("--auth-mode", help="How callers prove themselves: key, aml_token or aad_token.")
    ] = "key",
    identity: Annotated[
        str,
        typer.Option("--identity", help="Name or id of a user-assigned identity [default: one of the endpoint's own]."),
    ] = "",
    enforce_access: Annotated[
        bool,
        typer.Option(
            "--enforce-access/--no-enforce-access",
            help="Let a new endpoint's own identity read the secrets of connections.",
        ),
    ] = True,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag.", metavar="NAME=VALUE")] = None,
    all_traffic: Annotated[
        bool, typer.Option("--all-traffic", help="Send all traffic to it, not only for the endpoint's first one.")
    ] = False,
    plan_only: PlanOption = False,
    no_wait: NoWaitOption = False,
    home: HomeOption = None,
    output: OutputOption = None,
    query: QueryOption = None,
) -> None:
    """Make an endpoint of a flow: creates the endpoint, registers the flow's files as a model, creates the
    deployment. The endpoint's first deployment gets all traffic; a later one of another name gets none."""
    began = time.monotonic()
    folder = _folder(flow, flow_name)
    if folder is not None:
        check_flow(folder)  # before a server is looked for
    options = DeployOptions(
        endpoint=endpoint,
        deployment=deployment,
        instance_type=instance_type,
        instance_count=instance_count,
        auth_mode=_auth_mode(auth_mode),
        collect=collect,
        identity=identity_id(identity) if identity else "",
        enforce_access=enforce_access,
        tags=pairs(tag, "--tag"),
        variables={
            **connection_variables(connections),
            **variables_from(env, os.environ),
            **choice_variables(outputs, connection_override),
        },
    )
    place = Home.at(home)
    with FlowsteadClient.of(place) as client, _files(client, folder, flow_name or flow) as files:
        definition = check_flow(files.folder)
        check_overrides(definition, connection_override, options.variables)
        warn(notes_on(definition))
        plan = plan_deploy(definition, options)
        if plan_only:
            plan_shown = plan_of_deploy(client, files.folder, plan, all_traffic=all_traffic, flow_uri=files.uri)
            raise typer.Exit(show_plan(plan_shown, output, query))
        try:
            wait = not no_wait
            deployed = deploy(
                client, files.folder, plan, stages(), all_traffic=all_traffic, wait=wait, flow_uri=files.uri
            )
        except KeyboardInterrupt:
            print(
                f"The server goes on with what it has begun. See: {_show_command(plan)}{place.option}", file=sys.stderr
            )
            raise
    took = time.monotonic() - began
    if output is not None or query is not None:
        show(_result(deployed, took), output, query)
    elif no_wait:
        print(f"Being created. See: {_show_command(plan)}{place.option}")
    else:
        print(text_of(deployed, plan, definition, took, place.option))


def _folder(flow: str, name: str) -> Path | None:
    """The folder to deploy, None for a flow of the workspace. Raises BadArgument."""
    if not flow and not name:
        raise typer.BadParameter("Missing argument 'FLOW'.")
    if flow and name:
        raise BadArgument(f"Both {flow} and {name} are named.", hint="Name one flow to deploy.")
    return None if name else folder_of(flow)


def _files(client: FlowsteadClient, folder: Path | None, name: str) -> AbstractContextManager[ExportedFlow]:
    return exported(client, name) if folder is None else nullcontext(ExportedFlow(folder, ""))


def notes_on(flow: FlowDefinition) -> Iterator[str]:
    """What may not be what its author expects of the endpoint."""
    aggregations = [node.name for node in flow.nodes if node.aggregation]
    if aggregations:
        yield (
            f"{', '.join(aggregations)}: aggregation over many rows is not done for single requests; the endpoint "
            "answers each without it, and leaves out the outputs that refer to it"
        )


def text_of(deployed: Deployed, plan: DeployPlan, flow: FlowDefinition, took: float, home: str = "") -> str:
    """What to do now. The key or token stands here and in the curl line, nowhere else. home: what commands are given to
    mean the one that it was deployed to."""
    lines = [
        "",
        f"Ready {seconds(took)} after the flow was read.",
        "",
        f"Scoring URL  {deployed.scoring_uri}",
        f"{'Key' if deployed.has_keys else 'Token':<12} {deployed.credential}",
    ]
    command = curl_line(deployed.scoring_uri, deployed.credential, sample_body(flow))
    if deployed.traffic == 0:
        lines += ["", f"{plan.deployment} gets no traffic yet. Test it by name, then send it traffic:"]
        command = command.replace("  -d ", f"  -H 'azureml-model-deployment: {plan.deployment}' \\\n  -d ", 1)
    lines += ["", command]
    if deployed.traffic == 0:
        lines += ["", f"flowstead online-endpoint update --name {plan.endpoint} --traffic {plan.deployment}=100{home}"]
    lines += ["", f"Delete it: flowstead online-endpoint delete --name {plan.endpoint} --yes{home}"]
    return "\n".join(lines)


def _result(deployed: Deployed, took: float) -> dict[str, Any]:
    """For programs; the key or token is asked for by get-credentials."""
    return {
        "endpoint": shown_endpoint(deployed.endpoint),
        "deployment": shown_deployment(deployed.deployment),
        "scoring_uri": deployed.scoring_uri,
        "traffic": deployed.traffic,
        "seconds": round(took, 2),
    }


def _show_command(plan: DeployPlan) -> str:
    return f"flowstead online-deployment show --endpoint-name {plan.endpoint} --name {plan.deployment}"


def identity_id(written: str) -> str:
    """The ARM id of a user-assigned identity that is named, or given by its id."""
    return written if written.startswith("/") else Workspace().identity(written)


def _auth_mode(written: str) -> AuthMode:
    found = _AUTH_MODES.get(written.lower().replace("-", "_"))
    if found is None:
        raise BadArgument(f"--auth-mode {written} is unknown.", hint=f"It is one of {', '.join(_AUTH_MODES)}.")
    return found
