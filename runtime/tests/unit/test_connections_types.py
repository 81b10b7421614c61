"""Connections as flow code sees them."""

from __future__ import annotations

import copy
import pickle

import pytest

from flowstead_runtime.connections.entra import StaticTokenProvider
from flowstead_runtime.connections.types import (
    CONNECTION_TYPES,
    AzureAIServicesConnection,
    AzureOpenAIConnection,
    CognitiveSearchConnection,
    Connection,
    CustomConnection,
    CustomStrongTypeConnection,
    EntraConnection,
    FormRecognizerConnection,
    OpenAIConnection,
    SerpConnection,
    type_named,
)
from flowstead_runtime.errors import ConnectionInvalid

SECRET = "sk-very-secret"


@pytest.mark.parametrize("kind", [k for k in CONNECTION_TYPES if k is not CustomConnection])
def test_no_repr_shows_a_key(kind: type[Connection]) -> None:
    connection = kind(name="c", api_key=SECRET)
    assert connection.api_key == SECRET
    for text in (repr(connection), str(connection), f"{connection}"):
        assert SECRET not in text
        assert "******" in text


def test_no_repr_shows_a_custom_secret() -> None:
    connection = CustomConnection(configs={"a": "shown"}, secrets={"b": SECRET}, name="c")
    assert "shown" in repr(connection)
    assert SECRET not in repr(connection)


def test_fields_are_read_by_attribute_key_and_as_a_mapping() -> None:
    connection = AzureOpenAIConnection(name="c", api_key="k", api_base="http://b")
    assert (connection.api_base, connection["api_key"], connection.name) == ("http://b", "k", "c")
    assert (connection.api_type, connection.api_version) == ("azure", "2024-02-01")
    assert dict(connection)["api_key"] == "k"
    assert {**connection}["api_base"] == "http://b"
    assert ("api_key" in connection, "nope" in connection) == (True, False)
    assert connection.get("nope", 1) == 1
    assert connection.is_secret("api_key")
    assert not connection.is_secret("api_base")
    assert (connection.type, connection.class_name) == ("AzureOpenAI", "AzureOpenAIConnection")
    assert connection.module == "promptflow.connections"


def test_unknown_fields_are_kept_and_missing_ones_are_an_attribute_error() -> None:
    connection = OpenAIConnection(api_key="k", extra="e")
    assert connection.extra == "e"
    assert connection.base_url is None
    with pytest.raises(AttributeError, match="has no field 'nope'"):
        _ = connection.nope


def test_assigning_keeps_secrets_secret() -> None:
    connection = CustomConnection(secrets={"token": "x"}, name="c")
    connection.token = SECRET
    connection.plain = "p"
    assert (connection.secrets, connection.configs) == ({"token": SECRET}, {"plain": "p"})


def test_copies_and_pickles_are_equal() -> None:
    connection = CustomConnection(configs={"a": "1"}, secrets={"b": "2"}, name="c")
    assert copy.deepcopy(connection) == connection
    assert pickle.loads(pickle.dumps(connection)) == connection  # noqa: S301 - our own bytes
    assert connection != CustomConnection(configs={"a": "1"}, name="c")
    assert len({connection, copy.copy(connection)}) == 2


def test_a_users_own_class_takes_a_custom_connections_fields() -> None:
    class Mine(CustomStrongTypeConnection):
        base: str
        key: str

    mine = Mine.of(CustomConnection(configs={"base": "b"}, secrets={"key": SECRET}, name="c"))
    assert isinstance(mine, Mine)
    assert (mine.base, mine.key, mine.name) == ("b", SECRET, "c")
    assert SECRET not in repr(mine)


def test_a_default_in_a_users_own_class_does_not_hide_the_field() -> None:
    class Mine(CustomStrongTypeConnection):
        base: str = "default"
        key: str = "default"
        top: int = 3

    mine = Mine(configs={"base": "b"}, secrets={"key": SECRET})
    assert (mine.base, mine.key, mine.top) == ("b", SECRET, 3)
    assert copy.deepcopy(mine) == mine


def test_fields_may_be_given_in_promptflows_order() -> None:
    assert AzureOpenAIConnection("http://b", "k", "azure", "v").api_version == "v"
    assert CognitiveSearchConnection("http://b", "k").api_version == "2023-11-01"
    assert OpenAIConnection("k", "org", "http://b").base_url == "http://b"
    assert (SerpConnection("k").api_key, SerpConnection("k").type) == ("k", "Serp")


@pytest.mark.parametrize("address", ["", "_", None])
def test_an_address_left_empty_is_none(address: str | None) -> None:
    assert OpenAIConnection(api_key="k", base_url=address).base_url is None


@pytest.mark.parametrize("kind", [AzureOpenAIConnection, CognitiveSearchConnection, AzureAIServicesConnection])
def test_who_signs_in_holds_no_key(kind: type[EntraConnection]) -> None:
    connection = kind(api_key=SECRET, auth_mode="meid_token", token_provider=StaticTokenProvider("the-token"))
    assert (connection.api_key, connection.secrets, connection.get_token()) == (None, {}, "the-token")
    assert kind(api_key=SECRET).api_key == SECRET
    assert copy.deepcopy(kind(auth_mode="meid_token")).signs_in


def test_connections_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConnectionInvalid, match=r"\['AZURE_OPENAI_ENDPOINT', 'AZURE_OPENAI_API_KEY'\] to build"):
        AzureOpenAIConnection.from_env()
    with pytest.raises(ConnectionInvalid, match=r"\['OPENAI_API_KEY'\] to build OpenAIConnection not set"):
        OpenAIConnection.from_env()
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://b")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_KEY", "o")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://o")
    assert AzureOpenAIConnection.from_env("c") == AzureOpenAIConnection(name="c", api_base="http://b", api_key="k")
    assert (OpenAIConnection.from_env().api_key, OpenAIConnection.from_env().base_url) == ("o", "http://o")


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("azure_open_ai", AzureOpenAIConnection),
        ("AzureOpenAIConnection", AzureOpenAIConnection),
        ("AzureOpenAI", AzureOpenAIConnection),
        ("open_ai", OpenAIConnection),
        ("custom", CustomConnection),
        ("CustomConnection", CustomConnection),
        ("cognitive_search", CognitiveSearchConnection),
        ("AIServices", AzureAIServicesConnection),
        ("CustomKeys", CustomConnection),
        ("FormRecognizer", FormRecognizerConnection),
        ("nope", None),
        ("", None),
    ],
)
def test_types_go_by_both_spellings(written: str, kind: type[Connection] | None) -> None:
    assert type_named(written) is kind
