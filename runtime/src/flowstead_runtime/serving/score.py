"""The way of a request through `POST /score`: one list, in the order in which requests meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowstead_runtime.serving.admission import admit
from flowstead_runtime.serving.collecting import collect_payloads, collect_values
from flowstead_runtime.serving.deadline import keep_callers_deadline, keep_deadline, watch_caller
from flowstead_runtime.serving.decoding import decode, fetch_images
from flowstead_runtime.serving.encoding import encode
from flowstead_runtime.serving.exchange import Handler, Layer
from flowstead_runtime.serving.execution import execute
from flowstead_runtime.serving.failures import answer_failures
from flowstead_runtime.serving.observing import measure, trace
from flowstead_runtime.serving.outputs import select_outputs
from flowstead_runtime.serving.request_ids import identify

if TYPE_CHECKING:
    from flowstead_runtime.serving.serving import Serving

LAYERS: tuple[Layer, ...] = (
    identify,
    collect_payloads,
    answer_failures,
    measure,
    keep_callers_deadline,
    admit,
    keep_deadline,
    decode,
    watch_caller,
    fetch_images,
    trace,
    execute,
    select_outputs,
    collect_values,
)
"""Behind the last one lies `encode`, which answers."""


def build_score(serving: Serving) -> Handler:
    """The handler of a scoring request: each layer around the next."""
    handler = encode(serving)
    for layer in reversed(LAYERS):
        handler = layer(serving, handler)
    return handler
