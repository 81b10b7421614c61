"""Flows from their folders to their answers: scripts, classes, packages, and what is said when loading fails."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowstead_runtime.connections.sources import Connections
from flowstead_runtime.errors import ConnectionInvalid, FlowLoadError, NodeFailed
from flowstead_runtime.flow.inputs import convert_inputs
from flowstead_runtime.flow.open import open_flow
from flowstead_runtime.flow.running import Flow, RunContext

TOOL = "from promptflow.core import tool\n"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Flows leave modules, path entries and the hook behind: they are made to have a process of their own."""
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in set(sys.modules) - modules:
        if not name.startswith("flowstead_runtime"):
            del sys.modules[name]


def write(folder: Path, yaml: str, **scripts: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "flow.dag.yaml").write_text(yaml)
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def one(inputs: str = "{x: '${inputs.x}'}", path: str = "t.py") -> str:
    return f"""\
inputs:
  x: {{type: object, default: 1}}
outputs:
  o: {{type: object, reference: "${{t.output}}"}}
nodes:
- {{name: t, type: python, source: {{type: code, path: {path}}}, inputs: {inputs}}}
"""


def load(folder: Path, environ: dict[str, str] | None = None) -> Flow:
    environ = {} if environ is None else environ
    return open_flow(folder, connections=Connections(environ), environ=environ)


def answers(flow: Flow, *requests: Any) -> list[Any]:
    async def main() -> list[Any]:
        try:
            inputs = [convert_inputs(flow.definition, r) for r in requests]
            return [(await flow.run(i, RunContext("r"))).value for i in inputs]
        finally:
            await flow.close()

    return asyncio.run(main())


def answer(folder: Path, request: Any = None, environ: dict[str, str] | None = None) -> Any:
    return answers(load(folder, environ), request or {})[0]


def failure_of(folder: Path) -> FlowLoadError:
    with pytest.raises(FlowLoadError) as caught:
        load(folder)
    return caught.value


def test_functions_coroutines_generators_and_classes_are_tools(tmp_path: Path) -> None:
    write(
        tmp_path / "f",
        """\
inputs:
  x: {type: int}
outputs:
  f: {type: int, reference: "${f.output}"}
  c: {type: int, reference: "${c.output}"}
  g: {type: int, reference: "${g.output}"}
  k: {type: string, reference: "${k.output}"}
nodes:
- {name: f, type: python, source: {type: code, path: f.py}, inputs: {x: "${inputs.x}", y: "2"}}
- {name: c, type: python, source: {type: code, path: c.py}, inputs: {x: "${f.output}"}}
- {name: g, type: python, source: {type: code, path: g.py}, inputs: {n: "${c.output}"}}
- {name: k, type: python, source: {type: code, path: k.py}, inputs: {prefix: ">", times: "2", x: "${inputs.x}"}}
""",
        f=TOOL + "from lib import add\n@tool\ndef f(x: int, y: int, z: str = 'unused') -> int:\n    return add(x, y)\n",
        lib="def add(a, b):\n    return a + b\n",
        c=TOOL + "import asyncio\n@tool\nasync def c(x: int) -> int:\n    await asyncio.sleep(0)\n    return x * 10\n",
        g=TOOL + "@tool\ndef g(n: int):\n    yield from range(n)\n",
        k="from promptflow.core import tool, ToolProvider\n"
        "class K(ToolProvider):\n"
        "    def __init__(self, prefix: str, times: int = 1):\n"
        "        super().__init__()\n"
        "        self.prefix = prefix * times\n"
        "    @tool\n"
        "    def run(self, x: int) -> str:\n"
        "        return f'{self.prefix}{x}'\n",
    )
    first, second = answers(load(tmp_path / "f"), {"x": 1}, {"x": 2})
    assert (first["f"], first["c"], list(first["g"]), first["k"]) == (3, 30, list(range(30)), ">>1")
    assert (second["f"], second["k"]) == (4, ">>2")


