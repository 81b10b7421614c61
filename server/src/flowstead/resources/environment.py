"""Environment: packages and base image, in versions that never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowstead.resources.inference import Inference


@dataclass(frozen=True)
class EnvironmentVersionSpec:
    """image: the base image, "" when the build context says it. conda_file: its text. context_uri, dockerfile_path: the
    build context as the client named it; context_hash: SHA-256 of its files, copied at registration and kept under
    `Home.models / context_hash`. inference_config: routes, echoed."""

    image: str = ""
    conda_file: str = ""
    context_uri: str = ""
    context_hash: str = ""
    dockerfile_path: str = ""
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    os_type: str = "Linux"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    is_anonymous: bool = False
    is_archived: bool = False

    @property
    def substance(self) -> tuple[object, ...]:
        """What a version may never change."""
        build = (self.context_hash, self.dockerfile_path)
        return (self.image, self.conda_file, *build, self.inference_config, self.os_type)


@dataclass(frozen=True)
class BaseEnvironment:
    """What an environment adds to the runtime. requirements: lines as in requirements.txt, before the flow's own;
    variables: of the instance's process, under those of the deployment. python: the versions that it may be, as PEP
    440 has it; "" for the server's own. image: what its instances are containers of, "" for processes of the
    runtime's; context_hash, dockerfile: the build context of such an image instead. inference: how it is reached when
    it has a server of its own; None: the runtime is installed on top."""

    requirements: str = field(default="", repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    image: str = ""
    context_hash: str = ""
    dockerfile: str = ""
    inference: Inference | None = None

    @property
    def needs_engine(self) -> bool:
        return bool(self.image or self.context_hash)


RUNTIME_ALONE = BaseEnvironment()
"""Nothing beside the runtime and the flow's own requirements.txt."""
