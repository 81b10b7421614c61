"""What a conda file asks for. Only its pip part can be installed: there is no conda here. Pure: text in, text out."""

from __future__ import annotations

import re
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from flowstead.environments.image_variables import is_taken_over, why_refused
from flowstead.environments.requirements_text import redact
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment
from flowstead_runtime.errors import RuntimeFailure
from flowstead_runtime.secret_values import looks_secret
from flowstead_runtime.yaml_file import parse_yaml

TARGET = "properties.condaFile"
_BROUGHT_ALONG = frozenset({"pip", "setuptools", "wheel"})
"""Packages of conda's that no environment needs from there."""
_NAME = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9._-]+)(?P<rest>.*)", re.S)
_BRACKETS = re.compile(r"\[\s*version\s*=\s*['\"]?(?P<versions>[^'\"\]]*)['\"]?\s*\]")
_VERSION = re.compile(r"(?P<operator>[=<>!~]*)\s*(?P<version>\d+(?:\.\d+)*)(?P<any>\.?\*)?")


def base_of_conda_file(text: str) -> BaseEnvironment:
    """What it adds to the runtime: the lines of its `pip:` part, its `variables`, and which Python it asks for.

    Raises BadArgument for a text that is no conda file, and for packages that only conda has, all of them at once."""
    try:
        document = parse_yaml(text, shown="the conda file")
    except RuntimeFailure as problem:
        raise BadArgument(f"The conda file cannot be read: {redact(problem.message)}", target=TARGET) from None
    if not isinstance(document, dict):
        raise BadArgument("The conda file is not a mapping with `dependencies`.", target=TARGET)
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise BadArgument("`dependencies` of the conda file is not a list.", target=TARGET)
    lines: list[str] = []
    conda_only: list[str] = []
    python: list[str] = []
    for each in dependencies:
        if isinstance(each, dict):
            lines += _pip_lines(each)
        elif isinstance(each, str):
            match = _NAME.fullmatch(each.strip())
            name = match["name"].lower() if match else ""
            if match and name == "python":
                python += _python_versions(match["rest"])
            elif name not in _BROUGHT_ALONG:
                conda_only.append(redact(each.strip())[:80])
        else:
            raise BadArgument(f"{redact(str(each))[:80]!r} in the conda file is not a package.", target=TARGET)
    if conda_only:
        raise BadArgument(
            f"The conda file asks conda for {', '.join(conda_only)}; there is no conda here.",
            hint="Move what PyPI has too to the list `pip:` of the same file.",
            target=TARGET,
        )
    return BaseEnvironment(
        "".join(f"{line}\n" for line in lines), _variables(document.get("variables")), ",".join(python)
    )


def secret_variable(text: str) -> str:
    """The first of its `variables` that looks like a secret; "" for none, and for a text that is no conda file."""
    try:
        document = parse_yaml(text, shown="the conda file")
    except RuntimeFailure:
        return ""
    given = document.get("variables") if isinstance(document, dict) else None
    variables = given if isinstance(given, dict) else {}
    return next((str(name) for name, value in variables.items() if looks_secret(str(name), str(value))), "")


def _variables(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(each, str | int | float) for each in given.values()):
        raise BadArgument("`variables` of the conda file is not a mapping of names to texts.", target=TARGET)
    variables = {str(name): str(value) for name, value in given.items()}
    for name, value in variables.items():
        refusal = why_refused(name, value)
        if refusal:
            raise BadArgument(f"`variables` of the conda file: {refusal}.", target=TARGET)
    return {name: value for name, value in variables.items() if is_taken_over(name)}


def _pip_lines(part: dict[Any, Any]) -> list[str]:
    lines = part.get("pip")
    if set(part) != {"pip"} or not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise BadArgument("A part of the conda file's `dependencies` is not `pip:` with a list.", target=TARGET)
    return lines


def _python_versions(written: str) -> list[str]:
    """`=3.11`, `==3.11.4`, ` >=3.9,<3.13`, `3.11.*`, `=3.11=build`, `[version='>=3.9']` as PEP 440 has it. conda's `=`
    leaves what follows open, and so does `==` of two numbers, whose author hardly means the first release."""
    brackets = _BRACKETS.fullmatch(written.strip())
    text = (brackets["versions"] if brackets else written).strip()
    conditions = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        match = _VERSION.match(part)
        # After the version only a build may follow: `3.11.4=h955ad1f_0_cpython`, or with a space.
        after = part[match.end() :] if match else part
        if match is None or (after and after[0] not in "= "):
            raise _not_understood(written)
        operator, version = match["operator"], match["version"]
        if operator in ("", "=", "=="):
            exact = operator == "==" and version.count(".") >= 2 and not match["any"]
            conditions.append(f"=={version}" if exact else f"=={version}.*")
        else:
            conditions.append(f"{operator}{version}{'.*' if match['any'] and operator == '!=' else ''}")
    try:
        SpecifierSet(",".join(conditions))
    except InvalidSpecifier:
        raise _not_understood(written) from None
    return conditions


def _not_understood(written: str) -> BadArgument:
    return BadArgument(
        f"`python{written[:80]}` in the conda file is not understood.", hint="Write python=X.Y.", target=TARGET
    )
