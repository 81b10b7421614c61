"""The runtime's process for an instance: its command line and its environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowstead.confine.description import CERTIFICATES, Confinement
from flowstead.engines.local.sizing import Share
from flowstead.engines.protocol import (
    EXIT_FLOW_CANNOT_START,
    EXIT_IDLE,
    EXIT_PACKAGE_MISSING,
    EXIT_WARM_CALL_UNANSWERED,
    STREAM_GRACE_S,
    InstanceSpec,
)
from flowstead.resources.settings import LONGEST_REQUEST_MB
from flowstead.supervise import ProcessSpec

GIVE_UP_AFTER = 5
"""Ends in a row, none of which lived for `stable_after_s`, after which an instance counts as failed: with the
supervisor's back-off that is after about three seconds, so a deployment that cannot work says so soon."""

RETRY_FIRST_S, RETRY_LONGEST_S = 10.0, 300.0
"""How soon a failed instance is started again, and how late at most: doubled each time, as Kubernetes does it. That is
its supervisor's doing, so it goes on with the server dead, and counts in the same place."""

FATAL_EXIT_CODES = (EXIT_FLOW_CANNOT_START, EXIT_PACKAGE_MISSING, EXIT_WARM_CALL_UNANSWERED)

_DRAIN_MARGIN_S = 5.0
"""What an instance gets beyond its longest stream to end by itself, seconds."""


def process_spec(
    spec: InstanceSpec,
    *,
    run: Path,
    scratch: Path,
    log: Path,
    host: Mapping[str, str],
    confinement: Confinement | None = None,
    share: Share | None = None,
) -> ProcessSpec:
    """share: what it gets of the machine, None for all. host: the server's own environment, of which only the names of
    the certificates' files are passed on."""
    settings = spec.request_settings
    return ProcessSpec(
        argv=(
            str(spec.python),
            *host_arguments(spec, str(spec.flow)),
            *(("--idle-exit", f"{spec.idle_s:g}") if spec.idle_s is not None else ()),
        ),
        environment=_environment(spec, scratch, host, share or Share(None)),
        working_directory=str(spec.flow),
        log=str(log),
        sockets=(score_socket(run), health_socket(run)),
        stop_grace_s=stop_grace_s(settings.request_timeout_s),
        give_up_after=GIVE_UP_AFTER,
        retry_first_s=RETRY_FIRST_S,
        retry_longest_s=RETRY_LONGEST_S,
        fatal_exit_codes=FATAL_EXIT_CODES,
        sleep_exit_code=None if spec.idle_s is None else EXIT_IDLE,
        confinement=confinement,
        limits=share.limits if share else None,
    )


def host_arguments(spec: InstanceSpec, flow: str) -> tuple[str, ...]:
    """What Python is told to run the flow's folder or file."""
    settings = spec.request_settings
    return (
        # Not the working directory: a flow's `typing.py` must not stand in for the standard library's.
        *("-P", "-m", "flowstead_runtime", "host"),
        *("--flow", flow, "--fd", "3", "--health-fd", "4"),
        *("--concurrency", str(settings.max_concurrent_requests_per_instance)),
        *("--queue", str(settings.waiting_per_instance), "--queue-wait", f"{settings.max_queue_wait_s:g}"),
        *("--timeout", f"{settings.request_timeout_s:g}"),
        *("--grace", f"{settings.request_timeout_s + STREAM_GRACE_S:g}"),
        # The gateway keeps the limit, and may be given another one while instances run.
        *("--body-limit", str(LONGEST_REQUEST_MB << 20), "--content-limit", str(spec.max_request_bytes)),
    )


def stop_grace_s(request_timeout_s: float) -> float:
    """How long an instance may take that is stopped with patience: for its longest request and its longest stream."""
    return request_timeout_s + STREAM_GRACE_S + _DRAIN_MARGIN_S


def score_socket(run: Path) -> str:
    return f"{run}/score.sock"


def health_socket(run: Path) -> str:
    return f"{run}/health.sock"


def _environment(spec: InstanceSpec, scratch: Path, host: Mapping[str, str], share: Share) -> dict[str, str]:
    own = {
        "PATH": f"{spec.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
        # By which code that was written for Azure ML finds the files of its model.
        "AZUREML_MODEL_DIR": str(spec.flow),
        # The flow's folder is shared and addressed by its content: no `__pycache__` may appear in it.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    trusted = {name: host[name] for name in CERTIFICATES if name in host}
    return {**own, **trusted, **share.environment, **spec.environment, **share.forced}
