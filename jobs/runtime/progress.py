"""What a person sees while a run goes on: a line per table at a terminal and in a log, and what remains."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from haiguan.expectations.gate import Verdict
from haiguan.jobs.runtime.lake import Slice
from haiguan.jobs.runtime.manifest import slice_id


class Progress:
    """Says what is being built. At a terminal the table at work has a spinner, elsewhere finished lines only."""

    def __init__(self, console: Console) -> None:
        """Nothing is said until there is something to say."""
        self.console = console
        self._remaining = 0

    def expect(self, tables: int) -> None:
        """How many tables have work left."""
        self._remaining = tables

    def say(self, text: str, style: str = "") -> None:
        """One line."""
        stamp = "" if self.console.is_terminal else f"{time.strftime('%H:%M:%S')} "
        self.console.print(f"{stamp}{escape(text)}", style=style, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def building(self, stage: str, table: str, slices: int) -> Iterator[None]:
        """Shows the table at work for the length of the block."""
        what = f"{stage}: {table}" + (f", {slices} slices" if slices > 1 else "") + f" ({self._remaining} tables to do)"
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(escape(what)):
            yield

    def published(self, stage: str, table: str, batch: Sequence[Any], records: int, seconds: float) -> None:
        """A line for slices that were published together."""
        self._remaining = max(0, self._remaining - 1)
        slices = [slice_id(due.slice) for due in batch if due.slice]
        shown = "" if not slices else slices[0] if len(slices) == 1 else f"{slices[0]} .. {slices[-1]} ({len(slices)})"
        counted = f"{records:>12,} rows {seconds:>7.1f} s  {self._remaining:>2} to do"
        self.say(f"{stage:<10} {table:<36} {counted}  {shown}".rstrip())

    def judged(self, table: str, verdicts: Sequence[Verdict]) -> None:
        """Warnings of a gate; a failure that stops the run is shown when it ends."""
        for verdict in verdicts:
            if not verdict.is_success and not verdict.stops:
                self.say(f"{'':<10} {table}: warning: {describe(verdict)}", style="yellow")

    def removed(self, table: str, slices: Sequence[Slice]) -> None:
        """A line for slices whose input is gone."""
        self.say(f"{'':<10} {table}: removed {', '.join(map(slice_id, slices))}, whose input is gone")


def describe(verdict: Verdict) -> str:
    """One expectation that was not met, as a sentence with its counts."""
    if verdict.exception:
        return f"{verdict.expectation} failed itself, which says nothing of the data: {verdict.exception}"
    if verdict.unexpected is not None:
        return f"{verdict.expectation}: {verdict.unexpected:,} of {verdict.evaluated or 0:,} rows do not meet it"
    return f"{verdict.expectation}: observed {verdict.observed}"
