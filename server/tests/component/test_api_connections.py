"""Connections through the API: what goes in, what comes out, and what never does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead.resources.role import ML, RoleSpec
from flowstead.store.records import Kind
from flowstead.testing.in_process_api import InProcessApi

LLM = "connections/my_llm"
KEY = "hunter2-first-key"
WRITES = "00000000-0000-0000-0000-00000000c011"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[InProcessApi]:
    with InProcessApi(tmp_path) as api:
        yield api


def azure_open_ai(**changes: Any) -> dict[str, Any]:
    """What the SDK sends for an AzureOpenAIConnection."""
    properties = {
        "target": "https://x.openai.azure.com",
        "category": "AzureOpenAi",
        "authType": "ApiKey",
        "credentials": {"key": KEY},
        "metadata": {"ApiVersion": "2024-02-01", "ApiType": "Azure", "ResourceId": None},
        "isSharedToAll": True,
        **changes,
    }
    return {"properties": {name: value for name, value in properties.items() if value is not None}}


def secrets_of(api: InProcessApi, name: str = "my_llm") -> Any:
    answer = api.call("POST", f"connections/{name}/listsecrets")
    assert answer.status_code == 200, answer.text
    return answer.json()["properties"].get("credentials")


def test_a_connection_is_made_shown_and_deleted(api: InProcessApi) -> None:
    created = api.call("PUT", LLM, azure_open_ai())
    assert created.status_code == 200
    assert "Azure-AsyncOperation" not in created.headers
    shown = created.json()
    assert shown["id"] == api.workspace.connection("my_llm")
    assert shown["type"] == "Microsoft.MachineLearningServices/workspaces/connections"
    assert shown["properties"] == {
        "authType": "ApiKey",
        "category": "AzureOpenAi",
        "target": "https://x.openai.azure.com",
        "metadata": {"ApiVersion": "2024-02-01", "ApiType": "Azure", "ResourceId": None},
        "isSharedToAll": True,
        "credentialNames": ["key"],
    }
    assert api.call("GET", LLM).json() == shown
    assert api.call("GET", "connections?includeAll=false").json()["value"] == [shown]
    assert secrets_of(api) == {"key": KEY}
    again = api.call("PUT", LLM, azure_open_ai())
    assert (again.status_code, again.headers["ETag"]) == (200, created.headers["ETag"])
    assert api.call("DELETE", LLM).status_code == 200
    assert api.call("DELETE", LLM).status_code == 204
    assert api.call("GET", LLM).status_code == 404
    assert api.call("GET", "connections").json() == {"value": []}


def test_the_secret_is_told_by_listsecrets_alone(api: InProcessApi) -> None:
    custom = {"category": "CustomKeys", "authType": "CustomKeys", "target": "-"}
    keys = {"keys": {"pin": "hunter2-pin", "user": "hunter2-user"}}
    answers = [
        api.call("PUT", LLM, azure_open_ai()),
        api.call("PUT", "connections/keys", {"properties": {**custom, "credentials": keys}}),
        api.call("PATCH", LLM, {"properties": {"credentials": {"key": "hunter2-second-key"}}}),
        api.call("GET", LLM),
        api.call("GET", "connections"),
        api.call("PUT", LLM, azure_open_ai(credentials={"key": 12, "other": "hunter2-other"})),
        api.call("PUT", LLM, azure_open_ai(credentials={"keys": "hunter2-text"})),
        api.call("PUT", LLM, azure_open_ai(credentials="hunter2-text")),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 400, 400, 400]
    assert all("hunter2" not in answer.text for answer in answers)
    assert secrets_of(api) == {"key": "hunter2-second-key"}
    assert secrets_of(api, "keys") == keys
    with api.store.reading() as tx:
        assert "hunter2" not in repr(tx.audit())
    kept = b"".join(file.read_bytes() for file in api.home.database.parent.glob("flowstead.db*"))
    assert b"hunter2" not in kept


def test_a_connection_without_a_target_is_shown_with_azures_sign_for_none(api: InProcessApi) -> None:
    """The SDK loads no list in which a custom connection has none."""
    keys = {"category": "CustomKeys", "authType": "CustomKeys", "credentials": {"keys": {"pin": "1234"}}}
    made = api.call("PUT", "connections/keys", {"properties": keys})
    assert made.json()["properties"]["target"] == "_"
    [listed] = api.call("GET", "connections").json()["value"]
    assert listed["properties"]["target"] == "_"
    with api.store.reading() as tx:
        record = tx.get(Kind.CONNECTION, api.workspace.connection("keys"))
    assert record.spec.target is None
    again = api.call("PUT", "connections/keys", {"properties": listed["properties"]})
    assert again.headers["ETag"] == made.headers["ETag"], "what was shown means the same"
    search = {"category": "Serp", "authType": "ApiKey", "credentials": {"key": "k"}}
    assert api.call("PUT", "connections/serp", {"properties": search}).json()["properties"]["target"] is None


def test_a_change_keeps_the_credentials_that_it_does_not_give(api: InProcessApi) -> None:
    api.call("PUT", LLM, azure_open_ai())
    unsaid: tuple[dict[str, str] | None, ...] = (None, {})
    for kept in unsaid:
        changed = api.call("PUT", LLM, azure_open_ai(target="https://y.test", credentials=kept))
        assert (changed.status_code, changed.json()["properties"]["target"]) == (200, "https://y.test")
        assert secrets_of(api) == {"key": KEY}
    shown = api.call("GET", LLM).json()
    assert api.call("PUT", LLM, shown).status_code == 200
    assert secrets_of(api) == {"key": KEY}


def test_a_connection_that_signs_in_has_no_key(api: InProcessApi) -> None:
    api.call("PUT", LLM, azure_open_ai())
    changed = api.call("PUT", LLM, azure_open_ai(authType="aad", credentials={"key": "hunter2"}))
    assert changed.json()["properties"]["authType"] == "AAD"
    assert secrets_of(api) == {}
    refused = api.call("PUT", LLM, azure_open_ai(credentials=None))
    assert refused.status_code == 400
    assert "needs credentials" in refused.json()["error"]["message"]


def test_one_of_several_keys_is_changed_and_another_taken_away(api: InProcessApi) -> None:
    properties = {"category": "CustomKeys", "credentials": {"keys": {"a": "1", "b": "2"}}, "metadata": {"place": "x"}}
    assert api.call("PUT", LLM, {"properties": properties}).json()["properties"]["authType"] == "CustomKeys"
    patched = api.call("PATCH", LLM, {"properties": {"credentials": {"keys": {"a": None, "c": "3"}}}})
    assert patched.status_code == 200
    assert secrets_of(api) == {"keys": {"b": "2", "c": "3"}}
    assert api.call("GET", LLM).json()["properties"]["metadata"] == {"place": "x"}


def test_a_new_key_is_a_new_etag(api: InProcessApi) -> None:
    first = api.call("PUT", LLM, azure_open_ai()).headers["ETag"]
    second = api.call("PUT", LLM, azure_open_ai(credentials={"key": "another"}), headers={"If-Match": first})
    assert second.status_code == 200
    assert second.headers["ETag"] != first
    for method, body in (("PUT", azure_open_ai()), ("PATCH", {"properties": {}}), ("DELETE", None)):
        assert api.call(method, LLM, body, headers={"If-Match": first}).status_code == 412
    assert secrets_of(api) == {"key": "another"}
    assert api.call("DELETE", LLM, headers={"If-Match": second.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("AzureOpenAi", "azureopenai"),
        ("OpenAi", "open_ai"),
        ("CognitiveSearch", "AzureAiSearch"),
        ("CustomKeys", "Custom"),
        ("CognitiveService", "AzureContentSafety"),
        ("CognitiveService", "CognitiveServices"),
        ("Serverless", "SERVERLESS"),
    ],
)
def test_a_category_goes_by_several_names_and_is_told_as_given(api: InProcessApi, stored: str, asked: str) -> None:
    api.call("PUT", LLM, azure_open_ai(category=stored, metadata={"Kind": "Content Safety"}))
    api.call("PUT", "connections/other", azure_open_ai(category="Serp"))
    found = api.call("GET", f"connections?includeAll=true&category={asked}").json()["value"]
    assert [each["properties"]["category"] for each in found] == [stored]


def test_speech_is_found_among_the_cognitive_services(api: InProcessApi) -> None:
    for name, kind in (("voice", "speech"), ("guard", "Content Safety")):
        body = azure_open_ai(category="CognitiveService", metadata={"Kind": kind})
        assert api.call("PUT", f"connections/{name}", body).status_code == 200

    def names(category: str) -> list[str]:
        return [each["name"] for each in api.call("GET", f"connections?category={category}").json()["value"]]

    assert names("azure_speech_services") == names("AzureSpeechServices") == ["voice"]
    assert names("azure_content_safety") == ["guard"]
    assert names("CognitiveService") == ["voice", "guard"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"authType": "Handshake"}, "authType"),
        ({"category": ""}, "category"),
        ({"category": "a/b"}, "category"),
        ({"target": "https://user:hunter2-password@x.test"}, "looks like a secret"),
        ({"metadata": {"note": "sk-hunter2-0123456789abcdef"}}, "looks like a secret"),
        ({"metadata": {"deep": {"er": 1}}}, "metadata"),
        ({"credentials": {"key": "k" * 70_000}}, "limit"),
        ({"credentials": {"keys": {"": "x"}}}, "credentials.keys"),
        ({"credentials": {"keys.x": "x"}}, "credentials.keys.x"),
    ],
)
def test_what_cannot_be_a_connection_is_refused(api: InProcessApi, changes: dict[str, Any], says: str) -> None:
    answer = api.call("PUT", LLM, azure_open_ai(**changes))
    assert answer.status_code == 400
    assert says in json.dumps(answer.json())
    assert "hunter2" not in answer.text
    assert api.call("GET", LLM).status_code == 404


def test_a_bad_name_is_refused(api: InProcessApi) -> None:
    answer = api.call("PUT", "connections/my%20llm", azure_open_ai())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidName")


def test_a_stranger_learns_nothing(api: InProcessApi) -> None:
    api.call("PUT", LLM, azure_open_ai())
    token = api.token(api.stranger())
    for method, path in (("GET", LLM), ("GET", "connections"), ("POST", f"{LLM}/listsecrets"), ("DELETE", LLM)):
        answer = api.call(method, path, token=token)
        assert answer.status_code == 403
        assert KEY not in answer.text
    with api.store.reading() as tx:
        assert tx.find(Kind.CONNECTION, api.workspace.connection("MY_LLM")) is not None


def test_a_number_that_no_answer_could_hold_is_refused(api: InProcessApi) -> None:
    body = json.dumps(azure_open_ai(metadata={"limit": float("nan")}))
    answer = api.call("PUT", LLM, content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert api.call("GET", "connections").json() == {"value": []}


@pytest.fixture
def writer(api: InProcessApi) -> str:
    """A token of somebody who may change connections and not read their secrets."""
    actions = tuple(f"{ML}/workspaces/{each}" for each in ("connections/read", "connections/write", "plan/read"))
    with api.store.transaction() as tx:
        at, spec = api.workspace.role_definition(WRITES), RoleSpec("Writes connections", actions=actions)
        tx.put(Kind.ROLE_DEFINITION, at, "/", WRITES, spec, by="test", operation=None)
    return api.token(api.granted(api.stranger(), WRITES))


ELSEWHERE: dict[str, dict[str, Any]] = {
    "target": {"target": "https://evil.example"},
    "category": {"category": "Serverless"},
    "authType": {"authType": "PAT"},
    "metadata": {"metadata": {"azureml.flow.connection_type": "Custom", "api_base": "https://evil.example"}},
}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("field", ELSEWHERE)
def test_who_may_not_read_a_kept_key_does_not_lead_it_elsewhere(
    api: InProcessApi, writer: str, method: str, field: str
) -> None:
    api.call("PUT", LLM, azure_open_ai()).raise_for_status()
    changes = ELSEWHERE[field]
    body = azure_open_ai(**{"credentials": None, **changes}) if method == "PUT" else {"properties": changes}
    before = api.call("GET", LLM).json()
    refused = api.call(method, LLM, body, token=writer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    for part in (f"with another {field}", "connections/listsecrets/action", "properties.credentials anew"):
        assert part in refused.text
    assert KEY not in refused.text
    assert (api.call("GET", LLM).json(), secrets_of(api)) == (before, {"key": KEY})
    anew = {"properties": {**body["properties"], "credentials": {"key": "hunter2-of-my-own"}}}
    assert api.call(method, LLM, anew, token=writer).status_code == 200
    assert api.call(method, LLM, body).status_code == 200, "an owner may"


def test_a_plan_says_that_a_kept_key_would_be_led_elsewhere(api: InProcessApi, writer: str) -> None:
    api.call("PUT", LLM, azure_open_ai()).raise_for_status()
    body = azure_open_ai(credentials=None, target="https://evil.example")
    [planned] = api.call("POST", "plan", {"resources": [{"id": LLM, "body": body}]}, token=writer).json()["resources"]
    assert (planned["action"], planned["refusal"]["status"]) == ("refused", 403)
    assert "with another target" in planned["refusal"]["message"]
    [planned] = api.call("POST", "plan", {"resources": [{"id": LLM, "body": body}]}).json()["resources"]
    assert planned["action"] == "overwrite"


def test_all_that_is_kept_must_be_brought(api: InProcessApi, writer: str) -> None:
    keys = {"keys": {"pin": "hunter2-pin", "user": "hunter2-user"}}
    custom = {"category": "CustomKeys", "authType": "CustomKeys", "target": "-", "credentials": keys}
    api.call("PUT", LLM, {"properties": custom}).raise_for_status()
    away: dict[str, Any] = {"metadata": {"url": "https://evil.example"}}
    for brought, status in (({"pin": "1"}, 403), ({"other": "1"}, 403), ({"pin": "1", "user": "2"}, 200)):
        patch = {"properties": {**away, "credentials": {"keys": brought}}}
        assert api.call("PATCH", LLM, patch, token=writer).status_code == status, brought


def test_what_leads_nowhere_is_changed_without_reading_secrets(api: InProcessApi, writer: str) -> None:
    api.call("PUT", LLM, azure_open_ai()).raise_for_status()
    newer = {"ApiVersion": "2025-01-01", "ApiType": "azure"}
    for changes in ({"metadata": newer}, {"isSharedToAll": False}, {"category": "AzureOpenAI"}):
        assert api.call("PATCH", LLM, {"properties": changes}, token=writer).status_code == 200
    assert api.call("PUT", LLM, azure_open_ai(credentials=None, metadata=newer), token=writer).status_code == 200
    assert secrets_of(api) == {"key": KEY}
