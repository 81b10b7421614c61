"""Reading a flow's definition: what is found, what is said of mistakes, and that nothing of it is trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.flow.definition import FlowKind, MessageFormat, ValueType
from flowstead_runtime.flow.load import read_definition

TWO_NODES = """\
inputs:
  q: {type: string}
outputs:
  a: {type: string, reference: "${b.output}"}
nodes:
- name: a
  type: python
  source: {type: code, path: a.py}
  inputs: {x: "${inputs.q}"}
- name: b
  type: prompt
  source: {type: code, path: b.jinja2}
  inputs: {x: "${a.output}"}
"""


def write_flow(folder: Path, yaml: str, **files: str) -> Path:
    (folder / "flow.dag.yaml").write_text(yaml)
    for name, text in {"a.py": "raise SystemExit('imported')", "b.jinja2": "{{x}}"}.items():
        (folder / name).write_text(text)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def problem_of(folder: Path) -> FlowDefinitionError:
    with pytest.raises(FlowDefinitionError) as caught:
        read_definition(folder)
    return caught.value


def test_a_flow_is_read_without_importing_it(tmp_path: Path) -> None:
    definition = read_definition(write_flow(tmp_path, TWO_NODES, samples__json='[{"q": "s"}]'))
    assert definition.kind is FlowKind.DAG
    assert definition.name == tmp_path.name
    assert [node.name for node in definition.nodes] == ["a", "b"]
    assert [node.line for node in definition.nodes] == [6, 10]
    assert definition.inputs["q"].type is ValueType.STRING
    assert definition.outputs["a"].reference == "${b.output}"
    assert definition.sample == {"q": "s"}
    assert definition.message_format is MessageFormat.BASIC


def test_the_definition_file_itself_may_be_named(tmp_path: Path) -> None:
    write_flow(tmp_path, TWO_NODES)
    assert read_definition(tmp_path / "flow.dag.yaml").directory == tmp_path


def test_defaults_and_literals_are_plain_python_values(tmp_path: Path) -> None:
    yaml = "inputs:\n  o: {type: object, default: {a: {b: [1]}}}\nnodes: []\n"
    default = read_definition(write_flow(tmp_path, yaml)).inputs["o"].default
    assert default == {"a": {"b": [1]}}
    assert type(default) is dict
    assert type(default["a"]) is dict


def test_environment_variables_become_text(tmp_path: Path) -> None:
    yaml = "environment_variables: {A: 5, B: [1, 2], C: {k: v}, D: text}\nnodes: []\n"
    variables = read_definition(write_flow(tmp_path, yaml)).environment_variables
    assert variables == {"A": "5", "B": "[1, 2]", "C": '{"k": "v"}', "D": "text"}


def test_the_default_variant_is_folded_in(tmp_path: Path) -> None:
    yaml = """\
nodes:
- {name: p, use_variants: true}
node_variants:
  p:
    default_variant_id: v1
    variants:
      v0: {node: {type: prompt, source: {type: code, path: missing.jinja2}}}
      v1: {node: {type: prompt, source: {type: code, path: b.jinja2}, inputs: {x: one}}}
