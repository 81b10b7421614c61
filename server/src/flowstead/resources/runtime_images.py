"""Which container images Flowstead's own runtime stands in for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowstead.errors import BadArgument

_RUNTIME_IMAGE = re.compile(r"(?:[^\s]*/)?promptflow-(?:runtime|python)[^\s/]*")
"""Any version of the prompt flow runtime images, whatever the registry; newer ones are called promptflow-python."""


def is_runtime_image(image: str) -> bool:
    """Whether it is a prompt flow runtime image."""
    return _RUNTIME_IMAGE.fullmatch(image) is not None


NO_ENGINE_HINT = (
    "Install podman (or docker, with a daemon) on the server's machine and start the server again; `flowstead doctor` "
    "says whether it is found."
)


def image_of(environment: Mapping[str, object]) -> str:
    """The image in the `environment` of a flow.dag.yaml that our runtime does not stand in for, "" for none."""
    image = environment.get("image")
    return "" if image in (None, "") or (isinstance(image, str) and is_runtime_image(image)) else str(image)


def check_image(environment: Mapping[str, object]) -> None:
    """The same where no container can be started. Raises BadArgument."""
    image = image_of(environment)
    if image:
        raise BadArgument(
            f"environment.image of the flow is {image[:200]!r}, an image that needs a container engine.",
            hint="Remove the line `image:` (or name a promptflow-runtime image), and list what the flow needs "
            f"in its requirements.txt. Or: {NO_ENGINE_HINT}",
            target="environment.image",
        )