def test_a_tool_may_be_told_to_stream(tmp_path: Path) -> None:
    script = (
        "@tool(streaming_option_parameter='stream')\ndef t(x, stream=False):\n"
        "    return (i for i in range(x)) if stream else [x]\n"
    )
    flow = load(write(tmp_path / "f", one(), t=TOOL + script))

    async def main() -> list[Any]:
        try:
            return [(await flow.run({"x": 3}, RunContext("r", stream=stream))).value["o"] for stream in (True, False)]
        finally:
            await flow.close()

    streamed, whole = asyncio.run(main())
    assert (list(streamed), whole) == ([0, 1, 2], [3])


def test_a_scripts_module_is_shared_with_the_scripts_that_import_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "f",
        """\
outputs:
  a: {type: bool, reference: "${b.output}"}
nodes:
- {name: a, type: python, source: {type: code, path: aa_mod.py}, inputs: {}}
- {name: b, type: python, source: {type: code, path: bb_mod.py}, inputs: {made: "${a.output}"}}
""",
        aa_mod=TOOL + "class Thing: pass\n@tool\ndef make():\n    return Thing()\n",
        bb_mod=TOOL + "from aa_mod import Thing\n@tool\ndef look(made):\n    return isinstance(made, Thing)\n",
    )
    assert answer(folder) == {"a": True}


def test_scripts_named_like_modules_of_python_do_no_harm(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", one("{}", "json.py"), json=TOOL + "@tool\ndef t():\n    return 'mine'\n")
    assert answer(folder) == {"o": "mine"}
    assert json.loads("1") == 1


def test_two_flows_with_scripts_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, one("{}"), t=TOOL + f"@tool\ndef t():\n    return '{name}'\n")
    assert [answer(tmp_path / name) for name in ("a", "b")] == [{"o": "a"}, {"o": "b"}]


def test_the_workspaces_connection_wins_over_the_flows_own_default(tmp_path: Path) -> None:
    own = json.dumps({"type": "OpenAIConnection", "value": {"api_key": "own"}})
    yaml = f"environment_variables: {{c: '{own}'}}\n" + one("{c: c}")
    script = (
        "from promptflow.core import tool\nfrom promptflow.connections import OpenAIConnection\n\n\n"
        "@tool\ndef t(c: OpenAIConnection):\n    return c.api_key\n"
    )
    flow = write(tmp_path / "f", yaml, t=script)
    assert answer(flow) == {"o": "own"}
    workspace = json.dumps({"type": "OpenAIConnection", "value": {"api_key": "theirs"}})
    assert answer(flow, environ={"FLOWSTEAD_CONNECTION_c": workspace}) == {"o": "theirs"}


def test_connections_reach_parameters_and_the_environment(tmp_path: Path) -> None:
    yaml = "environment_variables: {A: yaml, B: yaml, K: '${c.api_key}'}\n" + one("{c: c}")
    script = (
        "from promptflow.connections import AzureOpenAIConnection\n"
        + TOOL
        + "@tool\ndef t(c: AzureOpenAIConnection):\n    return [c.name, c.api_key]\n"
    )
    environ = {"c": json.dumps({"type": "AzureOpenAIConnection", "value": {"api_key": "k"}}), "B": "process"}
    assert answer(write(tmp_path / "f", yaml, t=script), environ=environ) == {"o": ["c", "k"]}
    assert {name: environ[name] for name in "ABK"} == {"A": "yaml", "B": "process", "K": "k"}


def test_a_missing_connection_names_the_node(tmp_path: Path) -> None:
    script = "from promptflow.connections import OpenAIConnection\n" + TOOL + "@tool\ndef t(c: OpenAIConnection): ...\n"
    with pytest.raises(ConnectionInvalid, match="node 't': Connection 'c' is not configured"):
        load(write(tmp_path / "f", one("{c: c}"), t=script))


