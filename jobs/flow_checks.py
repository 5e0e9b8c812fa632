"""What a table of flows must be before its codes are translated: every fault a sentence that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from haiguan.jobs.flow_files import table
from haiguan.jobs.reporting.formats import plural
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.national_codes import LAST_YEAR, NATIONAL_DIGITS, is_year
from haiguan.transforms.products.published import FIRST_YEAR_OF_HS, revision_in_force, revision_of
from haiguan.transforms.products.translation import HEADING_DIGITS
from haiguan.transforms.schema.columns import HS_REVISIONS

_REQUIRED = ("product_code", "value_usd")
_NO_KEYS = ("product_code", "value_usd", "quantity", "revision")
_ALSO_CALLED = {
    "product_code": ("Commodity Code", "cmdCode"),
    "value_usd": ("Trade Value (US$)", "primaryValue"),
    "year": ("Classification", "classificationCode"),
    "unit_code": ("Qty Unit Code", "qtyUnitCode"),
}
_FLOATING = ("FLOAT", "DOUBLE")


_WORDS = {HEADING_DIGITS: "six", NATIONAL_DIGITS: "eight"}
_NATIONAL = (
    "national codes change every January; keep the first six digits, on which the HS agrees, or bring the eight to the "
    "codes of a year, such as --to 2005, with a table of their changes: --set inputs.hs8_changes=FILE"
)
_REMEDIES = {
    HEADING_DIGITS: {
        0: "take them out",
        5: "a leading zero is lost: read the column as text, or pad it to six digits",
        7: "a national code whose leading zero is lost: pad it to eight digits and keep the first six",
        8: _NATIONAL,
        9: "a national code whose leading zero is lost: pad it to ten digits and keep the first six",
        10: "national codes change every January; keep the first six digits, on which the HS agrees",
    },
    NATIONAL_DIGITS: {
        0: "take them out",
        6: "codes of six digits are brought to an HS revision, such as --to HS2002: do so with them apart",
        7: "a leading zero is lost: read the column as text, or pad it to eight digits",
        9: "a leading zero is lost: pad it to ten digits and keep the first eight",
        10: "keep the first eight digits",
    },
}


@dataclass(frozen=True)
class Columns:
    """The columns of a table of flows.

    Attributes:
        names: in their order.
        revision: the one that tells the HS revision: revision, or else year.
    """

    names: tuple[str, ...]
    revision: str

    @property
    def keys(self) -> list[str]:
        """All columns that are neither code nor amount: what flows are summed up by."""
        return [name for name in self.names if name not in _NO_KEYS]

    @property
    def has_quantity(self) -> bool:
        """Whether there are quantities."""
        return "quantity" in self.names

    @property
    def quoted_keys(self) -> list[str]:
        """The keys as SQL identifiers."""
        return [self.quoted(name) for name in self.keys]

    @staticmethod
    def quoted(name: str) -> str:
        """A column's name as an SQL identifier."""
        return '"' + name.replace('"', '""') + '"'


def checked_columns(
    connection: duckdb.DuckDBPyConnection, source: str, flows: Path, digits: int = HEADING_DIGITS
) -> Columns:
    """The columns of the table, once its codes of so many digits and its amounts are known to be sound.

    Raises:
        InputError: all faults of columns, or else all faults of codes and amounts.
    """
    described = table(connection, f"DESCRIBE FROM {source}")
    kinds = dict(zip(described.column_name, described.column_type, strict=True))
    faults = list(_column_faults(kinds, flows, digits))
    if faults:
        raise InputError(*faults)
    columns = Columns(tuple(kinds), "revision" if "revision" in kinds else "year")
    faults = [*_code_faults(connection, source, flows, digits), *_amount_faults(connection, source, columns, flows)]
    if faults:
        raise InputError(*faults)
    return columns


def _column_faults(kinds: dict[str, str], flows: Path, digits: int) -> Iterator[str]:
    for name in _REQUIRED:
        if name not in kinds:
            yield f"{flows}: there is no column {name}{_nearest(name, kinds)}; rename the one that is meant"
    if "year" not in kinds and "revision" not in kinds:
        yield (
            f"{flows}: there is no column year or revision{_nearest('year', kinds)}; one of them must tell the HS "
            "revision of the codes"
        )
    if "quantity" in kinds and "unit_code" not in kinds:
        yield (
            f"{flows}: quantity needs a column unit_code beside it{_nearest('unit_code', kinds)}, since quantities are "
            "summed up within a unit only; name the unit, or take quantity out"
        )
    if kinds.get("product_code", "VARCHAR") != "VARCHAR":
        yield (
            f"{flows}: product_code is stored as {kinds['product_code'].lower()}, so leading zeros are lost; make it "
            f"text of {_WORDS[digits]} digits, as in Stata: tostring product_code, replace format(%0{digits}.0f)"
        )
    for name, kind in kinds.items():
        if kind in _FLOATING and name not in _NO_KEYS:
            yield (
                f"{flows}: {name} is a floating-point number and neither value_usd nor quantity, so flows cannot be "
                "summed up by it; take it out, or make it text or whole numbers"
            )


