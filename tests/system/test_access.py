"""Who may do what, by the command line: what fails for want of a role says which command grants it, and with that
command run as it is printed the retry succeeds."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.installation import ECHO, FLOWSTEAD, ROOT, WORKSPACE, Installation, write_flow

SECRETS_READER = "Azure Machine Learning Workspace Connection Secrets Reader"
ADVISED = re.compile(r"flowstead role assignment create .*? --scope \S+")
REFERENCE = "KEY=${{azureml://connections/guarded/credentials/key}}"
GRANTED_WITHIN_S = 1.0


@pytest.fixture
def flow(flowstead: Installation, tmp_path: Path) -> str:
    properties = {"category": "ApiKey", "authType": "ApiKey", "target": "-", "credentials": {"key": "k"}}
    flowstead.api("PUT", "/connections/guarded", {"properties": properties})
    return str(write_flow(tmp_path / "flow", ECHO))


def words(command: str) -> list[str]:
    """As a shell would hand them to `flowstead`."""
    first, *rest = shlex.split(command)
    assert first == "flowstead"
    return rest


def advised(said: str) -> str:
    found = ADVISED.search(" ".join(said.split()))
    assert found is not None, said
    return found[0]


def refused(flowstead: Installation, *arguments: str) -> str:
    done = flowstead.run(*arguments, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return str(done.stdout + done.stderr)


def signed_in(flowstead: Installation, home: Path, made: dict[str, Any]) -> Installation:
    """The same Flowstead, as that principal sees it from a home of its own."""
    theirs = replace(flowstead, home=home)
    options = ("--tenant", made["tenantId"], "--client-id", made["clientId"], "--client-secret", made["clientSecret"])
    theirs.run("login", flowstead.url, *options)
    return theirs


def test_a_deployment_waits_for_the_secrets_of_its_connections(flowstead: Installation, flow: str) -> None:
    command = ("deploy", flow, "--endpoint", "unread", "--no-enforce-access", "--env", REFERENCE)
    early = refused(flowstead, *command, "--plan")
    assert "--assignee unread" in advised(early)
    said = refused(flowstead, *command)
    assert "Access denied to list workspace secret 'guarded'" in said
    assert SECRETS_READER in said
    planned = refused(flowstead, *command, "--plan")
    assert advised(planned) == advised(said), "the plan says the same"
    flowstead.run(*words(advised(said)))
    planned_then = flowstead.run(*command, "--plan").stdout
    assert "REFUSED" not in planned_then
    flowstead.run(*command)
    key = flowstead.keys("unread")["primaryKey"]
    assert flowstead.score("unread", {"text": "x"}, key).status_code == 200
    flowstead.run("online-endpoint", "delete", "--name", "unread", "--yes")


def test_a_grant_holds_at_once(flowstead: Installation) -> None:
    """With a token that was got before, and until the grant is taken away."""
    made = flowstead.json("principal", "create", "--name", "swift")
    grant = f"role assignment create --role Reader --assignee-object-id {made['principalId']} --scope workspace"
    with httpx.Client(headers={"Authorization": f"Bearer {_token(flowstead, made)}"}, timeout=30) as swift:
        for _ in range(3):
            assert swift.get(f"{flowstead.url}{WORKSPACE}").status_code == 403
            assigned = flowstead.json(*shlex.split(grant))
            granted = time.monotonic()
            answer = swift.get(f"{flowstead.url}{WORKSPACE}")
            assert (answer.status_code, time.monotonic() - granted < GRANTED_WITHIN_S) == (200, True)
            flowstead.run("role", "assignment", "delete", "--ids", assigned["id"])


def _token(flowstead: Installation, made: dict[str, Any]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "scope": f"{flowstead.url}/.default",
    }
    answer = httpx.post(f"{flowstead.url}/{made['tenantId']}/oauth2/v2.0/token", data=form, timeout=30)
    return str(answer.json()["access_token"])


def test_an_identity_of_a_user_needs_all_its_roles_first(flowstead: Installation, flow: str, tmp_path: Path) -> None:
    made = flowstead.json("identity", "create", "--name", "walker")
    endpoint = tmp_path / "endpoint.yml"
    endpoint.write_text(
        "name: walked\nidentity:\n  type: user_assigned\n  user_assigned_identities:\n  - resource_id: walker\n"
    )
    flowstead.run("online-endpoint", "create", "-f", str(endpoint))
    deployment = tmp_path / "deployment.yml"
    deployment.write_text(f"name: blue\nendpoint_name: walked\nmodel:\n  path: {flow}\n")
    command = ("online-deployment", "create", "-f", str(deployment), "--all-traffic")
    needed = ["AcrPull", "Storage Blob Data Reader", SECRETS_READER]
    while needed:
        planned = refused(flowstead, *command, "--plan")
        said = refused(flowstead, *command)
        for word in (*needed, "walker", made["principalId"]):
            assert word in said
        grants = ADVISED.findall(" ".join(said.split()))
        assert [words(each)[words(each).index("--role") + 1] for each in grants] == needed
        assert ADVISED.findall(" ".join(planned.split())) == grants
        flowstead.run(*words(grants[0]))
        del needed[0]
    flowstead.run(*command)
    key = flowstead.keys("walked")["primaryKey"]
    assert flowstead.score("walked", {"text": "x"}, key).status_code == 200
    flowstead.run("online-endpoint", "delete", "--name", "walked", "--yes")
    flowstead.run("identity", "delete", "--name", "walker")


def test_access_to_secrets_is_given_only_by_who_has_it(flowstead: Installation, flow: str, tmp_path: Path) -> None:
    role: dict[str, Any] = {
        "Name": "Deployer without secrets",
        "Actions": ["Microsoft.MachineLearningServices/workspaces/*"],
        "NotActions": ["Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"],
        "AssignableScopes": ["workspace"],
    }
    flowstead.run("role", "definition", "create", "--role-definition", json.dumps(role))
    grant = ("--role", role["Name"], "--scope", "workspace")
    ada = signed_in(flowstead, tmp_path / "ada", flowstead.json("principal", "create", "--name", "ada", *grant))
    command = ("deploy", flow, "--endpoint", "enforcing")
    planned = refused(ada, *command, "--plan")
    said = refused(ada, *command)
    assert "AuthorizationFailed" in said
    assert advised(planned) == advised(said)
    assert flowstead.run("online-endpoint", "show", "--name", "enforcing", check=False).returncode == 3
    held = flowstead.run("principal", "list", "--query", "[].name", "-o", "tsv").stdout.split()
    assert "enforcing" not in held, "nothing is left behind"
    flowstead.run(*words(advised(said)))
    ada.run(*command)
    roles = flowstead.json("role", "assignment", "list", "--assignee", "enforcing", "--scope", "workspace")
    assert SECRETS_READER in {each["roleDefinitionName"] for each in roles}
    ada.run("online-endpoint", "delete", "-n", "enforcing", "-y")


def test_the_blocks_of_the_guide_run_in_order(own_flowstead: Installation, tmp_path: Path) -> None:
    write_flow(tmp_path / "my-flow", ECHO)
    page = (ROOT / "docs" / "guide" / "access.md").read_text("utf-8")
    script = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.S | re.M))
    path = f"{Path(FLOWSTEAD).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=own_flowstead.environment({"PATH": path}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Secrets only" in done.stdout
