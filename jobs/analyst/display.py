"""What the commands of the analyst print: one grid or paragraph per kind of answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from haiguan.jobs.analyst.catalogue import Entry
from haiguan.jobs.analyst.dictionary import Description, PublishedSlice
from haiguan.jobs.analyst.difference import Difference, Example
from haiguan.jobs.analyst.doctor import Finding
from haiguan.jobs.analyst.history import Commit
from haiguan.transforms.schema import Column, Table

# Away from a terminal nothing is wrapped or cut, so that what is printed can be searched and piped.
_UNBOUNDED = 10_000


def screen() -> Console:
    """Where answers are printed."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_UNBOUNDED)


def grid(headings: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> Grid:
    """Rows under headings; the columns named in `right` are set flush right."""
    made = Grid(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        made.add_column(Text(heading), justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(value)) for value in row))
    return made


def shown(value: Any) -> str:
    """A value as text: empty for null, integers as they are, times to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return " ".join(map(shown, value))
    return str(value)


def tables(entries: Iterable[Entry]) -> Grid:
    """The catalogue of a lake."""
    rows = [
        (
            e.table.layer,
            e.table.name,
            f"{sum(e.rows.values()):,}",
            f"{len(e.rows):,}" if e.table.slice else "",
            e.version,
            e.run_id or "never published",
            e.table.grain,
        )
        for e in entries
    ]
    headings = ("layer", "table", "rows", "slices", "version", "last run", "one row is")
    return grid(headings, rows, right=("rows", "slices", "version"))


def description(told: Description) -> list[Grid | Text]:
    """The data dictionary's entry of a table."""
    headings = ("column", "type", "unit", "null", "meaning", "allowed")
    parts: list[Grid | Text] = [
        grid(("table", told.table.name), _about(told)),
        Text(),
        grid(headings, [_column(told.table, column) for column in told.table.columns]),
    ]
    if told.slices:
        parts.extend((Text(), _slices(told.slices)))
    return parts


def _about(told: Description) -> list[tuple[str, str]]:
    table = told.table
    made_from = [*told.inputs, *(f"files of inputs.{source}" for source in told.sources)]
    held = told.published
    state = f"version {held.version}, {sum(held.rows.values()):,} rows" if held and held.run_id else "not in this lake"
    facts = [
        ("one row is", table.grain),
        ("key", ", ".join(table.key)),
        ("slice", ", ".join(table.slice) or "none: replaced whole"),
        ("made by", f"haiguan run --to {told.stage}" if told.stage else "every run"),
        ("made from", ", ".join(made_from)),
        ("settings", ", ".join(told.sections)),
        ("published", state),
        ("warning", table.warning or ""),
        (
            "out of date",
            "" if told.is_as_declared else "its columns are declared otherwise now; the next run rebuilds it",
        ),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _column(table: Table, column: Column) -> tuple[str, ...]:
    allowed = ", ".join(column.values) if column.values else column.check or ""
    null = "may be" if column.name in table.optional else ""
    return column.name, column.type, column.unit or "", null, column.label, allowed


def _slices(slices: Iterable[PublishedSlice]) -> Grid:
    rows = [
        (s.slice_id or "whole table", f"{s.rows:,}", s.version, s.run_id, s.published_at, s.code_revision, s.reason)
        for s in slices
    ]
    headings = ("slice", "rows", "version", "run", "published (UTC)", "code", "why")
    return grid(headings, rows, right=("rows", "version"))


def history(commits: Iterable[Commit]) -> Grid:
    """The versions of a table."""
    rows = [
        (c.version, c.committed_at, c.run_id, c.operation, f"{c.rows:,}", _span(c.slices), ", ".join(c.reasons))
        for c in commits
    ]
    headings = ("version", "when (UTC)", "run", "operation", "rows", "slices", "why")
    return grid(headings, rows, right=("version", "rows"))


def _span(slices: Sequence[str]) -> str:
    named = sorted(filter(None, slices))
    return f"{named[0]} .. {named[-1]} ({len(named)})" if len(named) > 1 else "".join(named)


def difference(found: Difference) -> list[Grid | Text]:
    """What sets two versions apart, from the columns to the single rows."""
    first, second = (f"{which}: version {v}" for which, v in zip(("first", "second"), found.versions, strict=True))
    said = "equal, row for row" if found.is_equal else "they differ"
    sums = [(f"sum of {name}", before, after) for name, (before, after) in found.sums.items()]
    counts = [("keys added", "", f"{found.added:,}"), ("keys removed", f"{found.removed:,}", "")]
    return [
        Text(f"{found.table.name}: {said}"),
        *(Text(f"  {sentence}") for sentence in found.schema),
        grid(("", first, second), [("rows", *(f"{rows:,}" for rows in found.rows)), *sums, *counts], (first, second)),
        Text(f"keys with other values: {found.changed:,}"),
        *(Text(f"  {name}: {count:,}") for name, count in found.columns.items()),
        *(Text(f"  {_example(example)}") for example in found.examples),
    ]


def _example(example: Example) -> str:
    key = ", ".join(f"{name}={shown(value)}" for name, value in example.key.items())
    values = "; ".join(f"{name} {before!s} -> {after!s}" for name, (before, after) in example.values.items())
    return f"{example.kind}: {key}" + (f": {values}" if values else "")


def finding(found: Finding) -> Text:
    """One line of the doctor's."""
    line = Text.assemble((f"{'ok' if found.is_well else 'WRONG':<6}", "green" if found.is_well else "red"))
    return line.append(f"{found.subject:<9} {found.found}" + (f". {found.remedy}" if found.remedy else ""))
