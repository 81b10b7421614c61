"""Roles, scopes, and what an identity needs: pure rules."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from flowstead.access.decisions import allowed, granted, granted_data
from flowstead.access.identity_grants import why_denied
from flowstead.errors import AccessDenied
from flowstead.resources.built_in_roles import (
    ACR_PULL,
    BLOB_DATA_READER,
    BUILT_IN,
    CONTRIBUTOR,
    DATA_SCIENTIST,
    OPENAI_CONTRIBUTOR,
    OPENAI_USER,
    OWNER,
    READER,
    SECRETS_READER,
    USER_ACCESS_ADMINISTRATOR,
)
from flowstead.resources.identity import Application, EndpointIdentity, UsedConnection
from flowstead.resources.names import Workspace
from flowstead.resources.principal import Principal
from flowstead.resources.role import ML, READ_BLOBS, READ_SECRETS, RoleGrant, RoleSpec, is_within, scopes_above

WORKSPACE = Workspace()
SEARCH = UsedConnection(WORKSPACE.connection("search"), "search", "CustomKeys", "CustomKeys", "")
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/ai"
SIGNED_IN = UsedConnection(WORKSPACE.connection("ai"), "ai", "AzureOpenAI", "AAD", ACCOUNT)


def holder(*grants: tuple[str, str]) -> Principal:
    roles = tuple(RoleGrant(scope, BUILT_IN[role]) for role, scope in grants)
    return Principal("object", "tenant", "client", "chat", False, "", "now", grants=roles)


@pytest.mark.parametrize(
    ("pattern", "action", "allows"),
    [
        ("*", "Anything/at/all", True),
        ("*/read", f"{ML}/workspaces/read", True),
        ("*/read", f"{ML}/workspaces/readers/write", False),
        (f"{ML}/workspaces/*/read", f"{ML}/workspaces/read", True),
        (f"{ML}/workspaces/*/read", f"{ML}/workspacesread", False),
        (f"{ML}/workspaces/*/read", f"{ML}/workspaces/onlineEndpoints/deployments/read", True),
        (f"{ML}/workspaces/*/*/read", f"{ML}/workspaces/models/read", True),
        (f"{ML}/workspaces/*/models/*/read", f"{ML}/workspaces/models/versions/read", True),
        (f"{ML}/workspaces/*/models/*/read", f"{ML}/workspaces/data/versions/read", False),
        (f"{ML}/*", f"{ML}/workspaces/read", True),
        ("*", "", True),
        ("*models*read", f"{ML}/workspaces/models/models/read", True),
        ("*/read", "read", False),
        (f"{ML}/WORKSPACES/*/Read", f"{ML}/workspaces/onlineEndpoints/deployments/read", True),
        (f"{ML}/workspaces/models.read", f"{ML}/workspaces/models/read", False),
        ("a+", "aa", False),
    ],
)
def test_wildcards_stand_for_any_characters(pattern: str, action: str, allows: bool) -> None:
    assert RoleSpec("r", actions=(pattern,)).allows(action) is allows
    assert RoleSpec("r", actions=("*",), not_actions=(pattern,)).allows(action) is not allows
    assert RoleSpec("r", data_actions=(pattern,)).allows_data(action) is allows
    assert not RoleSpec("r", data_actions=(pattern,)).allows(action)


def test_many_wildcards_take_no_time() -> None:
    action = f"{ML}/workspaces/{'a' * 400}/read"
    assert not RoleSpec("r", actions=("*a" * 200 + "*x", "*/" * 200 + "x", "*" * 500 + "x")).allows(action)
    assert RoleSpec("r", actions=("*a" * 200 + "*",)).allows(action)


def test_a_data_scientist_works_in_a_workspace_and_does_not_change_it() -> None:
    role = BUILT_IN[DATA_SCIENTIST]
    assert role.allows(f"{ML}/workspaces/read")
    for kept in ("write", "delete", "listKeys/action", "computes/write", "computes/delete", "hubs/write"):
        assert not role.allows(f"{ML}/workspaces/{kept}"), kept


def test_what_one_role_leaves_out_another_may_give() -> None:
    write = "Microsoft.Authorization/roleAssignments/write"
    contributor = (RoleGrant("/", BUILT_IN[CONTRIBUTOR]),)
    assert not granted(contributor, write, "/subscriptions/s")
    assert granted((*contributor, RoleGrant("/", BUILT_IN[USER_ACCESS_ADMINISTRATOR])), write, "/subscriptions/s")


@pytest.mark.parametrize(
    ("scope", "outer", "within"),
    [
        ("/subscriptions/s", "/", True),
        ("/", "/", True),
        ("/", "/subscriptions/s", False),
        ("/subscriptions/S/resourceGroups/g", "/subscriptions/s", True),
        ("/subscriptions/s2", "/subscriptions/s", False),
        ("/subscriptions/s/resourceGroups/group2", "/subscriptions/s/resourceGroups/group", False),
    ],
)
def test_scopes_contain_what_is_below_them(scope: str, outer: str, within: bool) -> None:
    assert is_within(scope, outer) is within


def test_scopes_above_are_ids() -> None:
    assert scopes_above(f"{WORKSPACE.connection('c')}/listSecrets") == (
        WORKSPACE.connection("c"),
        WORKSPACE.path,
        WORKSPACE.group_path,
        WORKSPACE.subscription_path,
        "/",
    )
    assert scopes_above("/") == ("/",)


def test_built_in_roles_do_what_their_names_say() -> None:
    expected = {
        OWNER: (True, True, True),
        CONTRIBUTOR: (True, True, False),
        DATA_SCIENTIST: (True, True, False),
        READER: (False, False, False),
        SECRETS_READER: (False, True, False),
        USER_ACCESS_ADMINISTRATOR: (False, False, True),
    }
    actions = (f"{ML}/workspaces/onlineEndpoints/write", READ_SECRETS, "Microsoft.Authorization/roleAssignments/write")
    for role, allows in expected.items():
        who = holder((role, WORKSPACE.path))
        assert tuple(allowed(who, action, WORKSPACE.path) for action in actions) == allows, BUILT_IN[role].role_name
    assert not granted_data(holder((OWNER, "/")).grants, READ_BLOBS, WORKSPACE.storage), "data is apart"


def test_an_identity_of_its_own_needs_a_grant_for_secrets_only() -> None:
    assert why_denied(EndpointIdentity("", holder()), (), WORKSPACE) is None
    denied = why_denied(EndpointIdentity("", holder()), (SEARCH,), WORKSPACE)
    assert denied is not None
    assert denied.message.startswith("Access denied to list workspace secret 'search'")
    for said in ("chat", "object", "Azure Machine Learning Workspace Connection Secrets Reader", WORKSPACE.path):
        assert said in denied.message
    command = "flowstead role assignment create --role"
    assert command in denied.next_step
    for scope in (WORKSPACE.path, SEARCH.id, WORKSPACE.group_path):
        identity = EndpointIdentity("", holder((SECRETS_READER, scope)))
        assert why_denied(identity, (SEARCH,), WORKSPACE) is None, scope
    other = EndpointIdentity("", holder((SECRETS_READER, WORKSPACE.connection("other"))))
    assert why_denied(other, (SEARCH,), WORKSPACE) is not None


ALL_THREE = (
    (ACR_PULL, WORKSPACE.registry),
    (BLOB_DATA_READER, WORKSPACE.storage),
    (SECRETS_READER, WORKSPACE.path),
)


@pytest.mark.parametrize("missing", ALL_THREE)
@pytest.mark.parametrize("connections", [(), (SEARCH,)])
def test_a_users_identity_needs_all_three(missing: tuple[str, str], connections: tuple[UsedConnection, ...]) -> None:
    def denied(*grants: tuple[str, str]) -> str | None:
        found = why_denied(EndpointIdentity("id", holder(*grants), user_assigned=True), connections, WORKSPACE)
        return None if found is None else str(found)

    assert denied(*ALL_THREE) is None
    assert denied(*((role, WORKSPACE.group_path) for role, _ in ALL_THREE)) is None, "the group has all of them below"
    rest = [each for each in ALL_THREE if each != missing]
    role, scope = missing
    for instead in ((), ((role, WORKSPACE.path),) if scope != WORKSPACE.path else ()):
        message = denied(*rest, *instead)
        assert message is not None, "a grant at the workspace does not stand in for those on registry and storage"
        assert BUILT_IN[role].role_name in message
        assert scope in message


def test_all_that_a_users_identity_lacks_is_told_at_once() -> None:
    def denied(*grants: tuple[str, str]) -> AccessDenied:
        # Two connections: the role that is advised for one is that of the other too.
        used = (SEARCH, replace(SEARCH, name="other", id=WORKSPACE.connection("other")))
        found = why_denied(EndpointIdentity("id", holder(*grants), user_assigned=True), used, WORKSPACE)
        assert found is not None
        return found

    for have in range(3):
        said = denied(*ALL_THREE[:have])
        lacking = [f'--role "{BUILT_IN[role].role_name}"' for role, _ in ALL_THREE[have:]]
        commands = re.findall(r"flowstead role assignment create (--role \".*?\") .*? --scope (\S+)", said.next_step)
        assert [role for role, _ in commands] == lacking
        assert [scope for _, scope in commands] == [scope for _, scope in ALL_THREE[have:]]
        assert said.message.count("lacks the role") == len(lacking)
        assert "\n" not in said.message
    assert denied().next_step.splitlines()[0] == "Have an owner run these and deploy again:"


def test_a_custom_role_with_just_that_action_will_do() -> None:
    custom = RoleGrant(WORKSPACE.path, RoleSpec("mine", actions=(READ_SECRETS,)))
    first_two = holder(*ALL_THREE[:2])
    principal = Principal("o", "t", "c", "chat", False, "", "now", grants=(*first_two.grants, custom))
    assert why_denied(EndpointIdentity("id", principal, user_assigned=True), (SEARCH,), WORKSPACE) is None


def test_a_connection_that_signs_in_needs_the_role_on_its_target() -> None:
    reads = (SECRETS_READER, WORKSPACE.path)
    denied = why_denied(EndpointIdentity("", holder(reads, (OWNER, ACCOUNT))), (SIGNED_IN,), WORKSPACE)
    assert denied is not None
    assert "Cognitive Services OpenAI User" in denied.message
    assert ACCOUNT in denied.message
    for role in (OPENAI_USER, OPENAI_CONTRIBUTOR):
        assert why_denied(EndpointIdentity("", holder(reads, (role, ACCOUNT))), (SIGNED_IN,), WORKSPACE) is None
    elsewhere = Application("https://login.example", "tenant", "app")
    bound = EndpointIdentity("id", holder(*ALL_THREE), user_assigned=True, application=elsewhere)
    assert why_denied(bound, (SIGNED_IN,), WORKSPACE) is None, "its roles are elsewhere"


def test_without_an_identity_nothing_is_granted() -> None:
    assert why_denied(EndpointIdentity("", None), (), WORKSPACE) is None
    none = why_denied(EndpointIdentity("", None), (SEARCH,), WORKSPACE)
    gone = why_denied(EndpointIdentity("/…/gone", None, user_assigned=True), (), WORKSPACE)
    assert none is not None
    assert gone is not None
    assert (none.code, gone.code) == ("AccessDenied", "AccessDenied")
    assert "does not exist" in gone.message
