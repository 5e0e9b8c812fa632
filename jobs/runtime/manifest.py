"""What runs leave behind: the manifest, the verdicts of the gates and the ledger, as tables of the lake."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from haiguan.expectations.gate import Verdict
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.inventory import File, Known
from haiguan.jobs.runtime.lake import Lake, Slice
from haiguan.transforms.schema import TABLES

MANIFEST, GATES, LEDGER = "ops_runs__manifest", "ops_runs__gates", "ops_runs__ledger"


@dataclass(frozen=True)
class Fingerprint:
    """What a slice was made from: hashes of its inputs, of the settings it read and of the code."""

    inputs: str
    settings: str
    code: str

    @property
    def digest(self) -> str:
        """One hash of the three."""
        return hashlib.sha256(f"{self.inputs} {self.settings} {self.code}".encode()).hexdigest()

    def differs(self, other: Fingerprint) -> str:
        """The parts that differ from another's, as a reason; empty where none does."""
        changed = [name for name in ("inputs", "settings", "code") if getattr(self, name) != getattr(other, name)]
        return ", ".join(
            {"inputs": "input changed", "settings": "settings changed", "code": "code changed"}[c] for c in changed
        )


@dataclass(frozen=True)
class Published:
    """A slice as it was last published."""

    slice: Slice
    fingerprint: Fingerprint
    suite: str
    version: int
    records: int
    amount: Decimal | None


def slice_id(values: Slice) -> str:
    """A slice as text: `year=2004`, `year=2004/file_id=1a2b`; empty for a whole table."""
    return "/".join(f"{name}={value}" for name, value in values.items())


def parse_slice(text: str) -> dict[str, Any]:
    """The slice that `slice_id` wrote; numbers come back as numbers for the years only."""
    pairs = [part.split("=", 1) for part in text.split("/") if part]
    return {name: int(value) if re.fullmatch("year", name) else value for name, value in pairs}