def _nearest(name: str, kinds: dict[str, str]) -> str:
    known = [column for column in _ALSO_CALLED.get(name, ()) if column in kinds]
    if known:
        return f" (UN Comtrade calls it {known[0]})"
    near = difflib.get_close_matches(name, kinds, n=1, cutoff=0.5)
    return f" (nearest: {near[0]})" if near else f" (there are {', '.join(list(kinds)[:12])})"


def _code_faults(connection: duckdb.DuckDBPyConnection, source: str, flows: Path, digits: int) -> Iterator[str]:
    code = "coalesce(product_code, '')"
    found = f"CASE WHEN regexp_full_match({code}, '[0-9]+') THEN length({code}) ELSE 0 END"
    counted = f"SELECT {found} AS digits, count(*) AS records, min({code}) AS example FROM {source}"
    kinds = table(connection, f"{counted} GROUP BY 1 ORDER BY 1")
    rest = f"{_WORDS[digits]} digits are needed: take the rows out, or they would count twice"
    for row in kinds.itertuples():
        if row.digits != digits:
            remedy = _REMEDIES[digits].get(row.digits, rest)
            shown = "without digits" if row.digits == 0 else f"of {row.digits} digits"
            yield f"{flows}: product_code: {plural(row.records, 'row')} {shown}, such as `{row.example}`; {remedy}"


def _amount_faults(connection: duckdb.DuckDBPyConnection, source: str, columns: Columns, flows: Path) -> Iterator[str]:
    for name in ("value_usd", *(["quantity"] if columns.has_quantity else [])):
        text = f"CAST({columns.quoted(name)} AS VARCHAR)"
        is_bad = f"TRY_CAST({columns.quoted(name)} AS DECIMAL(38,6)) IS NULL OR abs(TRY_CAST({text} AS DOUBLE)) >= 1e15"
        may_lack = name == "quantity"
        where = f"({is_bad}) AND {text} IS NOT NULL" if may_lack else is_bad
        bad = table(connection, f"SELECT count(*) AS records, min({text}) AS example FROM {source} WHERE {where}")
        if bad.records[0]:
            shown = "blank" if bad.example[0] is None else f"`{bad.example[0]}`"
            yield (
                f"{flows}: {name}: {plural(int(bad.records[0]), 'row')} without a number, such as {shown}; write plain "
                "numbers with a decimal point, or take the rows out"
            )


def checked_revisions(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Columns, flows: Path, digits: int = HEADING_DIGITS
) -> pd.DataFrame:
    """label, hs_revision, records: the values of the column that tells the revision, and what they stand for.

    For codes of eight digits the revision is a year, as text.

    Raises:
        InputError: naming every value that stands for none.
    """
    label = f"CAST({columns.quoted(columns.revision)} AS VARCHAR)"
    found = table(connection, f"SELECT {label} AS label, count(*) AS records FROM {source} GROUP BY 1 ORDER BY 1")
    is_national = digits == NATIONAL_DIGITS
    by_year = is_national or columns.revision == "year"
    reading = _same_year if is_national else _in_force if by_year else revision_of
    meant = [reading(text) if isinstance(text, str) else None for text in found.label]
    found = found.assign(hs_revision=pd.Series(meant, dtype="object"))
    unknown = found[found.hs_revision.isna()]
    if len(unknown):
        valid = f"a year from {FIRST_YEAR_OF_HS} on" if by_year else f"one of {', '.join(HS_REVISIONS)}"
        raise InputError(
            *[
                f"{flows}: {columns.revision}: {plural(row.records, 'row')} with `{row.label}`; it must be {valid}"
                for row in unknown.head(20).itertuples()
            ]
        )
    return found


def _in_force(year: str) -> str | None:
    return revision_in_force(int(year)) if year.isdigit() and int(year) <= LAST_YEAR else None


def _same_year(year: str) -> str | None:
    return year if is_year(year) else None
