"""Stages as they happen: a spinner with the time on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType


class Stage(Protocol):
    """One stage in progress."""

    def phase(self, text: str) -> None:
        """What it is at now; said once for each new text."""

    def note(self, text: str) -> None:
        """A remark that stays with the stage when it is done."""


class Stages(Protocol):
    """Where stages are shown. A stage that is left by an exception has failed."""

    def stage(self, title: str) -> AbstractContextManager[Stage]: ...


class UnshownStages:
    """For what is only asked about: nothing begins, so nothing is told."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        yield _PlainStage(lambda _: None)


class PlainStages:
    """A line when a stage begins, one for each of its phases, one when it ends."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        began = self._clock()
        self._say(f"{title} …")
        lines = _PlainStage(self._say)
        try:
            yield lines
        except BaseException as cause:
            self._say(f"{title}: {_ending(cause)} after {seconds(self._clock() - began)}")
            raise
        self._say(f"{title}: done in {seconds(self._clock() - began)}{lines.remark}")

    def _say(self, text: str) -> None:
        with suppress(OSError):  # who read it has gone: nothing is left half done for that
            print(text, file=self._stream, flush=True)


class _PlainStage:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = ""
        self.remark = ""

    def phase(self, text: str) -> None:
        if text and text != self._last:
            self._last = text
            self._say(f"  {text}")

    def note(self, text: str) -> None:
        self.remark = f" ({text})"


class LiveStages:
    """A spinner with title, phase and seconds, replaced by a tick or a cross."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        from rich.console import Console  # a terminal is there: only then is rich worth its import

        self._console = Console(file=stream, highlight=False)
        self._clock = clock

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        from rich.live import Live
        from rich.markup import escape

        began = self._clock()
        line = _LiveStage(title, began, self._clock)
        try:
            with Live(line, console=self._console, transient=True, refresh_per_second=12):
                yield line
        except BaseException as cause:
            how = f"{_ending(cause)} after {seconds(self._clock() - began)}"
            self._console.print(f"[red]✗[/] {escape(title)} [dim]{how}[/]")
            raise
        done = f"{seconds(self._clock() - began)}{escape(line.remark)}"
        self._console.print(f"[green]✓[/] {escape(title)} [dim]{done}[/]", soft_wrap=True)


class _LiveStage:
    """Draws itself anew at each refresh, so that its seconds go on without anybody calling."""

    def __init__(self, title: str, began: float, clock: Callable[[], float]) -> None:
        from rich.spinner import Spinner
        from rich.text import Text

        self._spinner, self._text = Spinner("dots"), Text
        self._title, self._began, self._clock = title, began, clock
        self._phase = ""
        self.remark = ""

    def phase(self, text: str) -> None:
        self._phase = text

    def note(self, text: str) -> None:
        self.remark = f" ({text})"

    def __rich__(self) -> RenderableType:
        text = self._text(self._title)
        phase = f" · {self._phase}" if self._phase else ""
        text.append(f"{phase} {seconds(self._clock() - self._began)}", style="dim")
        self._spinner.update(text=text)
        return self._spinner


def stages(stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> Stages:
    """For stderr unless a stream is named: a result on stdout stays clean."""
    chosen = stream or sys.stderr
    return LiveStages(chosen, clock) if chosen.isatty() else PlainStages(chosen, clock)


def seconds(count: float) -> str:
    """0.42 → `0.4 s`, 75 → `1 min 15 s`."""
    if count < 60:
        return f"{count:.1f} s"
    return f"{int(count // 60)} min {int(count % 60)} s"


def _ending(cause: BaseException) -> str:
    return "interrupted" if isinstance(cause, KeyboardInterrupt) else "failed"
