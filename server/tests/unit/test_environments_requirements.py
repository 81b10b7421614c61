"""What of a requirements.txt reaches uv."""

from __future__ import annotations

import pytest

from flowstead.environments.requirements_text import RequirementsRefused, check, credentials_in, has_credentials, redact


@pytest.mark.parametrize(
    "line",
    [
        "promptflow",
        "promptflow[azure]>=1.13,<2",
        "Promptflow-Core == 1.18.5",
        "promptflow_tools",
        "promptflow-devkit ; python_version > '3.9'",
        "promptflow.tracing~=1.0",
        "promptflow-azure @ https://127.0.0.1/promptflow_azure-1-py3-none-any.whl",
        "promptflow --hash=sha256:00",
        "promptflow  # the runtime has it",
    ],
)
def test_what_the_runtime_provides_is_left_out(line: str) -> None:
    checked = check(f"{line}\ntabulate\n")
    assert checked.text == "\ntabulate\n"
    assert not check(line).asks_for_anything


@pytest.mark.parametrize("line", ["promptflow-vectordb", "promptflow_helper>=1", "promptflows", "my-promptflow"])
def test_names_that_only_begin_alike_are_kept(line: str) -> None:
    assert check(line).text == line + "\n"


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1,<3 ; sys_platform != 'win32' and extra == 'a/b'",
        "uvicorn[standard]==0.30 --hash=sha256:aa --hash=sha256:bb",
        "x @ https://127.0.0.1/x-1-py3-none-any.whl",
        "https://127.0.0.1/x-1-py3-none-any.whl",
        "git+https://127.0.0.1/x.git@v1#egg=x",
        "x @ git+ssh://git@127.0.0.1/x.git",
        "this is not a requirement",
    ],
)
def test_what_uv_can_judge_is_left_to_uv(line: str) -> None:
    checked = check(line)
    assert checked.text == line + "\n"
    assert checked.asks_for_anything


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "-rother.txt",
        "--requirement=other.txt",
        "--requirement /etc/passwd",
        "-c constraints.txt",
        "--constraint ../c.txt",
        "-e .",
        "-e git+https://127.0.0.1/x.git",
        "--editable=.",
        ".",
        "./wheels/x-1-py3-none-any.whl",
        "../x",
        "/opt/x",
        "~/x",
        "x-1-py3-none-any.whl",
        "wheels/x.tar.gz",
        "file:///opt/x",
        "file:x",
        "x @ file:///opt/x-1-py3-none-any.whl",
        "x@file:///opt/x",
        "x @ ./x-1-py3-none-any.whl",
        "x[extra] @ /opt/x",
        "git+file:///opt/x.git",
        "ftp://127.0.0.1/x.whl",
        "-f /opt/wheels",
        "--find-links file:///opt/wheels",
        "--find-links=wheels",
        "-i file:///opt/index",
        "--index-url /opt/index",
        "--extra-index-url=file:///opt/index",
        "--index-url https://127.0.0.1/${TOKEN}/simple",
        "x @ https://${TOKEN}@127.0.0.1/x-1-py3-none-any.whl",
        "x @ \\\n  file:///opt/x",
    ],
)
def test_what_leaves_the_flow_is_refused(line: str) -> None:
    with pytest.raises(RequirementsRefused) as refused:
        check(f"numpy\n\n{line}\n")
    assert refused.value.line == 3
    assert "Line 3 of requirements.txt" in str(refused.value)
    assert refused.value.reason in str(refused.value)


def test_lines_keep_their_numbers_and_comments_go() -> None:
    text = "# packages\nnumpy  # fast\n\npromptflow\nscipy \\\n  >=1\n# end \\\n\ttabulate\nx#y\n"
    assert check(text).text == "\nnumpy\n\n\nscipy >=1\n\n\ntabulate\nx#y\n"


def test_a_continuation_at_the_end_of_the_file_is_not_lost() -> None:
    assert check("numpy \\").text == "numpy\n"


def test_options_are_set_aside() -> None:
    index, binary, hashed = "--index-url https://127.0.0.1/simple", "--only-binary :all:", "numpy --hash=sha256:aa"
    checked = check(f"{index}\n--pre\n--trusted-host internal\n{binary}\n{hashed}\n")
    assert checked.options == (index, binary)
    assert checked.prerelease
    assert checked.insecure_hosts == ("internal",)
    assert checked.hashed == (hashed,)
    assert "--pre" not in checked.text


def test_options_alone_ask_for_nothing() -> None:
    assert not check("--index-url https://127.0.0.1/simple\n# nothing\n").asks_for_anything


def test_credentials_are_found_and_hidden() -> None:
    text = "--index-url https://alice.smith:p%40ssw0rd!@127.0.0.1/simple\ngit+ssh://git@127.0.0.1/x"
    assert credentials_in(text) == ("alice.smith", "p%40ssw0rd!", "p@ssw0rd!")
    assert redact("at https://alice.smith:p%40ssw0rd!@127.0.0.1/x: p@ssw0rd!", credentials_in(text)) == (
        "at https://***@127.0.0.1/x: ***"
    )


def test_what_stands_in_the_query_of_an_address_is_a_credential_too() -> None:
    text = "--index-url https://a.example/s?token=s3cr3t%2Dpass&x=1\nx @ https://b.example/x.whl?sig=0123456789#egg=longname"
    assert credentials_in(text) == ("s3cr3t%2Dpass", "s3cr3t-pass", "0123456789")
    assert has_credentials(text)
    assert not has_credentials("x @ git+https://git@a.example/x.git#egg=x&subdirectory=packages")
    assert redact("error at https://a.example/s?token=s3cr3t&x=1 (s3cr3t-pass)", credentials_in(text)) == (
        "error at https://a.example/s?token=***&x=*** (***)"
    )


def test_a_refusal_shows_no_credentials() -> None:
    with pytest.raises(RequirementsRefused) as refused:
        check("-e git+https://alice:s3cr3tpass@127.0.0.1/x.git")
    assert "s3cr3tpass" not in str(refused.value)
    assert "alice" not in str(refused.value)


@pytest.mark.parametrize("index", ["-i https://a.example/s", "--index-url=https://a.example/s"])
def test_the_index_of_the_second_wins_and_the_first_stays_another_one(index: str) -> None:
    both = check(f"{index}\ntabulate\n") + check("# mine\n--index-url https://b.example/s\nclick\n")
    assert both.text.split("\n") == [
        "--extra-index-url https://a.example/s",
        "tabulate",
        "",
        "--index-url https://b.example/s",
        "click",
        "",
    ]
    assert both.options == ("--extra-index-url https://a.example/s", "--index-url https://b.example/s")
    alone = check(f"{index}\n") + check("click\n")
    assert alone.options == (index,)
