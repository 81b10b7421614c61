from __future__ import annotations

import time

import pytest

from flowstead.api.secret_values import MASK, separate
from flowstead.errors import BadArgument
from flowstead_runtime.secret_values import looks_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "abc"),
        ("openai_api_key", "abc"),
        ("apiKey", "abc"),
        ("CLIENT_SECRET", "abc"),
        ("ACCESS_TOKEN", "abc"),
        ("DB_PASSWORD", "abc"),
        ("PASSWORD_FILE_CONTENT", "abc"),
        ("PGPWD", "abc"),
        ("PWD", "abc"),
        ("GOOGLE_CREDENTIALS", "abc"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "abc"),
        ("PROMPTFLOW_ENCODED_CONNECTIONS", "H4sIAAA"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x=y"),
        ("BLOB_SAS", "sv=1"),
        ("SOMETHING", "sk-proj-0123456789abcdef"),
        ("SOMETHING", "use sk-proj-0123456789abcdef here"),
        ("SOMETHING", "ghp_0123456789012345678901"),
        ("GITHUB_PAT", "abc"),
        ("SOMETHING", "github_pat_0123456789abcdefghij"),
        ("SOMETHING", "hf_abcdefghijklmnopqrst"),
        ("SOMETHING", "xoxb-1234-abcdefghijklmnop"),
        ("SOMETHING", "glpat-abcdefghijklmnopqrst"),
        ("SOMETHING", "AIzaabcdefghijklmnopqrstuvwxyz0123456"),
        ("SOMETHING", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx"),
        ("SOMETHING", "https://user:hunter2@example.test/x"),
        ("SOMETHING", "postgresql+psycopg://u:p@db/x"),
        ("SOMETHING", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b=="),
        ("SOMETHING", "Server=x;Password=y"),
        ("SOMETHING", "https://a.test/hook?sig=abc"),
        ("SOMETHING", "Bearer abcdefghijkl"),
        ("SOMETHING", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln"),
        ("SOMETHING", "-----BEGIN EC PRIVATE KEY-----\nx"),
        ("my_llm", '{"type": "azure_open_ai", "api_key": "abc", "api_base": "https://a.test"}'),
        ("CONNECTIONS", '{"my_llm": {"type": "open_ai", "api_key": "abc"}}'),
        ("LIST", '[{"password": "abc"}]'),
        ("own", '{"type": "CustomConnection", "value": {"url": "u", "door": "abc"}, "secret_keys": ["door"]}'),
    ],
)
def test_secrets_are_recognised(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROMPTFLOW_RUN_MODE", "serving"),
        ("MAX_TOKENS", "256"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("KEY_COUNT", "3"),
        ("ATLAS", "map"),
        ("OPENAI_API_KEY", ""),
        ("OPENAI_API_KEY", "${{azureml://connections/c/credentials/key}}"),
        ("OPENAI_API_KEY", "${my_connection.api_key}"),
        ("AZURE_OPENAI_ENDPOINT", "https://a.openai.test/path?api-version=1"),
        ("PRT_CONFIG_OVERRIDE", "deployment.subscription_id=<subscription_id>,deployment.endpoint_name=e"),
        ("own", '{"type": "CustomConnection", "value": {"url": "u", "door": ""}, "secret_keys": ["door"]}'),
        ("PROMPTFLOW_RESPONSE_INCLUDED_FIELDS", '["category","evidence"]'),
        ("SETTINGS", '{"model": "m", "api_key": ""}'),
        ("PATH", "/usr/bin"),
        ("JSON_PATH", "data/hf_models/a.json"),
        ("SPAT", "x"),
        ("TASK", "task-force-one-two-three"),
        ("PROXY", "http://proxy.test:3128"),
        ("PWD", "/home/ada/flows"),
        ("OLDPWD", "/home/ada"),
    ],
)
def test_other_values_are_shown(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_variables_are_taken_apart() -> None:
    taken = separate({"A": "1", "API_KEY": "new", "OLD_KEY": MASK, "SAME_KEY": "x"}, {"OLD_KEY": "o", "SAME_KEY": "x"})
    assert taken.plain == {"A": "1"}
    assert taken.secret == {"API_KEY": "new"}
    assert taken.kept == ("OLD_KEY", "SAME_KEY")
    assert taken.secret_names == ("API_KEY", "OLD_KEY", "SAME_KEY")


def test_a_mask_with_nothing_behind_it_is_refused() -> None:
    with pytest.raises(BadArgument) as refused:
        separate({"API_KEY": MASK}, {})
    assert refused.value.target == "properties.environmentVariables.API_KEY"


def test_taken_apart_variables_do_not_show_their_secrets() -> None:
    assert "hunter2" not in repr(separate({"PASSWORD": "hunter2"}, {}))


@pytest.mark.parametrize(
    "value",
    ["a." * 32_000, "eyJ" * 20_000, "sk-" * 20_000, "{" * 60_000, "a://" * 16_000, "-eyJ" * 16_000, '{"a":' * 12_000],
)
def test_hostile_values_take_no_time(value: str) -> None:
    started = time.monotonic()
    looks_secret("VALUE", value)
    assert time.monotonic() - started < 2
