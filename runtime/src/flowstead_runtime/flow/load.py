"""From a flow's folder to its definition: found, parsed, checked, nothing imported and nothing run.

The server calls this on uploads that it does not trust, so this module and what it imports need only PyYAML and the
standard library, never leave the flow's folder and resolve no `${env:…}`, `${file:…}` or `additional_includes`
outside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowstead_runtime.errors import FlowDefinitionError, Reason
from flowstead_runtime.flow import checks, dag, flex, prompty
from flowstead_runtime.flow.definition import FlowDefinition, FlowKind, MessageFormat
from flowstead_runtime.yaml_file import YamlMap, plain, read_bounded_text, read_yaml_file

DEFINITION_FILES = ("flow.dag.yaml", "flow.flex.yaml", "flow.flex.yml")
_SAMPLES = "samples.json"
Lines = Mapping[tuple[str, ...], int]
"""As in `dag.DagDraft`."""


def read_definition(path: Path) -> FlowDefinition:
    """The flow in a folder, or the flow whose definition file is `path`.

    Raises FlowDefinitionError, with file and line, when the folder holds no flow, two, or one with a mistake
    that can be seen without running it.
    """
    definition, lines = draft(find_definition_file(path))
    if definition.kind is FlowKind.DAG:
        checks.check(definition, lines)
    return definition


def find_definition_file(path: Path) -> Path:
    """The definition file of the flow folder `path` (or `path` itself when it is a file), absolute. Raises
    FlowDefinitionError when there is none or more than one."""
    path = path.absolute()
    if path.is_file():
        if path.suffix not in (".yaml", ".yml", ".prompty"):
            names = ", ".join(DEFINITION_FILES)
            problem = f"{path.name} defines no flow; name its folder, or one of {names}, *.prompty"
            raise FlowDefinitionError(problem, reason=Reason.NO_FLOW)
        return path
    if not path.is_dir():
        raise FlowDefinitionError(f"there is no flow folder at {path}", reason=Reason.NO_FLOW)
    named = _named_by_mlmodel(path)
    if named is not None:
        return named
    found = [path / name for name in DEFINITION_FILES if (path / name).is_file()]
    if not found:
        found = sorted(path.glob("*.prompty"))
    if len(found) == 1:
        return _kept_inside(found[0])
    if not found:
        raise FlowDefinitionError(
            f"no flow in {path}: there is neither {', '.join(DEFINITION_FILES)} nor a *.prompty file",
            reason=Reason.NO_FLOW,
        )
    names = ", ".join(f.name for f in found)
    problem = f"Multiple files {names} exist in {path}; a folder holds one flow, remove the others"
    raise FlowDefinitionError(problem, reason=Reason.NO_FLOW)


def kind_of(file: Path) -> FlowKind:
    """What a definition file describes. A YAML with `entry` is a flex flow, whatever its name. Raises
    FlowDefinitionError."""
    return FlowKind.PROMPTY if file.suffix == ".prompty" else _kind_of(_document(file), file)


def draft(file: Path) -> tuple[FlowDefinition, Lines]:
    """The definition in a file, a DAG flow's before `checks`, and where that one's parts stand. The file is read and
    parsed once. Raises FlowDefinitionError for what is not of the right shape."""
    if file.suffix == ".prompty":
        return _read_prompty(file), {}
    document = _document(file)
    if _kind_of(document, file) is FlowKind.FLEX:
        return _read_flex(document, file), {}
    return _draft_dag(document, file)


def _kind_of(document: YamlMap, file: Path) -> FlowKind:
    return FlowKind.FLEX if "entry" in document or file.name in DEFINITION_FILES[1:] else FlowKind.DAG


def _draft_dag(document: YamlMap, file: Path) -> tuple[FlowDefinition, Lines]:
    draft = dag.read(document, file=file.name)
    definition = FlowDefinition(
        **_common(document, file),
        kind=FlowKind.DAG,
        directory=file.parent,
        file=file,
        inputs=draft.inputs,
        outputs=draft.outputs,
        nodes=draft.nodes,
        sample=_sample(file.parent),
    )
    return definition, draft.lines


def _read_flex(document: YamlMap, file: Path) -> FlowDefinition:
    draft = flex.read(document, file=file.name)
    directory = checks.inside(file.parent, draft.code) if draft.code else file.parent
    if directory is None or not directory.is_dir():
        problem = f"code: '{draft.code}' is not a folder inside the flow folder"
        raise FlowDefinitionError(problem, file=file.name, line=document.line_of("code"))
    definition = FlowDefinition(
        **_common(document, file),
        kind=FlowKind.FLEX,
        directory=directory,
        file=file,
        inputs=draft.part.declared,
        outputs=draft.outputs,
        entry=draft.entry,
        sample=_sample(file.parent),
        flex=draft.part,
    )
    checks.check_includes(definition)
    return definition


def _read_prompty(file: Path) -> FlowDefinition:
    draft = prompty.read(file)
    return FlowDefinition(
        **_common(draft.document, file),
        kind=FlowKind.PROMPTY,
        directory=file.parent,
        file=file,
        inputs=draft.inputs,
        outputs=draft.outputs,
        sample=_sample(file.parent),
        prompty=draft.part,
    )


def _kept_inside(file: Path) -> Path:
    if checks.inside(file.parent, file.name) is None:
        raise FlowDefinitionError("is a link to a file outside the flow folder", file=file.name)
    return file


def _document(file: Path) -> YamlMap:
    document = read_yaml_file(file, shown=file.name)
    if not isinstance(document, YamlMap):
        raise FlowDefinitionError(
            "is not a flow: a mapping with inputs, outputs and nodes is expected", file=file.name, line=1
        )
    return document


def _named_by_mlmodel(folder: Path) -> Path | None:
    if not (folder / "MLmodel").is_file():
        return None
    document = read_yaml_file(_kept_inside(folder / "MLmodel"), shown="MLmodel")
    flavors = document.get("flavors") if isinstance(document, dict) else None
    flavor = flavors.get("promptflow") if isinstance(flavors, dict) else None
    entry = flavor.get("entry") if isinstance(flavor, dict) else None
    if not isinstance(entry, str):
        return None
    file = checks.inside(folder, entry)
    if file is None or not file.is_file():
        raise FlowDefinitionError(
            f"flavors.promptflow.entry names '{entry}', which is not a file of this folder", file="MLmodel"
        )
    return file


def _common(document: YamlMap, file: Path) -> dict[str, Any]:
    """What DAG and flex files share."""
    variables = dag.section(document, "environment_variables", file=file.name)
    environment = dag.section(document, "environment", file=file.name)
    includes = document.get("additional_includes") or []
    if not isinstance(includes, list) or not all(isinstance(i, str) for i in includes):
        line = document.line_of("additional_includes")
        raise FlowDefinitionError("additional_includes must be a list of paths", file=file.name, line=line)
    written = document.get("message_format", MessageFormat.BASIC)
    if written not in set(MessageFormat):
        raise FlowDefinitionError(
            f"message_format '{written}' is unknown; it is one of {', '.join(MessageFormat)}",
            file=file.name,
            line=document.line_of("message_format"),
        )
    return {
        "name": _flow_name(file),
        "environment_variables": {str(key): _as_variable(value) for key, value in variables.items()},
        "environment": plain(environment),
        "additional_includes": tuple(includes),
        "message_format": MessageFormat(written),
    }


def _flow_name(file: Path) -> str:
    return file.parent.resolve().name


def _as_variable(value: Any) -> str:
    """An environment variable's text: lists and mappings as JSON, the rest as Python writes it."""
    if isinstance(value, list | dict):
        return json.dumps(plain(value))
    return str(value)


def _sample(folder: Path) -> dict[str, Any]:
    file = folder / _SAMPLES
    if not file.is_file():
        return {}
    try:
        samples = json.loads(read_bounded_text(_kept_inside(file), shown=_SAMPLES))
    except (ValueError, RecursionError) as error:
        raise FlowDefinitionError(f"not valid JSON: {error}", file=_SAMPLES) from None
    first = (samples[0] if samples else {}) if isinstance(samples, list) else samples
    return first if isinstance(first, dict) else {}
