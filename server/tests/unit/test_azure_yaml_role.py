"""Files of role definitions, in every form in which `az` writes or takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead.azure_yaml import read_document
from flowstead.azure_yaml.role import RoleDocument, read_role
from flowstead.errors import BadArgument

GUID = "11111111-2222-3333-4444-555555555555"
FORMS = {
    "as az takes it": """\
{"Name": "Watcher", "IsCustom": true, "Description": "looks", "Actions": ["a/read", "b/*"], "NotActions": ["b/write"],
 "DataActions": [], "NotDataActions": [], "AssignableScopes": ["/subscriptions/s"], "Id": "%s"}
""",
    "as list prints it": """\
{"roleName": "Watcher", "roleType": "CustomRole", "description": "looks", "assignableScopes": ["/subscriptions/s"],
 "permissions": [{"actions": ["a/read", "b/*"], "notActions": ["b/write"], "dataActions": [], "notDataActions": []}],
 "name": "%s", "type": "Microsoft.Authorization/roleDefinitions"}
""",
    "as REST and the portal have it": """\
{"id": "/providers/Microsoft.Authorization/roleDefinitions/%s", "properties": {"roleName": "Watcher",
 "description": "looks", "assignableScopes": ["/subscriptions/s"],
 "permissions": [{"actions": ["a/read", "b/*"], "notActions": ["b/write"], "condition": null}]}}
""",
    "as YAML": """\
name: Watcher
description: looks
actions: [a/read, b/*]
notactions: [b/write]
assignableScopes:
- /subscriptions/s
id: %s
""",
}


def read(tmp_path: Path, text: str) -> RoleDocument:
    file = tmp_path / "role.yml"
    file.write_text(text)
    return read_role(read_document(file))


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_say_the_same(tmp_path: Path, form: str) -> None:
    role = read(tmp_path, FORMS[form] % GUID)
    assert role.id.endswith(GUID)
    assert (role.name, role.assignable_scopes) == ("Watcher", ("/subscriptions/s",))
    assert role.properties == {
        "roleName": "Watcher",
        "description": "looks",
        "type": "CustomRole",
        "permissions": [
            {"actions": ["a/read", "b/*"], "notActions": ["b/write"], "dataActions": [], "notDataActions": []}
        ],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Actions: [a]", "role.yml:1: the key Name is missing"),
        ("Name: w\nAktions: [a]", "role.yml:2: Aktions: no such key. Did you mean actions?"),
        ("Name: w\nActions: a", "role.yml:2: actions: must be a list"),
        ("Name: w\nActions: ['']", "must not be empty"),
        ("Name: w\nActions: [{a: b}]", "must be a text"),
        ("Name: w\npermissions: [{}, {}]", "one set of actions"),
        ("Name: w\nActions: [a]\npermissions: [{actions: [b]}]", "both permissions and actions"),
        ("properties: 3", "role.yml:1: properties: the key Name is missing"),
        ("Name: w\nname: v", "role.yml:2: name: is there twice"),
        ("- a", "a mapping of keys"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadArgument) as refused:
        read(tmp_path, text)
    assert said.lower() in str(refused.value).lower()
