"""What the lake remembers: the run, the input files, the published slices, the ledger and the gates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import GATES, LEDGER, MANIFEST, slice_id
from haiguan.transforms.schema import TABLES

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run as its manifest tells it.

    Attributes:
        run_id: of the run.
        command: as typed.
        started_at: UTC.
        seconds: how long it took; None where it has not ended.
        exit_code: None where it has not ended.
        code_revision: of the code that ran.
        settings: as the manifest holds them, secrets masked.
    """

    run_id: str
    command: str
    started_at: datetime | None
    seconds: float | None
    exit_code: int | None
    code_revision: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class InputFile:
    """One file that the lake holds records of."""

    source: str
    name: str
    bytes: int
    sha256: str
    modified_at: datetime
    layout: str
    copies: int
    run_id: str

    @property
    def file_id(self) -> str:
        """As in raw tables: first 16 hex digits of the SHA-256 of the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PublishedSlice:
    """A slice as last published: what it holds, and which run and code made it, when and why."""

    table: str
    slice_id: str
    version: int
    records: int
    amount: Decimal | None
    reason: str
    run_id: str
    code_revision: str
    recorded_at: datetime


@dataclass(frozen=True)
class Record:
    """All that the report says about a lake, as of one run.

    Attributes:
        run: the run reported on.
        files: in the order of source and name.
        slices: table -> slice id -> slice, tables in the order of the schema.
        ledger: rows of ops_runs__ledger.
        verdicts: rows of ops_runs__gates that stand: of the runs that made what is published now, and of the last.
    """

    run: Run
    files: Sequence[InputFile]
    slices: Mapping[str, Mapping[str, PublishedSlice]]
    ledger: Sequence[Row]
    verdicts: Sequence[Row]

    def records(self, table: str) -> int:
        """Published records of a table."""
        return sum(entry.records for entry in self.slices.get(table, {}).values())

    def amount(self, table: str) -> Decimal | None:
        """Published US dollars of a table; None where it has none."""
        return total(entry.amount for entry in self.slices.get(table, {}).values())

    def version(self, table: str) -> int | None:
        """The last version of a table that took a slice in."""
        return max((entry.version for entry in self.slices.get(table, {}).values()), default=None)


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the amounts that are known; None where none is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def read_record(lake: Lake, run_id: str) -> Record:
    """Reads the operations tables of a lake.

    Raises:
        LookupError: the lake's manifest holds nothing of the run.
    """
    manifest = _rows(lake, MANIFEST)
    slices = _slices(lake, manifest)
    return Record(
        run=_run(manifest, run_id),
        files=_files(manifest),
        slices=slices,
        ledger=[row for row in _rows(lake, LEDGER) if row["table_name"] in slices],
        verdicts=_standing(_rows(lake, GATES), slices),
    )


def _rows(lake: Lake, table: str) -> list[Row]:
    """The rows in the order in which they were written."""
    if not lake.exists(table):
        return []
    keys = TABLES[table].key
    return sorted(
        delta.read(lake.path(table)).to_pylist(), key=lambda row: (row["recorded_at"], *(row[name] for name in keys))
    )


def _run(manifest: Sequence[Row], run_id: str) -> Run:
    entries = {row["status"]: row for row in manifest if row["entry"] == "run" and row["run_id"] == run_id}
    if not entries:
        raise LookupError(f"{run_id}: the manifest of this lake holds no such run")
    started, ended = entries.get("started", {}), entries.get("ended", {})
    either = started or ended
    return Run(
        run_id=run_id,
        command=either["name"],
        started_at=started.get("recorded_at"),
        seconds=ended.get("seconds"),
        exit_code=ended.get("exit_code"),
        code_revision=either["code_revision"] or "",
        settings=json.loads(started.get("details") or "{}"),
    )


def _files(manifest: Sequence[Row]) -> list[InputFile]:
    """Every file as last read."""
    latest = {(row["name"], row["slice_id"]): row for row in manifest if row["entry"] == "input"}
    return [_file(latest[key]) for key in sorted(latest)]


def _file(row: Row) -> InputFile:
    details = json.loads(row["details"] or "{}")
    return InputFile(
        source=row["name"],
        name=row["slice_id"],
        bytes=row["bytes"],
        sha256=row["fingerprint"],
        modified_at=row["modified_at"],
        layout=details.get("layout", ""),
        copies=details.get("copies", 1),
        run_id=row["run_id"],
    )


def _slices(lake: Lake, manifest: Sequence[Row]) -> dict[str, dict[str, PublishedSlice]]:
    revisions = {row["run_id"]: row["code_revision"] or "" for row in manifest if row["entry"] == "run"}
    found: dict[str, dict[str, Row]] = {}
    for row in manifest:
        if row["entry"] == "slice" and row["status"] == "removed":
            found.get(row["name"], {}).pop(row["slice_id"], None)
        elif row["entry"] == "slice":
            found.setdefault(row["name"], {})[row["slice_id"]] = row
    published = [name for name in TABLES if name in found and lake.exists(name)]
    return {name: _slices_of_table(lake, name, found[name], revisions) for name in published}


def _slices_of_table(
    lake: Lake, table: str, rows: Mapping[str, Row], revisions: Mapping[str, str]
) -> dict[str, PublishedSlice]:
    lacks_amounts = all(row["amount_usd"] is None for row in rows.values())
    amounts = value_by_slice(lake, table) if lacks_amounts else {}
    return {
        text: PublishedSlice(
            table=table,
            slice_id=text,
            version=row["delta_version"],
            records=row["records"],
            amount=row["amount_usd"] if row["amount_usd"] is not None else amounts.get(text),
            reason=row["reason"] or "",
            run_id=row["run_id"],
            code_revision=revisions.get(row["run_id"], ""),
            recorded_at=row["recorded_at"],
        )
        for text, row in sorted(rows.items())
    }


def value_by_slice(lake: Lake, table: str) -> dict[str, Decimal]:
    """Slice id -> US dollars of a table whose value stands in several columns, such as exports and imports.

    The sum of its decimal columns that end in `value_usd`; empty where it has none.
    """
    declared = TABLES[table]
    values = [
        column.name
        for column in declared.columns
        if column.name.endswith("value_usd") and column.type.startswith("decimal")
    ]
    if not values:
        return {}
    rows = delta.read(lake.path(table), [*declared.slice, *values])
    sums = rows.group_by(list(declared.slice)).aggregate([(name, "sum") for name in values]).to_pylist()
    return {
        slice_id({name: row[name] for name in declared.slice}): sum(
            (row[f"{name}_sum"] for name in values if row[f"{name}_sum"] is not None), Decimal(0)
        )
        for row in sums
    }


def _standing(verdicts: Sequence[Row], slices: Mapping[str, Mapping[str, PublishedSlice]]) -> list[Row]:
    """The verdicts on what is published now, and the last ones of every table whether it was published or not."""
    last = {row["table_name"]: row["run_id"] for row in verdicts}
    makers = {table: {entry.run_id for entry in entries.values()} for table, entries in slices.items()}
    latest = {
        (row["table_name"], row["slice_id"], row["expectation"]): row
        for row in verdicts
        if row["run_id"] == last[row["table_name"]] or row["run_id"] in makers.get(row["table_name"], set())
    }
    return list(latest.values())
