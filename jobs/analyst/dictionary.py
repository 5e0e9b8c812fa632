"""The data dictionary: what a table holds, column by column, and who made what is published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from haiguan.jobs.analyst.catalogue import Entry, declared, entry
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.graph import Node, build_graph
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import MANIFEST
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import Table


@dataclass(frozen=True)
class PublishedSlice:
    """One slice of a published table, and the run that made it; empty where no run has recorded it.

    Attributes:
        slice_id: such as `year=2004`; empty for a whole table.
        rows: how many it has.
        version: Delta version that took it in.
        run_id: the run.
        published_at: when, UTC.
        code_revision: of the code that ran.
        reason: why it was built.
    """

    slice_id: str
    rows: int
    version: int | None
    run_id: str | None
    published_at: datetime | None
    code_revision: str | None
    reason: str | None


@dataclass(frozen=True)
class Description:
    """A table's entry in the data dictionary.

    Attributes:
        table: its declaration.
        stage: the stage that makes it; None for the tables in which runs are recorded.
        inputs: the tables it is made from.
        sources: the sources whose files it is made from.
        sections: the sections of the settings that it depends on.
        published: the table as published; None where it is not.
        slices: what is published, slice by slice.
        is_as_declared: whether the published columns are those declared now.
    """

    table: Table
    stage: str | None
    inputs: tuple[str, ...]
    sources: tuple[str, ...]
    sections: tuple[str, ...]
    published: Entry | None
    slices: tuple[PublishedSlice, ...]
    is_as_declared: bool


def describe_table(name: str, lake: Lake | None) -> Description:
    """The entry of one table.

    Args:
        name: of the table.
        lake: where it may be published; None: only what is declared is told.

    Raises:
        InputError: no table has that name.
    """
    table = declared(name)
    maker = _maker(name)
    held = lake if lake is not None and lake.exists(name) else None
    found = entry(held, name) if held else None
    return Description(
        table=table,
        stage=maker.stage if maker else None,
        inputs=maker.inputs if maker else (),
        sources=maker.sources if maker else (),
        sections=tuple(sorted(maker.sections)) if maker else (),
        published=found,
        slices=_slices(held, found) if held and found else (),
        is_as_declared=held is None or held.is_as_declared(table),
    )


def _maker(name: str) -> Node | None:
    """The node of the table, or of the table whose rejected records it takes."""
    nodes = build_graph(STAGES).values()
    return next((n for n in nodes if name == n.name or (n.quarantine is not None and n.quarantine.name == name)), None)


def _slices(lake: Lake, found: Entry) -> tuple[PublishedSlice, ...]:
    rows = manifest_rows(lake, found.table.name)
    revisions = {row["run_id"]: row["code_revision"] for row in manifest_rows(lake, None)}
    last: dict[str, Mapping[str, Any]] = {row["slice_id"]: row for row in rows}
    return tuple(
        PublishedSlice(
            slice_id=text,
            rows=count,
            version=last.get(text, {}).get("delta_version"),
            run_id=last.get(text, {}).get("run_id"),
            published_at=last.get(text, {}).get("recorded_at"),
            code_revision=revisions.get(last.get(text, {}).get("run_id")),
            reason=last.get(text, {}).get("reason"),
        )
        for text, count in found.rows.items()
    )


def manifest_rows(lake: Lake, table: str | None) -> list[dict[str, Any]]:
    """Rows of the manifest, oldest first: of the slices of a table; of the runs themselves where none is named."""
    if not lake.exists(MANIFEST):
        return []
    rows = delta.read(lake.path(MANIFEST))
    wanted = pc.equal(rows["entry"], "run" if table is None else "slice")
    if table is not None:
        wanted = pc.and_(wanted, pc.equal(rows["name"], table))
    return rows.filter(wanted).sort_by("recorded_at").to_pylist()