class Manifest:
    """Reads and writes the operations tables of one lake, for one run."""

    def __init__(self, lake: Lake, run_id: str) -> None:
        """Reads what earlier runs have left."""
        self._lake = lake
        self._run_id = run_id
        self._slices: dict[str, dict[str, Published]] = {}
        self._files: dict[str, dict[str, Known]] = {}
        for row in self._rows():
            self._remember(row)

    def slices(self, table: str) -> dict[str, Published]:
        """Slice id -> slice of a table as last published."""
        return self._slices.get(table, {}) if self._lake.exists(table) else {}

    def known_files(self, source: str) -> dict[str, Known]:
        """Name -> size, time and checksum of the files of a source when they were last read."""
        return self._files.get(source, {})

    def record_published(self, together: Mapping[str, Sequence[Published]], reason: str, seconds: float) -> None:
        """Writes, in one commit, that slices of tables that belong together were published."""
        rows = [
            self._slice_row(table, entry, reason, seconds) for table, entries in together.items() for entry in entries
        ]
        self._write(rows)

    def record_removed(self, table: str, slices: Iterable[str], version: int) -> None:
        """Writes that slices of a table hold nothing any more."""
        rows = [{"name": table, "slice_id": text, "delta_version": version, "status": "removed"} for text in slices]
        self._write([{"entry": "slice", "reason": "its input is gone", **row} for row in rows])

    def record_files(self, source: str, files: Iterable[File]) -> None:
        """Writes which files of a source were read, copies included, where they are new or changed."""
        known = self.known_files(source)
        every = [(one, "read" if one is file else "repeated") for file in files for one in (file, *file.repeats)]
        self._write([_file_row(source, file, s) for file, s in every if known.get(file.name) != _known(file)])

    def record_run(self, status: str, **facts: Any) -> None:
        """Writes that the run started or ended."""
        self._write([{"entry": "run", "name": facts.pop("command"), "slice_id": "", "status": status, **facts}])

    def record_verdicts(self, table: str, slices: Sequence[Slice], verdicts: Iterable[Verdict]) -> None:
        """Writes what a gate said."""
        rows = [
            {
                "run_id": self._run_id,
                "table_name": table,
                "slice_id": _together(slices),
                "expectation": verdict.expectation,
                "severity": verdict.severity,
                "is_success": verdict.is_success,
                "evaluated": verdict.evaluated,
                "unexpected": verdict.unexpected,
                "observed": verdict.observed,
                "exception": verdict.exception,
                "recorded_at": _now(),
            }
            for verdict in verdicts
        ]
        delta.append(self._lake.path(GATES), TABLES[GATES], rows, self._run_id)

    def record_ledger(self, table: str, slices: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the account of some slices of a table."""
        replaced = sorted(slices)
        if not replaced:
            return
        listed = ", ".join(f"'{text}'" for text in replaced)
        stamped = [{"table_name": table, "run_id": self._run_id, "recorded_at": _now(), **row} for row in rows]
        exists = delta.exists(self._lake.path(LEDGER))
        condition = f"table_name = '{table}' AND slice_id IN ({listed})" if exists else None
        delta.append(self._lake.path(LEDGER), TABLES[LEDGER], stamped, self._run_id, replacing=condition)

    def _rows(self) -> list[dict[str, Any]]:
        if not delta.exists(self._lake.path(MANIFEST)):
            return []
        rows = delta.read(self._lake.path(MANIFEST))
        return rows.take(pc.sort_indices(rows, [("recorded_at", "ascending")])).to_pylist()

    def _remember(self, row: Mapping[str, Any]) -> None:
        if row["entry"] == "slice" and row["status"] == "removed":
            self._slices.get(row["name"], {}).pop(row["slice_id"], None)
        elif row["entry"] == "slice":
            self._slices.setdefault(row["name"], {})[row["slice_id"]] = _published(row)
        elif row["entry"] == "input":
            told = json.loads(row["details"])
            headings = tuple(told.get("headings", ()))
            known = Known(
                row["bytes"],
                row["modified_at"],
                row["fingerprint"],
                told.get("encoding", ""),
                headings,
                told.get("records"),
            )
            self._files.setdefault(row["name"], {})[row["slice_id"]] = known

    def _slice_row(self, table: str, entry: Published, reason: str, seconds: float) -> dict[str, Any]:
        return {
            "entry": "slice",
            "name": table,
            "slice_id": slice_id(entry.slice),
            "status": "published",
            "reason": reason,
            "fingerprint": json.dumps(vars(entry.fingerprint)),
            "suite_fingerprint": entry.suite,
            "delta_version": entry.version,
            "records": entry.records,
            "amount_usd": entry.amount,
            "seconds": seconds,
        }

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        stamped = [{"run_id": self._run_id, "recorded_at": _now(), **row} for row in rows]
        delta.append(self._lake.path(MANIFEST), TABLES[MANIFEST], stamped, self._run_id)
        for row in stamped:
            self._remember(row)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _together(slices: Sequence[Slice]) -> str:
    ids = [slice_id(values) for values in slices]
    return ids[0] if len(ids) == 1 else f"{ids[0]} .. {ids[-1]} ({len(ids)} slices)" if ids else ""


def _published(row: Mapping[str, Any]) -> Published:
    return Published(
        slice=parse_slice(row["slice_id"]),
        fingerprint=Fingerprint(**json.loads(row["fingerprint"])),
        suite=row["suite_fingerprint"],
        version=row["delta_version"],
        records=row["records"],
        amount=row["amount_usd"],
    )


def _known(file: File) -> Known:
    content = file.content
    return Known(content.size, content.modified_at, file.sha256, file.encoding, file.headings, file.records)


def _file_row(source: str, file: File, status: str) -> dict[str, Any]:
    details = {
        "layout": file.layout.name,
        "copies": file.copies,
        "encoding": file.encoding,
        "headings": file.headings,
        "records": file.records,
    }
    return {
        "entry": "input",
        "name": source,
        "slice_id": file.name,
        "status": status,
        "fingerprint": file.sha256,
        "bytes": file.content.size,
        "modified_at": file.content.modified_at,
        "details": json.dumps(details, ensure_ascii=False),
    }
