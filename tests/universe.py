"""A simulated world as files, and runs over it under the settings of the tests."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import Request, read_settings, run

SPARK = [
    "spark.master=local[2]",
    "spark.driver_memory=2g",
    "spark.shuffle_partitions=2",
]


@dataclass(frozen=True)
class Universe:
    """A simulated world as files, and the lake that a run has made of it."""

    files: Path
    lake: Lake
    reports: Path
    said: str

    def settings(self, *assignments: str, lake: Path | None = None):
        """Settings for the universe's lake, or for another one with its reports beside it."""
        return read_settings(
            None,
            [
                f"lake={lake or self.lake.root}",
                f"reports={lake.parent / 'reports' if lake else self.reports}",
                f"inputs.customs={self.files / 'customs'}",
                f"inputs.comtrade={self.files / 'comtrade'}",
                f"inputs.national={self.files / 'statistics'}",
                *SPARK,
                *assignments,
            ],
        )

    def run(self, *assignments: str, lake: Path | None = None, **request) -> str:
        """Runs the flow; returns what it said."""
        screen = io.StringIO()
        settings = self.settings(*assignments, lake=lake)
        run(Request("haiguan run", **request), settings, Console(file=screen, width=200))
        return screen.getvalue()
