"""Sources whose files are delivered by the user: which slices they have, what is wrong with them, how they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from pyspark.sql import SparkSession

from haiguan.jobs.runtime.code import code_hash
from haiguan.jobs.runtime.delivery import Delivery
from haiguan.jobs.runtime.inventory import File, Known, Looking, take_inventory
from haiguan.jobs.runtime.lake import Slice
from haiguan.jobs.runtime.layouts import Layout, load_layouts
from haiguan.jobs.runtime.manifest import slice_id
from haiguan.jobs.runtime.readers import read_files
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.customs.deliveries import WHOLE_YEAR, contested_months
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES, Table

RAW = {"customs": "raw_customs__declarations", "comtrade": "raw_trade__comtrade"}
"""Source -> the table of its files."""


@dataclass(frozen=True)
class Source:
    """One source, looked through but not yet read.

    Attributes:
        slices: slice id -> slice.
        sliced_by: the columns of a slice.
        fingerprints: slice id -> hash of what the slice holds.
        read: the frame of some slices.
        files: those of an input, for the manifest.
        records: slice id -> about how many records it has, where that is known.
        notes: what people should know of the files, one sentence each.
        faults: what only reading the files shows to be wrong with them.
    """

    slices: Mapping[str, Slice]
    fingerprints: Mapping[str, str]
    read: Callable[[SparkSession, Sequence[Slice]], Any]
    files: Sequence[File] = ()
    sliced_by: tuple[str, ...] = ()
    records: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    faults: Callable[[SparkSession], list[str]] = lambda _: []


def delivered_files(source: str, settings: Settings, known: Mapping[str, Known]) -> Source:
    """A source of files: found and hashed, not yet read.

    Raises:
        InputError: all faults of all its files.
    """
    table = TABLES[RAW[source]]
    scratch = Scratch(settings.run.scratch)
    looking = Looking(load_layouts(source, settings.run.layouts), settings.run.years, known, scratch)
    found = take_inventory(source, getattr(settings.inputs, source), looking)
    files, left_out = _of_chosen_editions(found, settings.run.editions)
    keyed = {_slice_text(file, table): file for file in files}

    def read(session: SparkSession, slices: Sequence[Slice]) -> Delivery:
        return read_files(session, [keyed[slice_id(values)] for values in slices], table, scratch)

    return Source(
        slices={text: _slice_of(file, table) for text, file in keyed.items()},
        fingerprints={text: _fingerprint(file) for text, file in keyed.items()},
        read=read,
        files=files,
        sliced_by=table.slice,
        records={text: file.records for text, file in keyed.items()},
        notes=tuple(_notes(source, files, left_out, scratch)),
        faults=partial(_contested, source, files, known, table, scratch),
    )


def _of_chosen_editions(found: Sequence[File], editions: Mapping[int, str]) -> tuple[list[File], list[File]]:
    """The files to read, and those of a year for which the settings name another edition.

    Raises:
        InputError: no file is of the edition that is named for its year.
    """
    delivered = {(file.year, file.layout.edition) for file in found}
    faults = []
    for year, edition in sorted(editions.items()):
        there = sorted(name for of_year, name in delivered if of_year == year)
        if there and edition not in there:
            faults.append(f"run.editions: no file of {year} is of edition {edition}; there are {', '.join(there)}")
    if faults:
        raise InputError(*faults)
    chosen = {file.name for file in found if editions.get(file.year or 0, file.layout.edition) == file.layout.edition}
    return [file for file in found if file.name in chosen], [file for file in found if file.name not in chosen]


def _contested(
    source: str,
    files: Sequence[File],
    known: Mapping[str, Known],
    table: Table,
    scratch: Scratch,
    session: SparkSession,
) -> list[str]:
    """Years of which two editions cover the same months, with both totals.

    Only years with a new file are read for it: an earlier run has found the others to be right.
    """
    editions: dict[int, set[str]] = {}
    for file in files:
        editions.setdefault(file.year or 0, set()).add(file.layout.edition)
    doubtful = {year for year, names in editions.items() if year and len(names) > 1}
    years = {file.year for file in files if file.year in doubtful and _is_new(file, known)}
    of_years = [file for file in files if file.year in years]
    if not of_years or "period_text" not in table.column_names:
        return []
    layouts = {file.layout.name: file.layout for file in of_years}
    rows = [row for layout in layouts.values() for row in layout_rows(layout)]
    described = session.createDataFrame(rows, TABLES["core_customs__layouts"].ddl)
    found = contested_months(read_files(session, of_years, table, scratch).frame(), described).collect()
    return [
        _choice(source, year, [row for row in found if row.year == year]) for year in sorted({r.year for r in found})
    ]


def _is_new(file: File, known: Mapping[str, Known]) -> bool:
    return file.name not in known or known[file.name].sha256 != file.sha256


def _choice(source: str, year: int, rows: Sequence[Any]) -> str:
    months = sorted({row.month for row in rows})
    totals = []
    for edition in sorted({row.edition for row in rows}):
        of_edition = [row for row in rows if row.edition == edition]
        records = sum(row.records for row in of_edition)
        amount = sum(row.amount_usd or 0 for row in of_edition)
        totals.append(f"{edition}: {records:,} rows, {amount:,.2f} US dollars")
    names = sorted({row.edition for row in rows})
    return (
        f"inputs.{source}: two editions cover {_shown_months(year, months)} ({'; '.join(totals)}); say which of them "
        f"is to be read with --set 'run.editions={{{year}: {names[0]}}}' or {names[1]}, or take the files of one out"
    )


def _shown_months(year: int, months: Sequence[int]) -> str:
    if WHOLE_YEAR in months:
        return str(year)
    return f"{year}-{months[0]:02d}" + (f" to {year}-{months[-1]:02d}" if len(months) > 1 else "")


def _notes(source: str, files: Sequence[File], left_out: Sequence[File], scratch: Scratch) -> Iterator[str]:
    for file in files:
        if file.repeats:
            copies = ", ".join(copy.name for copy in file.repeats)
            yield f"inputs.{source}: {file.name} was delivered {file.copies} times and is read once; the same: {copies}"
    if left_out:
        names = _some([file.name for file in left_out])
        yield f"inputs.{source}: not read, since run.editions names another edition: {names}"
    unpacked = [file.name for file in files if scratch.unpacks(file.content)]
    if unpacked:
        yield f"inputs.{source}: unpacked to {scratch.where} on this machine where they are read: {_some(unpacked)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _slice_of(file: File, table: Table) -> dict[str, Any]:
    return {name: getattr(file, name) for name in table.slice}


def _slice_text(file: File, table: Table) -> str:
    return slice_id(_slice_of(file, table))


def _fingerprint(file: File) -> str:
    """Of all that the rows of a file depend on: its bytes and its name, how often it came, and how it is read."""
    layout = file.layout.model_dump_json(exclude={"labels"})
    parts = [file.sha256, file.name, file.copies, layout, _reader_code()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@cache
def _reader_code() -> str:
    return code_hash(read_files)


def layout_rows(layout: Layout) -> list[list[Any]]:
    """core_customs__layouts of a layout: a row for each span of years with one HS revision."""
    return [
        [
            layout.name,
            layout.edition,
            first_year,
            last_year,
            revision,
            list(layout.period),
            layout.period_rule,
            layout.product_digits,
            layout.product_is_number,
            layout.firm_code,
            layout.partner_coding,
            layout.partner_basis,
            layout.thousands_separator,
            layout.decimal_separator,
        ]
        for first_year, last_year, revision in layout.revisions()
    ]
