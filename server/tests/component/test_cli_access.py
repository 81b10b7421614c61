"""The commands on identities, principals and roles, against the real API."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowstead.cli.running import run
from flowstead.client import FlowsteadClient, Session
from flowstead.client.credentials import Credentials, read_credentials
from flowstead.resources.built_in_roles import BUILT_IN, DATA_SCIENTIST, SECRETS_READER
from flowstead.resources.names import Workspace
from flowstead.testing.in_process_api import InProcessApi

WORKSPACE = Workspace()
SECRETS = BUILT_IN[SECRETS_READER].role_name
COMMAND = re.compile(r"flowstead role assignment create .*? --scope \S+")


class Terminal:
    """Somebody at a terminal. signed_in: who; the owner at first."""

    def __init__(self, api: InProcessApi, capsys: pytest.CaptureFixture[str]) -> None:
        self.api, self._capsys = api, capsys
        self.owner = read_credentials(api.home)
        self.signed_in = self.owner

    def client(self) -> FlowsteadClient:
        transport = httpx.MockTransport(self._answer)
        return FlowsteadClient(Session(httpx.Client(transport=transport, base_url="http://flowstead"), self.signed_in))

    def json(self, line: str) -> Any:
        """What the command prints."""
        assert run([*shlex.split(line), "-o", "json"]) == 0, self._capsys.readouterr().err
        return json.loads(self._capsys.readouterr().out)

    def text(self, line: str) -> str:
        assert run(shlex.split(line)) == 0, self._capsys.readouterr().err
        said = self._capsys.readouterr()
        return said.out + said.err

    def fails(self, line: str) -> str:
        assert run(shlex.split(line)) != 0
        return self._capsys.readouterr().err

    def sign_in(self, made: dict[str, Any]) -> None:
        self.signed_in = replace(self.owner, client_id=made["clientId"], client_secret=made["clientSecret"])

    def be(self, who: Credentials) -> None:
        self.signed_in = who

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = self.api.call(request.method, path, token=None, headers=headers, content=request.read())
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    with InProcessApi(tmp_path) as api:
        terminal = Terminal(api, capsys)
        monkeypatch.setattr(FlowsteadClient, "of", lambda home: terminal.client())
        yield terminal


@pytest.fixture
def endpoint(terminal: Terminal) -> str:
    """The object id of its identity."""
    return str(terminal.json("online-endpoint create -n chat --no-wait")["identity"]["principal_id"])


def connect(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "connection.yml"
    file.write_text("name: search\ntype: api_key\ntarget: https://a.example\napi_key: hush\n")
    terminal.json(f"connection create -f {file}")


def test_identities_come_are_changed_and_go(terminal: Terminal) -> None:
    made = terminal.json("identity create -g flowstead -n reader --tags team=search stage=test")
    assert made["id"] == WORKSPACE.identity("reader")
    assert (made["tags"], made["resourceGroup"]) == ({"team": "search", "stage": "test"}, "flowstead")
    application = "--authority https://login.example --tenant-id t-1 --client-id c-1"
    changed = terminal.json(f"identity update -n reader --tags stage=live {application}")
    assert (changed["principalId"], changed["tags"]["stage"]) == (made["principalId"], "live")
    assert changed["application"] == {"authority": "https://login.example", "tenantId": "t-1", "clientId": "c-1"}
    assert terminal.json("identity update -n reader --no-application")["application"] is None
    assert terminal.json("identity create -n other " + application)["application"]["clientId"] == "c-1"
    again = terminal.json("identity create -n other --tags a=b")
    assert (again["tags"], again["application"]["clientId"]) == ({"a": "b"}, "c-1"), "what it does not name stays"
    assert [each["name"] for each in terminal.json("identity list -g flowstead")] == ["reader", "other"]
    assert terminal.json("identity show -n reader --query principalId") == made["principalId"]
    titles = terminal.text("identity list -o table").splitlines()[0].split("  ")
    assert [each.strip() for each in titles if each] == ["Name", "Principal id", "Client id"]
    terminal.text("identity delete -n reader")
    assert "ResourceNotFound" in terminal.fails("identity delete -n reader")
    assert "in part only" in terminal.fails("identity create -n third --client-id c")


def test_a_role_is_granted_listed_and_taken_away(terminal: Terminal, endpoint: str, tmp_path: Path) -> None:
    connect(terminal, tmp_path)
    made = terminal.json(f'role assignment create --role "{SECRETS}" --assignee chat --scope connection:search')
    assert made["scope"] == WORKSPACE.connection("search")
    assert (made["principalId"], made["principalName"]) == (endpoint, "chat")
    assert (made["roleDefinitionName"], made["principalType"]) == (SECRETS, "ServicePrincipal")
    again = terminal.json(
        f"role assignment create --role {SECRETS_READER} --assignee {endpoint} --scope {made['scope']}"
    )
    assert again["name"] == made["name"], "what is granted already is as good as a new grant"

    def listed(options: str) -> set[str]:
        return {each["scope"] for each in terminal.json(f"role assignment list {options}")}

    registry, storage, here = WORKSPACE.registry, WORKSPACE.storage, WORKSPACE.path
    assert listed("--assignee chat") == {registry, storage, here, made["scope"]}
    assert listed("--assignee chat --scope workspace") == {here}
    assert listed("--assignee chat --scope workspace --all") == {here, made["scope"]}
    assert listed("--assignee chat --scope workspace --all false --include-inherited true") == {here}
    assert listed("--assignee chat --scope connection:search --include-inherited") == {here, made["scope"]}
    assert listed("--scope workspace --include-inherited --role owner") == {"/"}
    assert listed("--assignee chat -g flowstead") == set()
    assert listed(f"--role '{SECRETS}'") == {made["scope"]}
    table = terminal.text("role assignment list --assignee chat --role AcrPull -o table").splitlines()
    assert table[2].split()[:3] == ["chat", "AcrPull", registry]

    terminal.text(f'role assignment delete --role "{SECRETS}" --assignee chat --scope connection:search')
    assert listed("--assignee chat") == {registry, storage, here}
    nothing = f'role assignment delete --role "{SECRETS}" --assignee chat --scope connection:search'
    assert "nothing was deleted" in terminal.text(nothing)
    assert "add --yes" in terminal.fails("role assignment delete --assignee chat")
    ids = [each["id"] for each in terminal.json("role assignment list --assignee chat --scope registry")]
    terminal.text(f"role assignment delete --ids {' '.join(ids)}")
    terminal.text("role assignment delete --assignee chat --yes")
    assert listed("--assignee chat") == set()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create --role Reader --assignee chat", "There is no scope"),
        ("create --role Reader --assignee chat --scope endpoint", "there is no such scope"),
        ("create --role Reader --assignee chat --scope ''", "there is no such scope"),
        ("create --role Reader --scope workspace", "Nobody is named"),
        ("create --role Reader --assignee nobody --scope workspace", "PrincipalNotFound"),
        ("create --role Reader --assignee '' --scope workspace", "PrincipalNotFound"),
        ("create --role Reader --assignee chat --assignee-object-id x --scope workspace", "exclude each other"),
        ("create --role Reader --assignee-object-id chat --scope workspace", "is not a GUID"),
        ("create --role Raeder --assignee chat --scope workspace", "flowstead role definition list --scope"),
        ("create --role Reader --assignee chat --scope endpoint:none", "ResourceNotFound"),
        (
            "create --role Reader --assignee-object-id 00000000-0000-0000-0000-00000000000a --scope /",
            "PrincipalNotFound",
        ),
        ("list --role Raeder --scope workspace", "There is no role 'Raeder'"),
        ("delete", "No assignment is named"),
        ("delete --ids /a --role Reader", "exclude each other"),
        ("delete --assignee '' --role AcrPull --scope registry", "PrincipalNotFound"),
        ("delete --assignee chat --role AcrPull --scope ''", "there is no such scope"),
    ],
)
def test_what_is_wrong_with_a_grant_is_said(terminal: Terminal, endpoint: str, line: str, said: str) -> None:
    assert said in terminal.fails(f"role assignment {line}")


def test_a_name_that_several_have_is_not_guessed(terminal: Terminal, endpoint: str) -> None:
    identity = terminal.json("identity create -n chat")["principalId"]
    said = terminal.fails("role assignment create --role Reader --assignee chat --scope workspace")
    for words in ("the endpoint chat", endpoint, "the identity chat", identity, "--assignee-object-id"):
        assert words in said
    for way in (WORKSPACE.identity("CHAT"), terminal.json("identity show -n chat")["clientId"], identity):
        made = terminal.json(f"role assignment create --role Reader --assignee {way} --scope workspace")
        assert made["principalId"] == identity


def test_a_principal_of_another_issuer_is_granted_by_its_type(terminal: Terminal) -> None:
    who = str(uuid.uuid4())
    options = f"--assignee-object-id {who} --assignee-principal-type User --description 'from elsewhere' -g flowstead"
    made = terminal.json(f"role assignment create --role reader {options}")
    assert (made["scope"], made["principalType"]) == (WORKSPACE.group_path, "User")
    assert (made["principalName"], made["description"]) == ("", "from elsewhere")


DEFINITION = {
    "Name": "Secrets only",
    "IsCustom": True,
    "Description": "just that",
    "Actions": ["Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action"],
    "NotActions": [],
    "AssignableScopes": ["workspace"],
}


def test_roles_of_ones_own(terminal: Terminal, tmp_path: Path, endpoint: str) -> None:
    file = tmp_path / "role.json"
    file.write_text(json.dumps(DEFINITION))
    made = terminal.json(f"role definition create --role-definition @{file}")
    assert (made["roleName"], made["assignableScopes"]) == ("Secrets only", [WORKSPACE.path])
    assert "Conflict" in terminal.fails(f"role definition create --role-definition {file}")
    inline = json.dumps({**DEFINITION, "Description": "that and no more"})
    assert terminal.json(f"role definition update --role-definition '{inline}'")["name"] == made["name"]
    shown = terminal.json("role definition show --name 'secrets ONLY'")
    assert shown["description"] == "that and no more"
    file.write_text(json.dumps({**shown, "roleName": "Secrets and no more"}))
    renamed = terminal.json(f"role definition update --role-definition {file}")
    assert (renamed["roleName"], renamed["name"]) == ("Secrets and no more", made["name"])

    names = "--query [].roleName -o tsv"
    assert terminal.text(f"role definition list --custom-role-only true {names}").split("\n")[0] == renamed["roleName"]
    assert terminal.text(f"role definition list --scope registry --custom-role-only {names}").strip() == ""
    assert len(terminal.json("role definition list")) == len(BUILT_IN) + 1
    assert terminal.json("role definition list --name Owner")[0]["permissions"][0]["actions"] == ["*"]

    grant = f"role assignment create --role '{renamed['roleName']}' --assignee chat --scope"
    assert "No role 'Secrets and no more' can be granted" in terminal.fails(f"{grant} resource-group")
    terminal.json(f"{grant} workspace")
    used = terminal.fails(f"role definition delete --name {made['name']} --yes")
    assert "RoleDefinitionHasAssignments" in used
    advised = re.search(r"flowstead (role assignment list --role) NAME", used)
    assert advised is not None
    [held] = terminal.json(f"{advised[1]} '{renamed['roleName']}'")
    terminal.text(f"role assignment delete --ids {held['id']}")
    terminal.text(f"role definition delete --name {made['name']} --yes")
    assert "ResourceNotFound" in terminal.fails(f"role definition show --name {made['name']}")


def test_a_principal_gets_its_secret_once_and_may_what_it_is_granted(terminal: Terminal) -> None:
    made = terminal.json(
        "principal create -n ada --type User --role 'AzureML Data Scientist' --scopes workspace storage"
    )
    assert {each["scope"] for each in terminal.json("role assignment list --assignee ada")} == {
        WORKSPACE.path,
        WORKSPACE.storage,
    }
    assert "clientSecret" not in terminal.json("principal show -n ada")
    again = terminal.text("principal create -n ada --type User")
    assert made["clientSecret"] not in again
    assert "flowstead principal reset-secret --name ada" in again
    terminal.sign_in(made)
    assert terminal.json("workspace show")["name"] == WORKSPACE.name
    assert "AuthorizationFailed" in terminal.fails("identity create -n mine")
    ada = terminal.signed_in

    terminal.be(terminal.owner)
    reset = terminal.json("principal reset-secret -n ada")
    assert reset["clientSecret"] != made["clientSecret"]
    terminal.be(ada)
    replaced = terminal.fails("workspace show")
    assert "invalid_client" in replaced
    assert ("credentials.json" in replaced, "flowstead principal reset-secret" in replaced) == (False, True)
    terminal.be(terminal.owner)
    assert "clientSecret" not in terminal.json("principal revoke-tokens -n ada")
    assert [each["name"] for each in terminal.json("principal list --type user")] == ["ada"]
    assert "add --yes" in terminal.fails("principal delete -n ada")
    terminal.text("principal delete -n ada --yes")
    assert "ResourceNotFound" in terminal.fails("principal show -n ada")


def test_nothing_is_made_when_its_grant_is_wrong(terminal: Terminal, endpoint: str) -> None:
    assert "go together" in terminal.fails("principal create -n ada --role Reader")
    assert "No role 'Raeder'" in terminal.fails("principal create -n ada --role Raeder --scope workspace")
    assert "no such scope" in terminal.fails("principal create -n ada --role Reader --scope everywhere")
    assert "ResourceNotFound" in terminal.fails("principal show -n ada")
    assert "goes with it" in terminal.fails(f"principal delete -n {endpoint} --yes")
    assert "Conflict" in terminal.fails("principal delete -n owner --yes")


def test_the_command_that_a_refusal_advises_opens_what_was_refused(terminal: Terminal) -> None:
    made = terminal.json("principal create -n ada")
    ada = replace(terminal.owner, client_id=made["clientId"], client_secret=made["clientSecret"])
    for line in (
        "online-endpoint list",
        "online-endpoint create -n chat --no-wait",
        "identity create -n mine",
        "principal create -n bob",
        "role assignment create --role Reader --assignee-object-id {ada} --scope registry",
        "role definition create --role-definition '{role}'",
    ):
        wanted = line.replace("{ada}", made["principalId"]).replace("{role}", json.dumps(DEFINITION))
        terminal.be(ada)
        advised = COMMAND.search(terminal.fails(wanted))
        assert advised is not None, line
        assert '"Owner"' not in advised[0], "whoever may grant roles may do these"
        terminal.be(terminal.owner)
        granted = terminal.json(advised[0].removeprefix("flowstead "))
        terminal.be(ada)
        terminal.text(wanted)
        terminal.be(terminal.owner)
        terminal.text(f"role assignment delete --ids {granted['id']}")


def test_who_may_not_grant_is_told_that_and_not_that_a_name_is_unknown(terminal: Terminal) -> None:
    terminal.json("principal create -n red")
    made = terminal.json("principal create -n ada --role Contributor --scope workspace")
    line = f"role assignment create --role Reader --assignee red --scope {WORKSPACE.path}"
    terminal.sign_in(made)
    said = terminal.fails(line)
    for words in ("ada", made["principalId"], "roleAssignments/write", WORKSPACE.path):
        assert words in said
    advised = COMMAND.search(said)
    assert advised is not None
    ada = terminal.signed_in
    terminal.be(terminal.owner)
    terminal.json(advised[0].removeprefix("flowstead "))
    terminal.be(ada)
    assert "principals/read" in terminal.fails(line), "the next thing that is missing: who the name is"


def test_who_may_only_work_in_a_workspace_follows_what_is_done_there(terminal: Terminal, endpoint: str) -> None:
    made = terminal.json(f"principal create -n ada --role {DATA_SCIENTIST} --scope workspace")
    terminal.sign_in(made)
    with terminal.client() as client:
        changed = client.endpoints.put("chat", {"properties": {"authMode": "Key"}, "tags": {"a": "b"}})
        assert next(iter(changed.follow())).state.value == "InProgress"


def test_an_endpoint_takes_identities_by_their_names(terminal: Terminal, tmp_path: Path) -> None:
    terminal.json("identity create -n first")
    file = tmp_path / "endpoint.yml"
    identity = "{type: user_assigned, user_assigned_identities: [{resource_id: first}]}"
    file.write_text(f"name: chat\nauth_mode: key\nidentity: {identity}\n")
    shown = terminal.json(f"online-endpoint create -f {file} --no-wait")["identity"]
    assert [each["resource_id"] for each in shown["user_assigned_identities"]] == [WORKSPACE.identity("first")]
    second = terminal.json("identity create -n second")
    assert "identity create --name third" in terminal.fails(
        "online-endpoint update -n chat --no-wait --set identity.user_assigned_identities[0].resource_id=third"
    )
    changed = terminal.json(
        "online-endpoint update -n chat --no-wait --set identity.user_assigned_identities[0].resource_id=second"
    )["identity"]["user_assigned_identities"]
    assert [each["principal_id"] for each in changed] == [second["principalId"]]
