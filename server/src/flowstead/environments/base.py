"""What a registered environment adds to the runtime, or why a deployment cannot start from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flowstead.environments.conda_file import base_of_conda_file, secret_variable
from flowstead.environments.dockerfile import base_of_dockerfile
from flowstead.environments.requirements_text import RequirementsRefused, check, has_credentials
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment, EnvironmentVersionSpec
from flowstead.resources.runtime_images import is_runtime_image

_PORT = 8080
_SCORING_PATHS = frozenset({"/score"})
_HEALTH_PATHS = frozenset({"/health", "/version", "/"})
"""What the runtime answers to, as promptflow's does."""
_ROUTES = {"scoringRoute": _SCORING_PATHS, "livenessRoute": _HEALTH_PATHS, "readinessRoute": _HEALTH_PATHS}


def base_environment(spec: EnvironmentVersionSpec, context: Path | None) -> BaseEnvironment:
    """context: the folder of its build context, None without one. Raises BadArgument."""
    for rule in _RULES:
        rule(spec)
    base = base_of_dockerfile(context, spec.dockerfile_path or "Dockerfile") if context else BaseEnvironment()
    conda = base_of_conda_file(spec.conda_file) if spec.conda_file.strip() else BaseEnvironment()
    base = BaseEnvironment(base.requirements + conda.requirements, {**base.variables, **conda.variables}, conda.python)
    _check_lines(base.requirements)
    return base


def demand_nothing_secret(conda_file: str) -> None:
    """Registered or not startable from: a conda file is shown to all who may read environments, so what it says must
    hold no secret. Raises BadArgument."""
    if has_credentials(conda_file):
        raise _with_credentials("properties.condaFile")
    variable = secret_variable(conda_file)
    if variable:
        raise BadArgument(
            f"`variables` of the conda file: {variable[:120]} looks like a secret, and an environment is read by more "
            "people than may know it.",
            hint="Give it to the deployment, among its environment variables.",
            target="properties.condaFile",
        )


def _with_credentials(target: str) -> BadArgument:
    return BadArgument(
        "The environment names an address with a user, a password or a signature in it.",
        hint="Environments are read by more people than may know it: put that line into the requirements.txt of "
        "the flow, where it is kept from all messages.",
        target=target,
    )


def _image_is_the_runtime(spec: EnvironmentVersionSpec) -> None:
    if spec.image and not is_runtime_image(spec.image):
        raise BadArgument(
            f"The image {spec.image[:200]!r} needs a container engine, which this server does not use.",
            hint="Name a promptflow-runtime image: Flowstead's own runtime stands in for it.",
            target="properties.image",
        )


def _system_is_linux(spec: EnvironmentVersionSpec) -> None:
    if spec.os_type.lower() != "linux":
        raise BadArgument(
            f"The environment is one of {spec.os_type[:40]}; the runtime's is Linux.", target="properties.osType"
        )


def _routes_are_the_runtimes(spec: EnvironmentVersionSpec) -> None:
    for name, paths in _ROUTES.items():
        route = spec.inference_config.get(name)
        if not isinstance(route, Mapping):
            continue
        path, port = str(route.get("path") or min(paths)), str(route.get("port") or _PORT)
        if path not in paths or port != str(_PORT):
            raise BadArgument(
                f"{name} of inferenceConfig is {path[:200]} at port {port[:20]}, which the prompt flow "
                "runtime does not serve.",
                hint=f"Give {' or '.join(sorted(paths, reverse=True))} at port {_PORT}, or leave inferenceConfig out.",
                target=f"properties.inferenceConfig.{name}",
            )


def _check_lines(text: str) -> None:
    if has_credentials(text):
        raise _with_credentials("properties")
    try:
        check(text)
    except RequirementsRefused as refusal:
        raise BadArgument(
            f"The environment asks for `{refusal.text}`, which is refused: {refusal.reason}.", target="properties"
        ) from None


_RULES: tuple[Callable[[EnvironmentVersionSpec], None], ...] = (
    _image_is_the_runtime,
    _system_is_linux,
    _routes_are_the_runtimes,
)
