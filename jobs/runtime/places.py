"""Administrative divisions by year: from the revisions of a national list to the years in which each was in force."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from haiguan.jobs.runtime.inventory import expand
from haiguan.transforms.errors import InputError

COLUMNS = ("place_code", "first_year", "last_year", "place_name", "place_level", "parent_code")
_REVISION = re.compile(r"\d{6}\.tsv")
_HEADINGS = ("Source", "Revision", "Code", "Name")
_DIGITS = (2, 4, 6)  # of a code, by level
SINCE, UNTIL = 1980, 2100  # first year of what the first list holds, last year of what the last one holds

Revision = Mapping[str, str]
Row = list[str | int | None]


def dated_divisions(paths: str | Sequence[str], no_places: Iterable[str]) -> list[Row]:
    """The divisions of all revisions below the paths, in the columns of `COLUMNS`.

    A year has the divisions of its last revision, a year without one those of the revision before it; what the first
    revision holds goes back to `SINCE`, what the last one holds on to `UNTIL`. Of two lists with the same revision, the
    one holds that is named later.

    Args:
        paths: folders with files `<yyyyMM>.tsv` in the layout of the GB2260 data (Source, Revision, Code, Name).
        no_places: names that only group others and that no address has.

    Raises:
        InputError: no such file is there, or one has other headings.
    """
    revisions = _revisions([paths] if isinstance(paths, str) else paths)
    last_of_year = {revision // 100: revision for revision in sorted(revisions)}
    in_force: dict[int, Revision] = {}
    for year in range(min(last_of_year), max(last_of_year) + 1):
        found = revisions[last_of_year[year]] if year in last_of_year else in_force[year - 1]
        in_force[year] = {code: name for code, name in found.items() if name not in set(no_places)}
    return _intervals(in_force)


def _revisions(roots: Iterable[str]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    faults = []
    for root in roots:
        files = sorted(path for path, _ in expand(root) if _REVISION.fullmatch(path.name))
        if not files:
            faults.append(
                f"inputs.places: {root}: no <yyyyMM>.tsv there; name the folders of the GB2260 data, or set it to null "
                "to use the embedded divisions"
            )
        for path in files:
            try:
                found.setdefault(int(path.stem), {}).update(_revision(path))
            except (KeyError, UnicodeDecodeError) as error:
                faults.append(f"inputs.places: {path}: needs the headings {', '.join(_HEADINGS)} ({error})")
    if faults:
        raise InputError(*faults)
    return found


def _revision(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return {row["Code"]: row["Name"].strip() for row in csv.DictReader(lines, delimiter="\t")}


def _intervals(in_force: Mapping[int, Revision]) -> list[Row]:
    """One row for each run of years in which a code has the same name and parent."""
    described = sorted(
        (code, name, _parent(code, divisions) or "", year)
        for year, divisions in in_force.items()
        for code, name in divisions.items()
    )
    rows: list[Row] = []
    for (code, name, parent), group in groupby(described, key=lambda row: row[:3]):
        for first, last in _runs([row[3] for row in group]):
            since = SINCE if first == min(in_force) else first
            until = UNTIL if last == max(in_force) else last
            rows.append([code, since, until, name, _level(code), parent or None])
    return sorted(rows, key=lambda row: (str(row[0]), int(row[1] or 0)))


def _runs(years: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of consecutive years."""
    starts = [year for at, year in enumerate(years) if not at or years[at - 1] != year - 1]
    ends = [year for at, year in enumerate(years) if at + 1 == len(years) or years[at + 1] != year + 1]
    return list(zip(starts, ends, strict=True))


def _level(code: str) -> int:
    return next(level for level, digits in enumerate(_DIGITS, start=1) if set(code[digits:]) <= {"0"})


def _parent(code: str, divisions: Revision) -> str | None:
    """The nearest division above that is in the list."""
    above = [code[:digits].ljust(len(code), "0") for digits in reversed(_DIGITS[:-1])]
    return next((parent for parent in above if parent != code and parent in divisions), None)
