"""What is said of a flow's mistakes: all of them, each with its place, nothing imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.errors import Reason
from flowstead_runtime.flow.problems import (
    MAX_PROBLEMS,
    MAX_SOURCE_CHARACTERS,
    Examined,
    examine,
    is_secret_file,
)

GOOD = """\
inputs:
  q: {type: string}
outputs:
  a: {type: string, reference: "${b.output}"}
nodes:
- name: b
  type: python
  source: {type: code, path: b.py}
  inputs: {x: "${inputs.q}"}
"""


def examined(folder: Path, files: dict[str, str]) -> Examined:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return examine(folder)


def places(found: Examined) -> list[tuple[Reason, str, int, int]]:
    return [(each.reason, each.file, each.line, each.column) for each in found.problems]


def test_a_good_flow_has_none(tmp_path: Path) -> None:
    found = examined(tmp_path, {"flow.dag.yaml": GOOD, "b.py": "raise SystemExit('imported')"})
    assert found.valid
    assert found.problems == ()
    assert found.definition is not None


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    yaml = """\
inputs: {}
outputs:
  a: {type: string, reference: "${gone.output}"}
nodes:
- name: x
  type: python
  source: {type: code, path: missing.py}
  inputs:
    q: ${inputs.nothing}
    y: ${y.output}
- name: y
  type: prompt
  source: {type: code, path: y.jinja2}
  inputs: {x: "${x.output}"}
- name: y
  type: nonsense
  source: {type: code, path: y.jinja2}
"""
    found = examined(tmp_path, {"flow.dag.yaml": yaml, "y.jinja2": "{% if %}", "bad.py": "x = (\n  1 +* 2)\n"})
    assert not found.valid
    assert places(found) == [
        (Reason.DUPLICATE, "flow.dag.yaml", 15, 1),
        (Reason.DEFINITION, "flow.dag.yaml", 15, 1),
        (Reason.SOURCE, "flow.dag.yaml", 5, 1),
        (Reason.REFERENCE, "flow.dag.yaml", 9, 5),
        (Reason.REFERENCE, "flow.dag.yaml", 3, 3),
        (Reason.PYTHON, "bad.py", 2, 6),
        (Reason.TEMPLATE, "y.jinja2", 1, 1),
    ]


def test_a_cycle(tmp_path: Path) -> None:
    yaml = """\
nodes:
- {name: x, type: prompt, source: {type: code, path: t.jinja2}, inputs: {a: "${y.output}"}}
- {name: y, type: prompt, source: {type: code, path: t.jinja2}, inputs: {a: "${x.output}"}}
"""
    found = examined(tmp_path, {"flow.dag.yaml": yaml, "t.jinja2": "{{a}}"})
    assert [(each.reason, each.message) for each in found.problems] == [
        (Reason.CYCLE, "the nodes wait for each other: x → y → x")
    ]


def test_bad_yaml_has_line_and_column(tmp_path: Path) -> None:
    found = examined(tmp_path, {"flow.dag.yaml": "inputs:\n  q: {type: string\nnodes: []\n"})
    assert places(found) == [(Reason.YAML, "flow.dag.yaml", 3, 6)]
    assert found.definition is None


def test_a_folder_without_a_flow(tmp_path: Path) -> None:
    found = examined(tmp_path, {"readme.md": "nothing"})
    assert [each.reason for each in found.problems] == [Reason.NO_FLOW]
    assert str(tmp_path) not in found.problems[0].message


def test_a_prompty_whose_template_is_broken(tmp_path: Path) -> None:
    text = "---\nname: p\nmodel:\n  api: chat\n  configuration: {type: openai}\n---\nuser:\n  {{ oh no }}\n"
    found = examined(tmp_path, {"p.prompty": text})
    assert places(found) == [(Reason.TEMPLATE, "p.prompty", 8, 3)]


def test_secrets_are_warned_of(tmp_path: Path) -> None:
    yaml = GOOD + "environment_variables:\n  OPENAI_API_KEY: sk-0123456789abcdef\n"
    found = examined(tmp_path, {"flow.dag.yaml": yaml, "b.py": "", "sub/.env": "KEY=1", ".env.example": "KEY="})
    assert found.valid
    assert [(each.reason, each.file, each.warning) for each in found.problems] == [
        (Reason.SECRET, "sub/.env", True),
        (Reason.SECRET, "flow.dag.yaml", True),
    ]
    assert "sk-" not in found.problems[1].message


@pytest.mark.parametrize("name", [".env", "a/.env.local", "id_rsa", "server.pem", "tls.key", "credentials.json"])
def test_names_of_secret_files(name: str) -> None:
    assert is_secret_file(name)


@pytest.mark.parametrize("name", ["env.py", "key.py", "keys.md", ".env.example", "monkey"])
def test_names_of_other_files(name: str) -> None:
    assert not is_secret_file(name)


@pytest.mark.parametrize("text", ["(" * 100_000, "-" * 100_000 + "1", "a" + ".a" * 100_000, "a\0b"])
def test_a_hostile_source_is_refused(tmp_path: Path, text: str) -> None:
    found = examined(tmp_path, {"flow.dag.yaml": GOOD, "b.py": text})
    assert [(each.reason, each.file) for each in found.problems] == [(Reason.PYTHON, "b.py")]


def test_a_hostile_template_is_refused(tmp_path: Path) -> None:
    found = examined(tmp_path, {"flow.dag.yaml": GOOD, "b.py": "", "t.jinja2": "{{" + "(" * 50_000})
    assert [(each.reason, each.file) for each in found.problems] == [(Reason.TEMPLATE, "t.jinja2")]


def test_a_number_that_would_take_forever_is_not_computed(tmp_path: Path) -> None:
    files = {"flow.dag.yaml": GOOD, "b.py": "x = 9**9**9**9\n", "t.jinja2": "{{ 9**9**9**9 }}"}
    assert examined(tmp_path, files).problems == ()


def test_of_a_great_many_problems_the_first_are_told_and_the_rest_are_counted(tmp_path: Path) -> None:
    nodes = "".join("- {name: n, type: nonsense}\n" for _ in range(500))
    found = examined(tmp_path, {"flow.dag.yaml": f"nodes:\n{nodes}", "sub/.env": "KEY=1"})
    assert len(found.problems) == MAX_PROBLEMS + 1
    assert places(found)[0] == (Reason.DUPLICATE, "flow.dag.yaml", 3, 1)
    last = found.problems[-1]
    assert (last.reason, last.message, last.warning) == (Reason.MORE, "and 900 more", False)


def test_what_is_said_of_a_long_text_is_short(tmp_path: Path) -> None:
    yaml = f"nodes:\n- {{name: n, type: python, source: {{type: code, path: '{'x' * 10_000}'}}}}\n"
    (problem,) = examined(tmp_path, {"flow.dag.yaml": yaml}).problems
    assert len(problem.message) < 600


def test_sources_beyond_what_can_be_looked_at_are_warned_of(tmp_path: Path) -> None:
    source = "x = 1  # " + "." * (MAX_SOURCE_CHARACTERS - 20) + "\n"
    files = {f"{each}.py": source for each in "cdefghi"}
    found = examined(tmp_path, {"flow.dag.yaml": GOOD, "b.py": "", **files})
    assert found.valid
    assert [(each.file, each.message) for each in found.problems] == [
        (f"{each}.py", "is too long to be looked at") for each in "ghi"
    ]