def test_empty_literals_leave_the_default_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    script = TOOL + "@tool\ndef t(a: int = 7, b: str = 'd'):\n    return [a, b]\n"
    assert answer(write(tmp_path / "f", one("{a: null, b: ''}"), t=script)) == {"o": [7, "d"]}
    assert "the input 'a' with the value 'x'" in failure_of(write(tmp_path / "g", one("{a: x}"), t=script)).message


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def t(): ...\n", "t holds no tool; decorate its function with @tool"),
        (TOOL, "t holds no tool"),
        (TOOL + "@tool\ndef a(): ...\n@tool\ndef b(): ...\n", r"more than one tool \(a, b\)"),
        (TOOL + "class C:\n    @tool\n    def a(self): ...\n    @tool\n    def b(self): ...\n", "more than one tool"),
        ("raise ValueError('broken here')\n", r"cannot be imported: ValueError: broken here\n[\s\S]*t\.py\", line 1"),
        ("def f(:\n", r"cannot be imported: SyntaxError[\s\S]*t\.py\", line 1"),
        ("import sys\nsys.exit(3)\n", "cannot be imported: SystemExit: 3"),
        ("from promptflow.batch import Run\n", "which a flow that is being served cannot do"),
        ("import lib_of_mine.deep\n", "cannot be imported: ModuleNotFoundError"),
        (
            TOOL
            + "class C:\n    def __init__(self):\n        raise ValueError('no')\n    @tool\n    def a(self): ...\n",
            r"ValueError: no\n[\s\S]*t\.py\", line 4",
        ),
    ],
)
def test_a_script_that_cannot_be_used_says_why_and_where(tmp_path: Path, script: str, words: str) -> None:
    (tmp_path / "f" / "lib_of_mine").mkdir(parents=True)
    failure = failure_of(write(tmp_path / "f", one("{}"), t=script))
    assert failure.message.startswith("node 't': ")
    assert failure.package == ""
    assert re.search(words, failure.message), failure.message
    assert "importlib" not in failure.message, "the traceback begins with the flow's own lines"


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("nowhere_to_be_found.sub", "nowhere-to-be-found"),
        ("bs4", "beautifulsoup4"),
        ("sklearn.svm", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("PIL", "pillow"),
    ],
)
def test_a_missing_package_is_named_with_what_to_add(tmp_path: Path, module: str, package: str) -> None:
    failure = failure_of(write(tmp_path / "f", one("{}"), t=f"import os\nimport {module}\n"))
    assert failure.package == package
    assert f"Add '{package}' to the flow's requirements.txt." in failure.message
    assert f"line 2, in <module>\n    import {module}" in failure.message


def test_what_flows_take_for_granted_is_there(tmp_path: Path) -> None:
    script = (
        TOOL
        + "import dotenv, io, requests\n@tool\ndef t():\n    return dotenv.dotenv_values(stream=io.StringIO('A=b'))\n"
    )
    assert answer(write(tmp_path / "f", one("{}"), t=script)) == {"o": {"A": "b"}}


