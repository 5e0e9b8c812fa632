"""The history of a table: its versions, and what each run did to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from haiguan.jobs.analyst.catalogue import commits, rows_per_slice, stored
from haiguan.jobs.analyst.dictionary import manifest_rows
from haiguan.jobs.runtime.lake import Lake


@dataclass(frozen=True)
class Commit:
    """One version of a table.

    Attributes:
        version: of the Delta table.
        committed_at: when, UTC.
        run_id: the run that committed it; None where the commit only set the table up.
        operation: what Delta calls it.
        rows: of the table at that version.
        slices: ids of the slices that were published or removed with it.
        reasons: why, as the manifest says.
    """

    version: int
    committed_at: datetime
    run_id: str | None
    operation: str
    rows: int
    slices: tuple[str, ...]
    reasons: tuple[str, ...]


def table_history(lake: Lake, name: str, limit: int | None = None) -> list[Commit]:
    """The versions of a table, newest first.

    Args:
        lake: that holds it.
        name: of the table.
        limit: how many at most; None: all.

    Raises:
        InputError: no such table.
    """
    recorded = manifest_rows(lake, name)
    return [
        Commit(
            version=commit["version"],
            committed_at=datetime.fromtimestamp(commit["timestamp"] / 1000, timezone.utc),
            run_id=commit.get("userMetadata"),
            operation=commit["operation"],
            rows=sum(rows_per_slice(stored(lake, name, commit["version"])).values()),
            slices=tuple(r["slice_id"] for r in recorded if r["delta_version"] == commit["version"]),
            reasons=tuple(sorted({r["reason"] for r in recorded if r["delta_version"] == commit["version"]})),
        )
        for commit in commits(lake, name, limit)
    ]
