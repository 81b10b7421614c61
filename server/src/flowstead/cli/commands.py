"""Every command, in the order of `--help`. A command's module is imported when it is run, so that the others cost
nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """module: of `flowstead.cli`, whose `app` holds it: one command, or a group of them."""

    name: str
    module: str
    help: str
    panel: str


_RUN = "Flowstead on this machine"
_FLOWS = "Flows"
_RESOURCES = "Resources, with the verbs, flags and YAML of az ml"

COMMANDS = (
    Command("up", "up", "Start the server and the gateway.", _RUN),
    Command("down", "down", "End the server, the gateway and all instances.", _RUN),
    Command("status", "status", "Show what runs.", _RUN),
    Command("doctor", "doctor", "Check what Flowstead needs on this machine.", _RUN),
    Command("backup", "backup", "Write all that a home holds into one file.", _RUN),
    Command("restore", "restore", "Make a home of a backup.", _RUN),
    Command("master-key", "master_key", "The key under which secrets are sealed.", _RUN),
    Command("issuer", "issuer", "The keys that sign tokens.", _RUN),
    Command("deploy", "deploy", "Make an endpoint of a flow.", _FLOWS),
    Command("flow", "flow", "Flows: their sources, made, checked, tried out.", _FLOWS),
    Command("serve", "serve", "Serve one flow, without a server.", _FLOWS),
    Command("demo", "demo", "Deploy an example in a scratch home and ask it a question.", _FLOWS),
    Command("online-endpoint", "online_endpoint", "Endpoints: stable addresses with keys.", _RESOURCES),
    Command(
        "online-deployment", "online_deployment", "Deployments: versions of a flow behind an endpoint.", _RESOURCES
    ),
    Command("autoscale", "autoscale", "Autoscale settings: how many instances, by rules.", _RESOURCES),
    Command("model", "model", "Models: registered versions of a flow's files.", _RESOURCES),
    Command("environment", "environment", "Environments: packages and the image below them.", _RESOURCES),
    Command("connection", "connection", "Connections: addresses with their secrets.", _RESOURCES),
    Command("data", "data", "Data assets: files and folders.", _RESOURCES),
    Command("identity", "identity", "Identities that users make, for endpoints to act as.", _RESOURCES),
    Command("principal", "principal", "Users and service principals: who signs in here.", _RESOURCES),
    Command("role", "role", "Roles: what may be done, and who may do it where.", _RESOURCES),
    Command("workspace", "workspace", "Workspaces: where the other resources are.", _RESOURCES),
    Command("audit", "audit", "What was changed, by whom, with what outcome.", _RESOURCES),
    Command("gc", "gc", "Remove files that nothing uses any more.", _RESOURCES),
    Command("login", "login", "Work on another machine's server.", _RESOURCES),
    Command("logout", "logout", "Go back to this machine's own server.", _RESOURCES),
    Command("signin-link", "signin_link", "Print a one-time link that signs a browser in.", _RESOURCES),
    Command("token", "token", "Print a bearer token for the management API.", _RESOURCES),
)
