"""Secrets are kept out of what is said."""

from __future__ import annotations

import html
import io
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from flowstead_runtime.connections.hiding import SECRETS, HidingFormatter, HidingStream, Secrets
from flowstead_runtime.connections.types import CustomConnection, OpenAIConnection
from flowstead_runtime.secret_values import redact


def test_only_values_that_look_secret_are_hidden() -> None:
    secrets = Secrets()
    assert secrets.hide("nothing is known") == "nothing is known"
    secrets.learn_environment({"MY_TOKEN": "abcdef", "LANG": "en_GB.UTF-8", "SHORT_KEY": "ab"})
    assert secrets.hide("abcdef en_GB.UTF-8 ab") == "****** en_GB.UTF-8 ab"


def test_values_that_look_secret_are_hidden_whatever_their_names() -> None:
    secrets = Secrets()
    secrets.learn_environment(
        {
            "CONN_STR": "Server=x;Password=pw-in-connstr",
            "DATABASE_URL": "postgres://u:pgpassw0rd@h/db",
            "OPENAI": "sk-0123456789abcdef",
            "my_llm": '{"type": "OpenAIConnection", "value": {"api_key": "in-a-connection"}}',
        }
    )
    said = "pw-in-connstr Server=x;Password=pw-in-connstr pgpassw0rd sk-0123456789abcdef in-a-connection"
    assert secrets.hide(said) == "****** ****** ****** ****** ******"


def test_the_credentials_of_a_connection_in_azure_mls_form_are_hidden() -> None:
    secrets = Secrets()
    key = '{"properties": {"category": "OpenAI", "credentials": {"key": "key-of-azure-ml"}, "target": "http://shown"}}'
    keys = '{"properties": {"category": "CustomKeys", "credentials": {"keys": {"pin": "pin-of-azure-ml"}}}}'
    own = '{"type": "custom", "configs": {"place": "shown-too"}, "secrets": {"pin": "pin-of-a-file"}}'
    secrets.learn_environment({"one": key, "two": keys, "three": own})
    said = "key-of-azure-ml pin-of-azure-ml pin-of-a-file http://shown shown-too"
    assert secrets.hide(said) == "****** ****** ****** http://shown shown-too"


def test_a_secret_is_hidden_however_it_is_written() -> None:
    secrets = Secrets()
    value = "a b+/=&\u00e9\"'<\\z"
    secrets.learn([value])
    in_json = json.dumps({"key": value})
    texts = [value, repr(value), repr({"key": value}), in_json, json.dumps({"key": value}, ensure_ascii=False)]
    texts += [json.dumps(in_json), repr(value.replace('"', "")), quote(value), quote(value, safe=""), quote_plus(value)]
    secrets.learn([value.replace('"', "")])  # Python then shows it within double quotes
    for text in texts:
        assert "******" in secrets.hide(text), text
        assert "z" not in secrets.hide(text), text


def test_the_secret_part_of_an_address_or_a_header_is_hidden_by_itself() -> None:
    secrets = Secrets()
    secrets.learn_environment({"A": "https://a.test/c?sv=1&sig=signature-1", "B": "Bearer token-of-bearer"})
    assert secrets.hide("signature-1 https%3A//a.test/c%3Fsig%3Dsignature-1 token-of-bearer") == (
        "****** https%3A//a.test/c%3Fsig%3D****** ******"
    )


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    secrets = Secrets()
    secrets.learn(["inner-secret"])
    secrets.learn(["outer-inner-secret-outer", None, 7])
    assert secrets.hide("outer-inner-secret-outer") == "******"


def test_the_secrets_of_connections_are_known() -> None:
    OpenAIConnection(name="a", api_key="hiding-test-key-1", base_url="http://shown.example")
    CustomConnection(name="b", secrets={"pin": "hiding-test-key-2"}, configs={"place": "hiding-test-place"})
    text = "hiding-test-key-1 hiding-test-key-2 hiding-test-place http://shown.example"
    assert SECRETS.hide(text) == "****** ****** hiding-test-place http://shown.example"


def test_logs_and_their_tracebacks_hold_none() -> None:
    SECRETS.learn(["hiding-test-key-3"])
    try:
        raise ValueError("refused: hiding-test-key-3")
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    record = logging.LogRecord("flow", logging.ERROR, "f.py", 1, "with %s", ("hiding-test-key-3",), failure)
    told = HidingFormatter("%(message)s").format(record)
    assert "hiding-test-key-3" not in told
    assert "ValueError: refused: ******" in told


def test_what_is_printed_holds_none() -> None:
    SECRETS.learn(["hiding-test-key-4"])
    written = io.BytesIO()
    stream = HidingStream(io.TextIOWrapper(written, "utf-8", "backslashreplace"))
    print("with", "hiding-test-key-4", {"ä": "hiding-test-key-4"}, file=stream)
    stream.writelines(["hiding-test-key-4", "\n"])
    assert written.getvalue().decode() == "with ****** {'ä': '******'}\n******\n"
    assert (stream.encoding, stream.errors) == ("utf-8", "backslashreplace")


def test_secrets_are_known_as_json_writes_them() -> None:
    secrets = Secrets()
    secrets.learn(['quoted"pass\\wörd'])
    texts = ('quoted"pass\\wörd', r"quoted\"pass\\wörd", r"quoted\"pass\\w\u00f6rd")
    assert [secrets.hide(text) for text in texts] == ["******"] * 3


@pytest.mark.parametrize("said", [repr, ascii, lambda text: repr(text.encode()), html.escape])
def test_secrets_are_known_as_python_and_pages_write_them(said: Callable[[str], str]) -> None:
    secret = "wörd&'quoted\"<pass>"
    secrets = Secrets()
    secrets.learn([secret])
    shown = said(secret)
    assert "quoted" not in secrets.hide(shown)
    assert "quoted" not in redact(shown, [secret])


def test_a_secret_of_several_lines_is_hidden_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
    secrets = Secrets()
    secrets.learn([key])
    assert [secrets.hide(f"> {line}") for line in key.splitlines()] == ["> ******"] * 4
    connection = json.dumps({"type": "custom", "secrets": {"key": key}})
    assert [redact(f"> {line}", [connection]) for line in key.splitlines()] == ["> ***"] * 4


def test_variables_that_are_named_as_secret_are_hidden_whatever_they_are_called() -> None:
    environ = {
        "PLAIN": "hiding-test-5",
        "OTHER": "shown-test-5",
        "FLOWSTEAD_SECRET_VARIABLES": '["PLAIN", "ABSENT", 1]',
    }
    secrets = Secrets()
    secrets.learn_environment(environ)
    assert secrets.hide("hiding-test-5 shown-test-5") == "****** shown-test-5"
    for broken in ("[", "3", "null"):
        Secrets().learn_environment({"FLOWSTEAD_SECRET_VARIABLES": broken})


@pytest.mark.parametrize("buffering", [0, -1])
def test_what_nobody_reads_makes_no_caller_fail(buffering: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=buffering) as raw:
        stream = HidingStream(io.TextIOWrapper(raw, "utf-8", write_through=True))
        with pytest.raises(BrokenPipeError):
            os.write(writing, b"x")
        print("said to nobody", file=stream, flush=True)
        print("again", file=stream, flush=True)
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), writing)  # so that it can be closed
