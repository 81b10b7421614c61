"""What a registered environment adds to the runtime, or why a deployment cannot start from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flowstead.environments.conda_file import base_of_conda_file, secret_variable
from flowstead.environments.dockerfile import base_of_dockerfile, demand_nothing_secret_in
from flowstead.environments.requirements_text import RequirementsRefused, check, has_credentials
from flowstead.errors import BadArgument
from flowstead.resources.environment import BaseEnvironment, EnvironmentVersionSpec
from flowstead.resources.inference import Inference
from flowstead.resources.runtime_images import NO_ENGINE_HINT, image_of

_PORT = 8080
_SCORING_PATHS = frozenset({"/score"})
_HEALTH_PATHS = frozenset({"/health", "/version", "/"})
"""What the runtime answers to, as promptflow's does."""
_DEFAULT_PATHS = {"scoringRoute": "/score", "livenessRoute": "/", "readinessRoute": "/"}
_PORTS = 65_536
_PATH = re.compile(r"/[A-Za-z0-9._~:/@!$&'()*+,;=%-]{0,500}")
_ROUTES = {"scoringRoute": _SCORING_PATHS, "livenessRoute": _HEALTH_PATHS, "readinessRoute": _HEALTH_PATHS}


def base_environment(
    spec: EnvironmentVersionSpec, context: Path | None, *, has_engine: bool = False
) -> BaseEnvironment:
    """context: the folder of its build context, None without one. has_engine: images can be started here. Raises
    BadArgument."""
    _system_is_linux(spec)
    image = image_of({"image": spec.image})
    if image and not has_engine:
        raise _needs_engine(image)
    base = _of_context(spec, context, has_engine=has_engine and not image) if context else BaseEnvironment(image=image)
    if not base.needs_engine:
        _routes_are_the_runtimes(spec)
    elif not _has_the_runtimes_routes(spec):
        base = replace(base, inference=_inference(spec))
    conda = base_of_conda_file(spec.conda_file) if spec.conda_file.strip() else BaseEnvironment()
    base = replace(
        base,
        requirements=base.requirements + conda.requirements,
        variables={**base.variables, **conda.variables},
        python=conda.python,
    )
    _check_lines(base.requirements)
    return base


def _of_context(spec: EnvironmentVersionSpec, context: Path, *, has_engine: bool) -> BaseEnvironment:
    """What is more than we understand is built by an engine, where there is one."""
    dockerfile = spec.dockerfile_path or "Dockerfile"
    try:
        return base_of_dockerfile(context, dockerfile)
    except BadArgument:
        if not has_engine:
            raise
    demand_nothing_secret_in(context, dockerfile)
    return BaseEnvironment(context_hash=spec.context_hash, dockerfile=dockerfile)


def _has_the_runtimes_routes(spec: EnvironmentVersionSpec) -> bool:
    try:
        _routes_are_the_runtimes(spec)
    except BadArgument:
        return False
    return True


def _inference(spec: EnvironmentVersionSpec) -> Inference:
    """How its own server is reached. Raises BadArgument."""
    routes = {name: spec.inference_config.get(name) for name in _ROUTES}
    given = {name: route for name, route in routes.items() if isinstance(route, Mapping)}
    ports = {str(route.get("port") or _PORT) for route in given.values()}
    port = ports.pop()
    target = "properties.inferenceConfig"
    if ports or not port.isdigit() or not 0 < int(port) < _PORTS:
        raise BadArgument(
            "The routes of inferenceConfig do not name one port between 1 and 65535.",
            hint="Give liveness, readiness and scoring route the same port: an image has one server.",
            target=target,
        )
    if "scoringRoute" not in given:
        raise BadArgument(
            "inferenceConfig has no scoringRoute.", hint="Say where the image's server scores.", target=target
        )
    paths = {name: str(route.get("path") or _DEFAULT_PATHS[name]) for name, route in given.items()}
    for name, path in paths.items():
        if not _PATH.fullmatch(path):
            raise BadArgument(f"{path[:200]!r} is not a path.", target=f"{target}.{name}.path")
    liveness = paths.get("livenessRoute") or paths.get("readinessRoute") or _DEFAULT_PATHS["livenessRoute"]
    return Inference(int(port), liveness, paths.get("readinessRoute") or liveness, paths["scoringRoute"])


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


def _needs_engine(image: str) -> BadArgument:
    return BadArgument(
        f"The image {image[:200]!r} needs a container engine, and this server has none.",
        hint=f"Name a promptflow-runtime image: Flowstead's own runtime stands in for it. Or: {NO_ENGINE_HINT}",
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