"""
    (node,) = read_definition(write_flow(tmp_path, yaml)).nodes
    assert (node.name, node.type, node.inputs) == ("p", "prompt", {"x": "one"})


def test_a_missing_variant_is_named(tmp_path: Path) -> None:
    yaml = "nodes:\n- {name: p, use_variants: true}\nnode_variants:\n  p: {default_variant_id: v9, variants: {}}\n"
    assert "no variant 'v9'" in str(problem_of(write_flow(tmp_path, yaml)))


def node(name: str, more: str = "") -> str:
    return f"- {{name: {name}, type: python, source: {{type: code, path: a.py}}{more}}}\n"


MISTAKES = {
    "two nodes of a name": ("nodes:\n" + node("x") + node("x"), "two nodes are named 'x'", 3),
    "unknown node type": ("nodes:\n- {name: x, type: wasm, source: {path: a.py}}\n", "unknown type 'wasm'", 2),
    "unknown api": ("nodes:\n- {name: x, type: llm, api: speak, source: {path: a.py}}\n", "unknown api 'speak'", 2),
    "no source": ("nodes:\n- {name: x, type: python}\n", "'x' has no source", 2),
    "missing file": ("nodes:\n- {name: x, type: python, source: {path: no.py}}\n", "'no.py' does not exist", 2),
    "file outside": ("nodes:\n- {name: x, type: python, source: {path: ../x.py}}\n", "outside the flow folder", 2),
    "a long file name": (
        f"nodes:\n- {{name: x, type: python, source: {{path: {'x' * 300}}}}}\n",
        "outside the flow",
        2,
    ),
    "absolute file": ("nodes:\n- {name: x, type: python, source: {path: /etc/passwd}}\n", "outside the flow", 2),
    "package without tool": ("nodes:\n- {name: x, type: python, source: {type: package}}\n", "names no tool", 2),
    "prompt from a package": (
        "nodes:\n- {name: x, type: prompt, source: {type: package, tool: t}}\n",
        "cannot have a source of type 'package'",
        2,
    ),
    "unknown flow input": ("nodes:\n" + node("x", ", inputs: {v: '${inputs.no}'}"), "flow input 'no'", 2),
    "unknown node": ("nodes:\n" + node("x", ", inputs: {v: '${no.output}'}"), "the node 'no'", 2),
    "unknown node in an output": (
        "outputs:\n  o:\n    type: string\n    reference: ${no.output}\nnodes: []\n",
        "output 'o' refers to the node 'no'",
        4,
    ),
    "output without reference": ("outputs:\n  o: {type: string}\nnodes: []\n", "output 'o' has no reference", 2),
    "unknown node in activate": (
        "nodes:\n" + node("x", ", activate: {when: '${no.output}', is: 1}"),
        "the node 'no'",
        2,
    ),
    "activate without is": ("nodes:\n" + node("x", ", activate: {when: '${inputs.a}'}"), "both 'when' and 'is'", 2),
    "node waits for itself": ("nodes:\n" + node("x", ", inputs: {v: '${x.output}'}"), "x → x", 2),
    "cycle": (
        "nodes:\n"
        + node("x", ", inputs: {v: '${z.output}'}")
        + node("y", ", inputs: {v: '${x.output}'}")
        + node("z", ", activate: {when: '${y.output}', is: 1}"),
        "x → z → y → x",
        2,
    ),
    "aggregation used": (
        "nodes:\n" + node("g", ", aggregation: true") + node("x", ", inputs: {v: '${g.output}'}"),
        "aggregation node 'g'",
        3,
    ),
    "aggregation activated by a node": (
        "nodes:\n" + node("x") + node("g", ", aggregation: true, activate: {when: '${x.output}', is: 1}"),
        "the aggregation node 'g' cannot depend, by its activate, on 'x'",
        3,
    ),
    "output without a reference": (
        "outputs:\n  o:\n    type: string\n    reference: ''\nnodes: []\n",
        "output 'o' has no reference",
        4,
    ),
    "unknown input type": ("inputs:\n  a: {type: text}\nnodes: []\n", "unknown type 'text'", 2),
    "input without type": ("inputs:\n  a: {}\nnodes: []\n", "unknown type 'None'", 2),
    "too many nodes": ("nodes:\n" + "- {name: n}\n" * 2001, "at most 2000 nodes; this one has 2001", 1),
    "a long name": (f"nodes:\n- {{name: {'n' * 257}}}\n", "name has more than 256 characters", 2),
    "nodes not a list": ("nodes: {}\n", "'nodes' must be a list", 1),
    "unknown message format": ("message_format: xml\nnodes: []\n", "message_format 'xml'", 1),
    "broken YAML": ("inputs:\n  a: [1\nnodes: []\n", "not valid YAML", 3),
    "key twice": ("nodes: []\nnodes: []\n", "'nodes' is given twice", 2),
    "not a mapping": ("- 1\n", "is not a flow", 1),
}


@pytest.mark.parametrize(("yaml", "words", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, yaml: str, words: str, line: int) -> None:
    problem = problem_of(write_flow(tmp_path, yaml))
    assert words in problem.message
    assert (problem.file, problem.line) == ("flow.dag.yaml", line)
    assert str(problem).startswith(f"flow.dag.yaml:{line}: ")


def test_a_diamond_is_no_cycle(tmp_path: Path) -> None:
    yaml = (
        "nodes:\n" + node("d", ", inputs: {v: '${b.output}', w: '${c.output}'}")
        + node("b", ", inputs: {v: '${a.output}'}") + node("c", ", inputs: {v: '${a.output}'}") + node("a")
    )  # fmt: skip
    assert len(read_definition(write_flow(tmp_path, yaml)).nodes) == 4


def test_a_long_chain_is_read(tmp_path: Path) -> None:
    links = [node(f"n{i}", f", inputs: {{v: '${{n{i + 1}.output}}'}}") for i in range(1500)]
    yaml = "nodes:\n" + "".join(links) + node("n1500")
    assert len(read_definition(write_flow(tmp_path, yaml)).nodes) == 1501


def test_an_aggregation_node_may_use_others_and_feed_outputs(tmp_path: Path) -> None:
    yaml = (
        "outputs:\n  o: {type: string, reference: '${g.output}'}\nnodes:\n"
        + node("x")
        + node("g", ", inputs: {v: '${x.output}'}, aggregation: true")
    )
    assert read_definition(write_flow(tmp_path, yaml)).nodes[1].aggregation


def test_two_definitions_in_a_folder_are_refused(tmp_path: Path) -> None:
    write_flow(tmp_path, TWO_NODES, flow__flex__yaml="entry: a:b")
    assert "flow.dag.yaml, flow.flex.yaml exist" in problem_of(tmp_path).message


def test_an_empty_folder_and_no_folder_are_told_apart(tmp_path: Path) -> None:
    assert "no flow in" in problem_of(tmp_path).message
    assert "there is no flow folder at" in problem_of(tmp_path / "nowhere").message


def test_an_mlmodel_names_the_flow(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write_flow(tmp_path / "inner", TWO_NODES)
    (tmp_path / "MLmodel").write_text("flavors: {promptflow: {entry: inner/flow.dag.yaml}}\n")
    assert read_definition(tmp_path).name == "inner"
    (tmp_path / "MLmodel").write_text("flavors: {promptflow: {entry: ../flow.dag.yaml}}\n")
    assert "not a file of this folder" in problem_of(tmp_path).message


def test_an_include_from_elsewhere_is_refused_until_it_is_merged(tmp_path: Path) -> None:
    write_flow(tmp_path, "additional_includes: [../shared.py]\nnodes: []\n")
    assert "'../shared.py' lies outside the flow folder" in problem_of(tmp_path).message
    (tmp_path / "shared.py").write_text("")
    assert read_definition(tmp_path).additional_includes == ("../shared.py",)


def test_an_include_that_cannot_be_a_path_is_refused(tmp_path: Path) -> None:
    problem = problem_of(write_flow(tmp_path, f"nodes: []\nadditional_includes: [{'x' * 300}]\n"))
    assert "lies outside the flow folder" in problem.message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (tmp_path / "secret.py").write_text("")
    write_flow(flow, "nodes:\n- {name: x, type: python, source: {path: link.py}}\n")
    (flow / "link.py").symlink_to(tmp_path / "secret.py")
    assert "lies outside the flow folder" in problem_of(flow).message
    (flow / "flow.dag.yaml").unlink()
    (flow / "flow.dag.yaml").symlink_to(tmp_path / "secret.py")
    assert "is a link to a file outside" in problem_of(flow).message


@pytest.mark.parametrize(("samples", "sample"), [('[{"a": 1}, {}]', {"a": 1}), ('{"a": 1}', {"a": 1}), ("[]", {})])
def test_the_sample_is_the_first_of_a_list_or_all_there_is(tmp_path: Path, samples: str, sample: object) -> None:
    assert read_definition(write_flow(tmp_path, "nodes: []\n", samples__json=samples)).sample == sample


def test_bad_samples_are_told(tmp_path: Path) -> None:
    problem = problem_of(write_flow(tmp_path, "nodes: []\n", samples__json="{"))
    assert (problem.file, "not valid JSON" in problem.message) == ("samples.json", True)


def test_nothing_of_the_environment_is_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    yaml = (
        "inputs:\n  a: {type: string, default: '${env:SECRET}'}\n"
        "  b: {type: string, default: '${file:/etc/passwd}'}\nnodes: []\n"
    )
    inputs = read_definition(write_flow(tmp_path, yaml)).inputs
    assert (inputs["a"].default, inputs["b"].default) == ("${env:SECRET}", "${file:/etc/passwd}")


def test_a_file_of_another_kind_is_told_from_a_definition(tmp_path: Path) -> None:
    code = tmp_path / "flow.py"
    code.write_text("x: [")
    with pytest.raises(FlowDefinitionError, match="flow.py defines no flow; name its folder"):
        read_definition(code)
