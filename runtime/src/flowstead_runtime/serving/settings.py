"""What may be set about serving a flow. Seconds and bytes everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowstead_runtime import __version__
from flowstead_runtime.errors import FlowDefinitionError
from flowstead_runtime.promptflow_variables import promptflow_variable

BODY_LIMIT = 100 * 1024 * 1024
"""Large enough for a few images in base64; a gateway in front sets its own."""

WARM = "FLOWSTEAD_WARM"


@dataclass(frozen=True)
class ServingSettings:
    """concurrency: requests that run at once in this process, None for any number. queue: how many more may wait, each
    for at most queue_wait_s. body_limit, content_limit: bytes of a body as it comes, and of one when it is unpacked or
    of an image that is fetched. timeout_s: until the first byte of the answer, None for none. included_fields: outputs
    to answer with, None for all but the evaluation-only ones. wrap_failures: the flow's own failures leave as 424, as
    from a managed online endpoint. build_info: what `/version` shows. cors: origins whose pages may call, `*` for any.
    private_images: images may be fetched from addresses that are not public. tells_nodes: there is a route `/test`,
    which tells what each node does."""

    concurrency: int | None = None
    queue: int = 0
    queue_wait_s: float = 0.5
    timeout_s: float | None = None
    body_limit: int = BODY_LIMIT
    content_limit: int = BODY_LIMIT
    included_fields: frozenset[str] | None = None
    wrap_failures: bool = False
    build_info: str = ""
    cors: frozenset[str] = frozenset()
    private_images: bool = False
    tells_nodes: bool = False

    @property
    def runtime_version(self) -> str:
        return __version__

    @property
    def version(self) -> str:
        """The build number in `build_info` where there is one, else the runtime's version."""
        try:
            return str(json.loads(self.build_info)["build_number"])
        except (ValueError, KeyError, TypeError):
            return self.runtime_version


def included_fields(environ: Mapping[str, str]) -> frozenset[str] | None:
    """PROMPTFLOW_RESPONSE_INCLUDED_FIELDS (or PF_RESPONSE_INCLUDED_FIELDS): a JSON list of output names.

    Raises FlowDefinitionError when it is something else."""
    name, text = promptflow_variable(environ, "RESPONSE_INCLUDED_FIELDS")
    if not text:
        return None
    names: Any
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise FlowDefinitionError(
            f'the environment variable {name} must be a JSON list of output names such as ["answer"]'
        )
    return frozenset(names)


def cors_origins(environ: Mapping[str, str]) -> frozenset[str]:
    """FLOWSTEAD_CORS_ORIGINS: origins such as `https://example.com`, or `*`, with blanks or commas between them."""
    return frozenset(environ.get("FLOWSTEAD_CORS_ORIGINS", "").replace(",", " ").split())


def private_images(environ: Mapping[str, str]) -> bool:
    """FLOWSTEAD_PRIVATE_IMAGES=allow: images may be fetched from this machine and its network."""
    return environ.get("FLOWSTEAD_PRIVATE_IMAGES", "").strip().lower() == "allow"


def warms(environ: Mapping[str, str]) -> bool:
    """Not with FLOWSTEAD_WARM=false: the instance answers a sample to itself before it is ready."""
    return environ.get(WARM, "").strip().lower() not in ("false", "no", "off", "0")


def tells_nodes(environ: Mapping[str, str]) -> bool:
    """FLOWSTEAD_TEST_INSTANCE=1: the instance is there to try a flow out, and serves no deployment."""
    return environ.get("FLOWSTEAD_TEST_INSTANCE") == "1"
