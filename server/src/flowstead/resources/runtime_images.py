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


def check_image(environment: Mapping[str, object]) -> None:
    """The `environment` of a flow.dag.yaml. Raises BadArgument unless its image is none or one of prompt
    flow's."""
    image = environment.get("image")
    if image in (None, ""):
        return
    if not isinstance(image, str) or not is_runtime_image(image):
        raise BadArgument(
            f"environment.image of the flow is {str(image)[:200]!r}, an image that needs a container engine.",
            hint="Remove the line `image:` (or name a promptflow-runtime image), and list what the flow needs "
            "in its requirements.txt.",
            target="environment.image",
        )
