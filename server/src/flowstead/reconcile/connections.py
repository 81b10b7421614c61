"""Why a deployment's connections cannot be had. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from flowstead.errors import ConnectionMissing, FlowsteadError, SecretsInjectionError
from flowstead.resources.connection_use import CONNECTION_SECRET_PREFIX, fields_of, reference_in, resolved
from flowstead.resources.deployment import DeploymentSpec


def why_unresolvable(spec: DeploymentSpec, secrets: Mapping[str, str]) -> FlowsteadError | None:
    """The first thing that is missing, None when nothing is. secrets: as the store gives them for its instances."""
    return next(_problems(spec, secrets), None)


def _problems(spec: DeploymentSpec, secrets: Mapping[str, str]) -> Iterator[FlowsteadError]:
    for use in spec.connections:
        if use.required and use.name and CONNECTION_SECRET_PREFIX + use.connection not in secrets:
            instead = f", which stands for '{use.name}'," if use.connection != use.name else ""
            yield ConnectionMissing(
                f"There is no connection '{use.connection}'{instead} in the workspace; {_and(use.by)} needs it.",
                hint=f"Create it: flowstead connection create --file connection.yml --name {use.connection}. "
                "Then deploy again.",
                target=f"connections/{use.connection}",
            )
    for variable, value in spec.environment_variables.items():
        reference = reference_in(value)
        if reference is None:
            continue
        document = secrets.get(CONNECTION_SECRET_PREFIX + reference.connection)
        if document is None:
            yield SecretsInjectionError(
                f"The variable {variable} refers to the connection '{reference.connection}', "
                "which is not in the workspace.",
                target=f"properties.environmentVariables.{variable}",
            )
        elif resolved(reference, document) is None:
            properties = json.loads(document)["properties"]
            known = ", ".join(f"{part}/{each}" for part in _PARTS for each in sorted(fields_of(properties, part)))
            wanted = f"{reference.part}/{reference.field}".rstrip("/")
            yield SecretsInjectionError(
                f"The variable {variable} refers to {wanted} of the connection '{reference.connection}', which it does "
                f"not have. It has: {known or 'nothing'}.",
                target=f"properties.environmentVariables.{variable}",
            )


_PARTS = ("credentials", "metadata")


def _and(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