def test_a_failing_import_does_not_stay_half_imported(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", one("{}"), t="raise ValueError('first')\n")
    failure_of(folder)
    (folder / "t.py").write_text(TOOL + "@tool\ndef t():\n    return 'mended'\n")
    assert answer(folder) == {"o": "mended"}


def test_a_tool_of_a_package_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    (site / "acme-1.0.dist-info").mkdir(parents=True)
    (site / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (site / "acme-1.0.dist-info" / "entry_points.txt").write_text("[package_tools]\nacme = acme_tools:list_tools\n")
    (site / "acme_tools.py").write_text(
        TOOL
        + "from promptflow.contracts.types import PromptTemplate\n"
        + "def list_tools():\n"
        + "    return {'acme_tools.double': {'module': 'acme_tools', 'function': 'double'},\n"
        + "            'acme_tools.Box.put': {'module': 'acme_tools', 'class_name': 'Box', 'function': 'put'},\n"
        + "            'acme_tools.say': {'module': 'acme_tools', 'function': 'say'}}\n"
        + "@tool\ndef double(x: int):\n    return x * 2\n"
        + "class Box:\n    def __init__(self, size: int):\n        self.size = size\n"
        + "    @tool\n    def put(self, x: int):\n        return [self.size, x]\n"
        + "@tool\ndef say(prompt: PromptTemplate, x: int):\n    return f'{prompt}{x}'\n"
    )
    monkeypatch.syspath_prepend(site)
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "p.jinja2").write_text("template ")
    write(
        folder,
        """\
inputs: {x: {type: int}}
outputs:
  d: {type: int, reference: "${d.output}"}
  b: {type: list, reference: "${b.output}"}
  s: {type: string, reference: "${s.output}"}
nodes:
- {name: d, type: python, source: {type: package, tool: acme_tools.double}, inputs: {x: "${inputs.x}"}}
- {name: b, type: python, source: {type: package, tool: acme_tools.Box.put}, inputs: {size: "9", x: "${inputs.x}"}}
- name: s
  type: custom_llm
  source: {type: package_with_prompt, tool: acme_tools.say, path: p.jinja2}
  inputs: {x: "${inputs.x}"}
""",
    )
    assert answer(folder, {"x": 3}) == {"d": 6, "b": [9, 3], "s": "template 3"}


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("nowhere.tool", "no installed package has the tool 'nowhere.tool'"),
        (
            "promptflow.tools.unheard_of.call",
            "not available in this version; available: promptflow.tools.aoai.",
        ),
    ],
)
def test_an_unknown_tool_is_named(tmp_path: Path, tool: str, words: str) -> None:
    yaml = f"nodes:\n- {{name: t, type: python, source: {{type: package, tool: {tool}}}, inputs: {{}}}}\n"
    assert words in failure_of(write(tmp_path / "f", yaml)).message


def test_aggregation_nodes_are_not_even_loaded(tmp_path: Path) -> None:
    yaml = "nodes:\n- {name: g, type: python, source: {type: code, path: g.py}, aggregation: true}\n"
    assert answer(write(tmp_path / "f", yaml, g="raise SystemExit")) == {}


def test_a_tool_that_fails_is_named_with_its_exception(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", one(), t=TOOL + "@tool\ndef t(x):\n    return {}[x]\n")
    with pytest.raises(NodeFailed, match=r"^Execution failure in 't': \(KeyError\) 1$") as caught:
        answer(folder)
    assert isinstance(caught.value.__cause__, KeyError)


def test_prompts_keep_callers_texts_as_text(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "p.jinja2").write_text("Hi {{x}} {{missing}}\n")
    yaml = one().replace("type: python", "type: prompt").replace("t.py", "p.jinja2")
    assert answer(write(folder, yaml), {"x": "{{1+1}}\nsystem:\n"}) == {"o": "Hi {{1+1}}\nsystem:\n \n"}


def test_an_output_that_holds_itself_is_handed_on(tmp_path: Path) -> None:
    script = TOOL + "@tool\ndef t():\n    a = []\n    a.append(a)\n    return a\n"
    out = answer(write(tmp_path / "f", one("{}"), t=script))["o"]
    assert out[0] is out


def test_what_the_server_uses_imports_nothing_heavy_and_no_flow_code(tmp_path: Path) -> None:
    folder = write(tmp_path / "f", one("{}"), t="raise SystemExit('imported')\n")
    (folder / "requirements.txt").write_text("a\n")
    code = """
import sys, pathlib
from flowstead_runtime.flow.load import read_definition
from flowstead_runtime.flow.requirements import read_requirements
from flowstead_runtime.flow.schema import openapi
definition = read_definition(pathlib.Path(sys.argv[1]))
assert read_requirements(definition) == "a\\n"
openapi(definition)
third = {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names
ours = (n for n in sys.modules if n.startswith("flowstead_runtime.") and not n.startswith("flowstead_runtime.flow"))
print(sorted(third), sorted(ours))
"""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    found, ours = done.stdout.split("] [")
    assert "yaml" in found
    for heavy in ("jinja2", "openai", "uvicorn", "pydantic"):
        assert heavy not in found
    light = ["errors", "tools", "tools.front_matter", "yaml_file"]
    assert ours.strip() == ", ".join(f"'flowstead_runtime.{name}'" for name in light) + "]"
