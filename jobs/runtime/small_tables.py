"""Small tables of the user's, as CSV: published totals and exchange rates, checked line by line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from haiguan.jobs.runtime.inventory import expand
from haiguan.transforms.errors import InputError

_FAULTS_SHOWN = 20


@dataclass(frozen=True)
class SmallTable:
    """What the files of a source hold: column -> pattern of its values, and which of them may be empty."""

    columns: Mapping[str, str]
    may_be_empty: tuple[str, ...] = ()


SMALL_TABLES = {
    "exchange_rates": SmallTable(
        columns={
            "currency_code": "[A-Za-z]{3}",
            "year": r"\d{4}",
            "month": r"(0|[1-9]|0[1-9]|1[0-2])",
            "usd_per_unit": r"\d{1,8}(\.\d+)?",
        },
        may_be_empty=("month",),
    ),
    "national": SmallTable(
        columns={
            "year": r"\d{4}",
            "month": r"(0|[1-9]|0[1-9]|1[0-2])",
            "direction": "(export|import)",
            "regime": "[a-z_]+",
            "value_usd": r"\d{1,16}(\.\d+)?",
        },
        may_be_empty=("month", "regime"),
    ),
}
"""Source -> its files: one heading line with at least these columns, UTF-8, commas. Empty: the year, all regimes."""


def small_rows(source: str, paths: str | Sequence[str]) -> list[list[str]]:
    """The rows of all files of a source, in the columns of `SMALL_TABLES`, every value as text.

    Raises:
        InputError: there is no file, a column is missing, or values are not what they must be.
    """
    table = SMALL_TABLES[source]
    files = sorted(path for root in ([paths] if isinstance(paths, str) else paths) for path, _ in expand(root))
    faults = [] if files else [f"inputs.{source}: no file at {paths}; name a CSV file with {_needed(table)}"]
    rows: list[list[str]] = []
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            lacking = [name for name in table.columns if name not in (reader.fieldnames or ())]
            if lacking:
                faults.append(f"{path}, line 1: {', '.join(lacking)} not there; {source} has {_needed(table)}")
                continue
            found = [{name: (row[name] or "").strip() for name in table.columns} for row in reader]
        faults += _faults(path, found, table)
        rows += [list(row.values()) for row in found]
    if faults:
        raise InputError(*faults[:_FAULTS_SHOWN])
    return rows


def _needed(table: SmallTable) -> str:
    return f"the columns {', '.join(table.columns)}"


def _faults(path: Path, rows: Sequence[Mapping[str, str]], table: SmallTable) -> Iterator[str]:
    for line, row in enumerate(rows, start=2):
        for name, pattern in table.columns.items():
            is_empty = not row[name] and name in table.may_be_empty
            if not is_empty and not re.fullmatch(pattern, row[name]):
                yield f"{path}, line {line}: {name} is `{row[name]}`, but must look like {pattern}; mend the file"
