"""Where connections come from, and in which order."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections, resolve_environment
from flowstead_runtime.connections.types import AzureOpenAIConnection, CustomConnection, OpenAIConnection
from flowstead_runtime.errors import ConnectionInvalid


def encoded(document: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()


def azure(key: str) -> dict[str, Any]:
    return {"type": "AzureOpenAIConnection", "value": {"api_key": key, "api_base": "http://b"}}


def write(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_file_may_be_given_or_named_by_the_environment(tmp_path: Path) -> None:
    given = write(tmp_path / "a.json", {"c": {"type": "open_ai", "api_key": "given"}})
    named = write(tmp_path / "b.json", {"c": {"type": "open_ai", "api_key": "named", "base_url": "http://x"}})
    environ = {"FLOWSTEAD_CONNECTIONS": str(named)}
    assert Connections(environ).get("c") == OpenAIConnection(name="c", api_key="named", base_url="http://x")
    assert Connections(environ, file=given).get("c").api_key == "given"


def test_promptflows_own_variable_for_a_file_is_read_where_ours_is_absent(tmp_path: Path) -> None:
    theirs = write(tmp_path / "a.json", {"c": azure("theirs")})
    ours = write(tmp_path / "b.json", {"c": azure("ours")})
    for variable in ("PROMPTFLOW_CONNECTIONS", "PF_CONNECTIONS"):
        assert Connections({variable: str(theirs)}).get("c").api_key == "theirs"
        assert Connections({variable: str(theirs), "FLOWSTEAD_CONNECTIONS": str(ours)}).get("c").api_key == "ours"


def test_a_custom_connection_in_a_file_has_configs_and_secrets(tmp_path: Path) -> None:
    document = {"c": {"type": "custom", "configs": {"a": "1"}, "secrets": {"b": "2"}, "d": "3"}}
    found = Connections({}, file=write(tmp_path / "a.json", document)).get("c")
    assert found == CustomConnection(configs={"a": "1", "d": "3"}, secrets={"b": "2"}, name="c")


def test_the_first_source_that_knows_the_name_wins(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", {"one": {"type": "azure_open_ai", "api_key": "file"}})
    environ = {
        "PROMPTFLOW_ENCODED_CONNECTIONS": encoded({"one": azure("encoded"), "two": azure("encoded")}),
        "one": json.dumps(azure("variable")),
        "two": json.dumps(azure("variable")),
        "three": json.dumps(azure("variable")),
    }
    connections = Connections(environ, file=file)
    assert [connections.get(name).api_key for name in ("one", "two", "three")] == ["file", "encoded", "variable"]
    assert connections.get("one") is connections.get("one")


def test_the_short_name_of_the_encoded_variable_works() -> None:
    assert Connections({"PF_ENCODED_CONNECTIONS": encoded({"c": azure("k")})}).get("c").api_key == "k"


def test_a_variable_is_named_with_underscores_and_may_name_another_connection() -> None:
    environ = {"my_own_connection": "other", "other": json.dumps(azure("k"))}
    found = Connections(environ).get("my own connection")
    assert isinstance(found, AzureOpenAIConnection)
    assert (found.name, found.api_key) == ("my own connection", "k")


def test_a_variable_may_name_another_connection_in_azure_mls_way() -> None:
    environ = {"c": "${{ azureml://connections/other }}", "other": json.dumps(azure("k"))}
    origin = Connections(environ).origin("c")
    assert (origin.connection.api_key, origin.where) == ("k", "variable other, by the variable c")


def test_the_origin_of_each_field_is_told() -> None:
    raw = {"type": "azure_open_ai", "api_key": "${env:THE_KEY}", "api_base": "http://b", "auth_mode": None}
    environ = {
        "c": json.dumps(raw),
        "THE_KEY": "k",
        "C_API_VERSION": "v",
        "C_API_BASE": "${env:BASE}",
        "BASE": "http://x",
    }
    origin = Connections(environ).origin("c")
    assert (origin.connection.api_base, origin.connection.api_version) == ("http://x", "v")
    assert origin.fields == {
        "api_key": "variable c: ${env:THE_KEY}",
        "api_base": "variable C_API_BASE: ${env:BASE}",
        "api_version": "variable C_API_VERSION",
        "api_type": "default",
        "auth_mode": "default",
        "resource_id": "default",
    }


def test_a_mode_that_an_override_sets_counts() -> None:
    environ = {"c": json.dumps(azure("k")), "C_AUTH_MODE": "meid_token", "C_API_KEY": "over"}
    found = Connections(environ).get("c")
    assert (found.secrets, found.api_key, found.auth_mode) == ({}, None, "meid_token")


@pytest.mark.parametrize("kind", ["azure_open_ai", "cognitive_search", "azure_ai_services"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"auth_mode": "key"}, "auth_mode is key .variable c., and it has no api_key"),
        ({"auth_mode": "key", "api_key": ""}, "it has no api_key"),
        ({"auth_mode": "bogus", "api_key": "k"}, "auth_mode is key or meid_token, not 'bogus' .variable c."),
    ],
)
def test_a_mode_that_is_not_so_is_refused(kind: str, fields: dict[str, str], message: str) -> None:
    with pytest.raises(ConnectionInvalid, match=message):
        Connections({"c": json.dumps({"type": kind, **fields})}).get("c")


def test_a_mode_of_azure_mls_form_counts() -> None:
    properties = {
        "category": "AzureOpenAI",
        "authType": "ApiKey",
        "target": "http://b",
        "credentials": {"key": "k"},
        "metadata": {"auth_mode": "meid_token"},
    }
    found = Connections({"c": json.dumps({"properties": properties})}).get("c")
    assert (found.secrets, found.auth_mode) == ({}, "meid_token")


def test_secret_keys_tell_which_fields_of_a_custom_connection_are_secret() -> None:
    raw = {"type": "CustomConnection", "value": {"a": "1", "b": "2"}, "secret_keys": ["b"]}
    found = Connections({"c": json.dumps(raw)}).get("c")
    assert (found.configs, found.secrets) == ({"a": "1"}, {"b": "2"})


def test_variables_override_fields_the_connection_has() -> None:
    environ = {
        "my c": "unused",
        "my_c": json.dumps({"type": "custom", "value": {"key": "1", "x-y": "2"}, "secret_keys": ["key"]}),
        "MY_C_KEY": "over",
        "MY_C_X-Y": "dash",
        "MY_C_OTHER": "ignored",
    }
    found = Connections(environ).get("my c")
    assert (found.secrets, found.configs) == ({"key": "over"}, {"x-y": "dash"})


def test_a_known_field_that_was_not_given_can_be_set_by_its_variable() -> None:
    found = Connections({"c": json.dumps({"type": "open_ai", "value": {}}), "C_BASE_URL": "http://x"}).get("c")
    assert found.base_url == "http://x"


def test_fields_may_come_from_the_environment() -> None:
    raw = json.dumps({"type": "open_ai", "value": {"api_key": "${env:THE_KEY}"}})
    assert Connections({"c": raw, "THE_KEY": "k"}).get("c").api_key == "k"
    with pytest.raises(ConnectionInvalid, match="'api_key' is taken from the variable THE_KEY, which is not set"):
        Connections({"c": raw}).get("c")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "Connection 'c' is not configured. .*--connections, FLOWSTEAD_CONNECTIONS or .* the variable c .*HTTP_"),
        ({"c": "{}"}, "unknown type 'None'; it is one of azure_open_ai"),
        ({"c": '{"type": "mystery"}'}, "unknown type 'mystery'"),
        ({"c": "[1]"}, "holds neither the connection"),
        ({"c": "c"}, "holds neither the connection"),
        ({"c": "d", "d": "c"}, "holds neither the connection"),
        ({"c": "sk-secret-text"}, "The variable c holds neither the connection 'c' as JSON"),
        ({"c": "sk-secret-text-that-looks-so"}, "The variable c holds neither the connection 'c' as JSON"),
        ({"PF_CONNECTION_PROVIDER": "local"}, "PF_CONNECTION_PROVIDER names promptflow's local store, which cannot"),
        (
            {"PROMPTFLOW_CONNECTION_PROVIDER": "azureml://subscriptions/s"},
            "names a workspace of Azure ML, which cannot",
        ),
        ({"PRT_CONFIG_OVERRIDE": "deployment.workspace_name=w"}, "PRT_CONFIG_OVERRIDE names a workspace of Azure ML"),
    ],
)
def test_what_is_missing_or_wrong_is_named(environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConnectionInvalid, match=words) as caught:
        Connections(environ).get("c")
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["ftp://h", "h:80", "http://u:sk-secret@h", "http://h?code=sk-secret", "http://"])
def test_a_service_without_an_address_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(ConnectionInvalid, match="PF_HTTP_CONNECTION_PROVIDER_ENDPOINT must be an address") as caught:
        Connections({"PF_HTTP_CONNECTION_PROVIDER_ENDPOINT": address})
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["sk-secret {", '["sk-secret"]', '{"c": "sk-secret"}'])
def test_a_broken_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConnectionInvalid, match=r"a\.json") as caught:
        Connections({}, file=write(tmp_path / "a.json", text))
    assert "sk-secret" not in str(caught.value)


def test_a_missing_file_and_a_broken_variable_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectionInvalid, match="cannot be read"):
        Connections({}, file=tmp_path / "no.json")
    for text in ("%%%", base64.b64encode(b"plain").decode(), encoded([1])):
        with pytest.raises(ConnectionInvalid, match="PROMPTFLOW_ENCODED_CONNECTIONS"):
            Connections({"PROMPTFLOW_ENCODED_CONNECTIONS": text})


def test_values_of_the_environment_may_name_connection_fields() -> None:
    environ = {"c": json.dumps(azure("k")), "A": "${c.api_key}", "B": "${c.nope}", "D": "x ${c.api_key}"}
    resolve_environment(environ, Connections(environ))
    assert (environ["A"], environ["B"], environ["D"]) == ("k", "${c.nope}", "x ${c.api_key}")


def test_an_unknown_connection_in_the_flows_own_variables_names_the_variable() -> None:
    environ = {"A": "${nowhere.key}", "B": "${nowhere.key}"}
    with pytest.raises(ConnectionInvalid, match="environment variable B: Connection 'nowhere'"):
        resolve_environment(environ, Connections(environ), declared={"B"})


def test_what_only_looks_like_a_connection_is_left_as_it_is() -> None:
    environ = {"A": "${nowhere.key}"}
    resolve_environment(environ, Connections(environ))
    assert environ == {"A": "${nowhere.key}"}


def test_the_workspace_gives_what_the_instances_own_variables_do_not() -> None:
    properties = {"category": "OpenAI", "credentials": {"key": "of-the-workspace"}, "target": "http://w"}
    environ = {"FLOWSTEAD_CONNECTION_c": json.dumps({"name": "c", "properties": properties})}
    origin = Connections(environ).origin("c")
    assert (origin.connection["api_key"], origin.where) == ("of-the-workspace", "workspace")
    assert Connections({**environ, "C_API_KEY": "of-the-field"}).get("c")["api_key"] == "of-the-field"
    mine = json.dumps({"type": "open_ai", "api_key": "of-the-variable"})
    assert Connections({**environ, "c": mine}).get("c")["api_key"] == "of-the-variable"
    assert Connections({**environ, "asked": "c"}).get("asked")["api_key"] == "of-the-workspace"


def test_what_the_workspace_gives_must_be_an_object_and_is_not_quoted() -> None:
    with pytest.raises(ConnectionInvalid) as raised:
        Connections({"FLOWSTEAD_CONNECTION_c": "hunter2"}).get("c")
    assert "FLOWSTEAD_CONNECTION_c" in raised.value.message
    assert "hunter2" not in raised.value.message
