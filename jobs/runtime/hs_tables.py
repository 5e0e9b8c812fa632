"""Tables of product codes: the files that `inputs.hs_tables` names, as published, or else the embedded pack.

Beside them, a user's own tables of how codes of eight digits changed, which `inputs.hs8_changes` names.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from zipfile import BadZipFile

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlrd
from deltalake import DeltaTable
from openpyxl.utils.exceptions import InvalidFileException

from haiguan.jobs.runtime.inventory import expand
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.high_tech import EXPECTED as HIGH_TECH_EXPECTED
from haiguan.transforms.products.high_tech import read_list
from haiguan.transforms.products.national_codes import EXPECTED as CHANGES_EXPECTED
from haiguan.transforms.products.national_codes import read_changes
from haiguan.transforms.products.published import EXPECTED, Published, read_table, revision_in_force, together
from haiguan.transforms.trade.comtrade import REVISIONS

Sheets = dict[str, list[list[str]]]
Code = tuple[str, str, str | None]

_CLASSIFICATION = re.compile(r"classificationH[0-9]\.json(\.gz)?")
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile, InvalidFileException, xlrd.XLRDError)


@dataclass(frozen=True)
class HsTables:
    """What all tables of HS codes say.

    Attributes:
        codes: hs_revision, product_code, product_name of every code, in order; the name null where none is given.
        published: pairs of codes of two revisions, and attributes.
    """

    codes: tuple[Code, ...]
    published: Published


def attributes(tables: str | Sequence[str] | None, lists: str | Sequence[str] | None) -> pd.DataFrame:
    """What the tables of codes and the lists of high-technology products say of codes: columns ATTRIBUTES.

    Raises:
        InputError: all faults of all files.
    """
    parts = [hs_tables(tables).published]
    faults: list[str] = []
    for path in _files("high_tech", lists, HIGH_TECH_EXPECTED):
        try:
            parts += _read(path, _list)
        except InputError as error:
            faults += [f"inputs.high_tech: {fault}" for fault in error.faults]
    if faults:
        raise InputError(*faults)
    return together(parts).attributes


def hs8_changes(paths: str | Sequence[str]) -> pd.DataFrame:
    """The changes of codes of eight digits in the files and Delta folders that the paths name: columns LINKS.

    Raises:
        InputError: all faults of all files: missing, unreadable, or another table.
    """
    roots = [paths] if isinstance(paths, str) else list(paths)
    folders = [root for root in roots if Path(root).is_dir() and DeltaTable.is_deltatable(root)]
    files = _files("hs8_changes", [root for root in roots if root not in folders], CHANGES_EXPECTED)
    parts: list[pd.DataFrame] = []
    faults: list[str] = []
    for path in (*map(Path, folders), *files):
        try:
            parts += _read(path, _changes, CHANGES_EXPECTED)
        except InputError as error:
            faults += [f"inputs.hs8_changes: {fault}" for fault in error.faults]
    if faults:
        raise InputError(*faults)
    return pd.concat(parts, ignore_index=True)


def _changes(path: Path) -> list[pd.DataFrame]:
    if path.is_dir():
        sheets = {"": _rows_of(DeltaTable(str(path)).to_pyarrow_table())}
    elif path.suffix.lower() == ".parquet":
        sheets = {"": _rows_of(pq.read_table(path))}
    else:
        sheets = sheets_of(path, CHANGES_EXPECTED)
    found = [changes for rows in sheets.values() if (changes := read_changes(rows, path.name)) is not None]
    if not found:
        raise InputError(f"{path}: its headings are of no such table; it must be {CHANGES_EXPECTED}")
    return found


def _rows_of(table: pa.Table) -> list[list[str]]:
    return [table.column_names, *([_text(cell) for cell in row.values()] for row in table.to_pylist())]


def _list(path: Path) -> list[Published]:
    rows = [row for found in sheets_of(path).values() for row in found]
    year = re.search(r"(?:19|20)\d{2}", path.stem)
    found = read_list(rows, path.name, revision_in_force(int(year.group())) if year else None)
    if found is None:
        raise InputError(f"{path}: is no such list; it must be {HIGH_TECH_EXPECTED}")
    return [Published(attributes=found)]


def _files(source: str, paths: str | Sequence[str] | None, expected: str) -> list[Path]:
    """The files that the paths name, hidden ones passed over, in order.

    Raises:
        InputError: naming every path where there is none.
    """
    found: dict[Path, None] = {}
    faults = []
    for root in [paths] if isinstance(paths, str) else paths or []:
        below = [path for path, _ in expand(root) if not path.name.startswith(".")]
        if not below:
            faults.append(f"inputs.{source}: {root}: no such file, and no file in it; it may hold {expected}")
        found.update(dict.fromkeys(below))
    if faults:
        raise InputError(*faults)
    return sorted(found)


def hs_tables(paths: str | Sequence[str] | None) -> HsTables:
    """The tables in the files that the paths name, or those of the embedded pack where they name none.

    A revision's codes are those of its classification, and where there is none, those that the other tables mention.

    Raises:
        InputError: all faults of all files: missing, unreadable, or none of the kinds that are known.
    """
    if paths is None:
        return _embedded()
    found = _files("hs_tables", paths, EXPECTED)
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found]
    return _read_all(tuple(stamps))


@cache
def _embedded() -> HsTables:
    folder = package_files("haiguan.conf").joinpath("codes")
    products = csv.DictReader(io.StringIO(folder.joinpath("products.csv").read_text(encoding="utf-8")))
    codes = [(row["hs_revision"], row["product_code"], row["product_name"]) for row in products]
    rows = list(csv.reader(io.StringIO(folder.joinpath("concordance.csv").read_text(encoding="utf-8"))))
    published = read_table(rows, "embedded pack")
    return HsTables(tuple(codes), published or Published())


@cache
def _read_all(stamps: tuple[tuple[str, int, int], ...]) -> HsTables:
    codes: list[Code] = []
    parts: list[Published] = []
    faults: list[str] = []
    for text, _, _ in stamps:
        path = Path(text)
        try:
            if _CLASSIFICATION.fullmatch(path.name):
                codes += _read(path, _classification)
            else:
                parts += _read(path, _tables)
        except InputError as error:
            faults += [f"inputs.hs_tables: {fault}" for fault in error.faults]
    if faults:
        raise InputError(*faults)
    published = together(parts)
    return HsTables(tuple(_with_mentioned(codes, published)), published)


def _read(path: Path, reader: Callable[[Path], list], expected: str = EXPECTED) -> list:
    """What a reader makes of a file; an InputError where it can make nothing of it."""
    try:
        return reader(path)
    except InputError:
        raise
    except _UNREADABLE as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); it must be {expected}; fetch it again"
        ) from error


def _classification(path: Path) -> list[Code]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    tree = json.loads(data.decode("utf-8-sig"))
    revision = REVISIONS[tree["classCode"]]
    entries = [(entry["id"], entry["text"].partition(" - ")[2]) for entry in tree["results"]]
    return [(revision, code, name) for code, name in entries if re.fullmatch("[0-9]{6}", code)]


def _tables(path: Path) -> list[Published]:
    sheets = {name: rows for name, rows in sheets_of(path).items() if rows}
    found = {name: read_table(rows, path.name) for name, rows in sheets.items()}
    if not any(found.values()):
        shown = " | ".join(cell for rows in sheets.values() for row in rows[:1] for cell in row if cell)[:200]
        raise InputError(
            f"{path}: its headings ({shown or 'none'}) are of no table that is known; it must be {EXPECTED}; correct "
            "the headings or take the file out"
        )
    return [published for published in found.values() if published is not None]


def sheets_of(path: Path, expected: str = EXPECTED) -> Sheets:
    """The cells of a CSV file or of every sheet of a workbook, as text.

    Raises:
        InputError: another ending.
    """
    name = path.name.lower()
    if name.endswith(".xls"):
        book = xlrd.open_workbook(str(path))
        return {s.name: [[_text(cell) for cell in s.row_values(at)] for at in range(s.nrows)] for s in book.sheets()}
    if name.endswith(".xlsx"):
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        return {
            s.title: [[_text(cell) for cell in row] for row in s.iter_rows(values_only=True)]
            for s in workbook.worksheets
        }
    if name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        return {"": list(_delimited(path))}
    raise InputError(f"{path}: the ending says no format that is read; it must be {expected}; take the file out")


def _text(cell: object) -> str:
    """A cell as text; a number that a spreadsheet made of a code is a code again, its zeros still lost."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _delimited(path: Path) -> Iterator[list[str]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = _decoded(data)
    separator = "\t" if "\t" in text.partition("\n")[0] else ","
    yield from csv.reader(io.StringIO(text), delimiter=separator)


def _decoded(data: bytes) -> str:
    """Headings and codes are ASCII in every encoding; WITS has descriptions in several."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _with_mentioned(codes: list[Code], published: Published) -> list[Code]:
    classified = {revision for revision, _, _ in codes}
    links = published.links
    mentioned = {
        *zip(links.source_revision, links.source_code, strict=True),
        *zip(links.target_revision, links.target_code, strict=True),
    }
    bare: list[Code] = [(revision, code, None) for revision, code in mentioned if revision not in classified]
    return sorted([*codes, *bare], key=lambda entry: entry[:2])
