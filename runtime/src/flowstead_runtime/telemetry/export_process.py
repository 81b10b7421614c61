"""The process that encodes and sends, fed by its standard input.

It ends when its input does, after sending what it has. One batch at a time: while a collector is slow nothing is read.
"""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any, BinaryIO, Protocol

from flowstead_runtime.telemetry.pipe import unpack, unpack_span
from flowstead_runtime.telemetry.records import SpanRecord
from flowstead_runtime.telemetry.showing import Showing

log = logging.getLogger("flowstead.telemetry")


class Exporter(Protocol):
    """Where spans and metrics go. It reports its own failures and never raises."""

    def spans(self, spans: list[SpanRecord]) -> None: ...

    def metrics(self, points: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


def main() -> None:
    """Runs until the pipe is closed. A signal that ends the serving process's group is not for this one: it has still
    to send what that says at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    work(sys.stdin.buffer)


def work(stream: BinaryIO) -> None:
    """Send what the messages of the stream say."""
    showing = Showing()
    exporters: list[Exporter] = []
    for kind, content in unpack(stream):
        if kind == "settings":
            exporters = make_exporters(content)
        elif kind == "secrets":
            showing.learn(content)
        elif kind == "spans":
            spans = [showing.shown(unpack_span(each)) for each in content]
            for exporter in exporters:
                exporter.spans(spans)
        elif kind == "metrics":
            for exporter in exporters:
                exporter.metrics(content)
    for exporter in exporters:
        exporter.close()


def make_exporters(settings: dict[str, Any]) -> list[Exporter]:
    """Those that the settings name. A package that is missing is told, and its exporter left out."""
    from flowstead_runtime.telemetry.otlp_exporter import OtlpExporter

    resource = settings["resource"]
    found: list[Exporter] = []
    if settings["traces"] or settings["metrics"]:
        found.append(OtlpExporter(settings["traces"], settings["metrics"], resource))
    if settings["insights"]:
        from flowstead_runtime.telemetry.azure_monitor import open_azure_monitor

        exporter = open_azure_monitor(settings["insights"], resource)
        if exporter is not None:
            found.append(exporter)
    return found


if __name__ == "__main__":
    main()
