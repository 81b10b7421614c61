"""Why an instance did not start, told without secrets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowstead.engines.endings import why_it_failed
from flowstead.engines.protocol import ObservedInstance
from flowstead.errors import FlowsteadError
from flowstead_runtime.secret_values import looks_secret, redact


def why_not_started(
    instance: ObservedInstance, log_lines: Sequence[str], variables: Mapping[str, str]
) -> FlowsteadError:
    """The error with the last log lines. variables: of the instance, secrets among them."""
    failure = why_it_failed(instance)
    hint = failure.next_step.replace("deploy again", "test again")
    return type(failure)(failure.message, hint=hint, details=told(log_lines, variables))


def told(log_lines: Sequence[str], variables: Mapping[str, str]) -> str:
    """Log lines for an error's details, "" for none."""
    secrets = [value for name, value in variables.items() if looks_secret(name, value)]
    return redact("\n".join(["Last log lines:", *log_lines]), secrets) if log_lines else ""
