"""What the report says of a customs archive: its coverage, planted defects found again, sets of keywords, breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
from deltalake import DeltaTable

from haiguan.jobs.reporting.record import Record
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.customs.firm_years import ALL_FIRMS
from haiguan.transforms.trade.national import ALL_REGIMES

DECLARATIONS, QUARANTINE = "core_customs__declarations", "quarantine_customs__declarations"
COVERAGE, INTERMEDIARIES, BREAKS = (
    "core_customs__coverage",
    "core_customs__intermediaries",
    "core_customs__breaks",
)
REPEATED_FILE = "repeated_file"

Row = Mapping[str, Any]
Places = dict[str, set[tuple[str, int]]]
"""Rule -> file and line of the records that broke it."""


@dataclass(frozen=True)
class Defects:
    """One rule against the truth beside simulated files: records planted, found, missed, and found elsewhere."""

    rule: str
    planted: int
    found: int
    missed: int
    false: int


@dataclass(frozen=True)
class KeywordSet:
    """The intermediaries of a year by one set of keywords, with their shares in all firms' records and dollars."""

    year: int
    name: str
    firms: int
    declarations: int
    declarations_share: float
    value_usd: Decimal
    value_share: float


@dataclass(frozen=True)
class Break:
    """A category of a series: its share in the dollars of each year, None where it has none."""

    series: str
    category: str
    direction: str
    shares: tuple[float | None, ...]


@dataclass(frozen=True)
class Customs:
    """Everything above; empty where the lake does not have it.

    Attributes:
        coverage: wholes of core_customs__coverage, by publisher, year and direction.
        defects: by rule; only for simulated files.
        keyword_sets: by year and set.
        breaks: by series and category.
        years: of the breaks.
    """

    coverage: Sequence[Row]
    defects: Sequence[Defects]
    keyword_sets: Sequence[KeywordSet]
    breaks: Sequence[Break]
    years: Sequence[int]


def customs_of(lake: Lake, record: Record, settings: Settings) -> Customs:
    """Reads what the lake holds of a customs archive."""
    changes = _rows(lake, record, BREAKS)
    years = sorted({row["year"] for row in changes})
    return Customs(
        coverage=_wholes(_rows(lake, record, COVERAGE)),
        defects=_defects(lake, record, settings),
        keyword_sets=_keyword_sets(_rows(lake, record, INTERMEDIARIES)),
        breaks=_breaks(changes, years),
        years=years,
    )


def _rows(lake: Lake, record: Record, table: str) -> list[Row]:
    return delta.read(lake.path(table)).to_pylist() if table in record.slices else []


def _wholes(rows: Iterable[Row]) -> list[Row]:
    wholes = [row for row in rows if row["published_month"] == 0 and row["published_regime"] == ALL_REGIMES]
    return sorted(wholes, key=lambda row: (row["published_by"], row["year"], row["direction"]))


def _keyword_sets(rows: Iterable[Row]) -> list[KeywordSet]:
    by_year = {(row["year"], row["keyword_set"]): row for row in rows}
    return [_keyword_set(row, by_year[year, ALL_FIRMS]) for (year, _), row in sorted(by_year.items())]


def _keyword_set(row: Row, every: Row) -> KeywordSet:
    return KeywordSet(
        year=row["year"],
        name=row["keyword_set"],
        firms=row["firms"],
        declarations=row["declarations"],
        declarations_share=row["declarations"] / every["declarations"],
        value_usd=row["value_usd"],
        value_share=float(row["value_usd"] / every["value_usd"]) if every["value_usd"] else 0.0,
    )


def _breaks(rows: Iterable[Row], years: Sequence[int]) -> list[Break]:
    shares: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in rows:
        shares.setdefault((row["series"], row["category"], row["direction"]), {})[row["year"]] = row["value_share"]
    return [Break(*key, tuple(of_years.get(year) for year in years)) for key, of_years in sorted(shares.items())]


def _defects(lake: Lake, record: Record, settings: Settings) -> list[Defects]:
    """Compares what the rules found with the truth; nothing where the files have none beside them."""
    truth = _truth(settings.inputs.customs)
    if truth is None or DECLARATIONS not in record.slices:
        return []
    planted = _places(truth[truth.rule != REPEATED_FILE])
    found = _found(lake, record)
    compared = [_compared(rule, planted.get(rule, set()), found.get(rule, set())) for rule in {*planted, *found}]
    repeated = sum(file.copies - 1 for file in record.files if file.source == "customs")
    several = int((truth.rule == REPEATED_FILE).sum())
    compared.append(Defects(REPEATED_FILE, several, repeated, max(several - repeated, 0), max(repeated - several, 0)))
    return sorted(compared, key=lambda entry: entry.rule)


def _truth(inputs: str | Sequence[str] | None) -> pd.DataFrame | None:
    """The defects planted in the files of all inputs: file, line, rule."""
    roots = [inputs] if isinstance(inputs, str) else inputs or []
    paths = [Path(root).parent / "truth" / "defects.csv" for root in roots]
    there = [path for path in paths if path.is_file() and (path.parent / "simulation.json").is_file()]
    if not there:
        return None
    return pd.concat([pd.read_csv(path, usecols=["file", "line", "rule"]) for path in there])


def _places(rows: pd.DataFrame) -> Places:
    return {
        str(rule): set(zip(group.file, group.line.astype(int), strict=True)) for rule, group in rows.groupby("rule")
    }


def _found(lake: Lake, record: Record) -> Places:
    """The rules that records in quarantine broke, and the flags of those that were published."""
    found: Places = {}
    for table, column in ((QUARANTINE, "rules"), (DECLARATIONS, "flags")):
        if table in record.slices:
            dataset = DeltaTable(str(lake.path(table))).to_pyarrow_dataset()
            broken = dataset.to_table(
                columns=["file", "line", column], filter=pc.list_value_length(pc.field(column)) > 0
            )
            for row in broken.to_pylist():
                for rule in row[column]:
                    found.setdefault(rule, set()).add((row["file"], row["line"]))
    return found


def _compared(rule: str, planted: set[tuple[str, int]], found: set[tuple[str, int]]) -> Defects:
    return Defects(rule, len(planted), len(found & planted), len(planted - found), len(found - planted))
