"""What the layers share: the flow that is served and the instance's own state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowstead_runtime.flow.running import Flow
from flowstead_runtime.flow.threads import ThreadPool
from flowstead_runtime.serving.admission import Admission, Door
from flowstead_runtime.serving.deadline import make_deadlines
from flowstead_runtime.serving.exchange import Exchange
from flowstead_runtime.serving.settings import ServingSettings
from flowstead_runtime.serving.types import Timers
from flowstead_runtime.telemetry.collection import Collection

if TYPE_CHECKING:
    from flowstead_runtime.telemetry.telemetry import Telemetry


class Serving:
    """A flow, how to serve it, and what is in flight. timers: the event loop, or a test's clock. collection,
    telemetry: None when nothing is collected, and nothing exported. door: that of an instance of several processes,
    None when this is the only one."""

    def __init__(
        self,
        flow: Flow,
        settings: ServingSettings,
        timers: Timers,
        collection: Collection | None = None,
        telemetry: Telemetry | None = None,
        door: Door | None = None,
    ) -> None:
        self.flow = flow
        self.definition = flow.definition
        self.settings = settings
        self.timers = timers
        self.collection = collection
        self.telemetry = telemetry
        self.admission: Door = door or Admission(settings.concurrency, settings.queue, settings.queue_wait_s, timers)
        self.deadlines = make_deadlines(settings.timeout_s, self)
        self.stream_threads = ThreadPool()

    def begins_to_answer(self, exchange: Exchange) -> None:
        """The answer's first bytes are about to leave: the time-out holds no longer."""
        if self.deadlines is not None:
            self.deadlines.forget(exchange)
