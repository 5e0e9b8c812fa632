"""What the report says of a customs archive: coverage, planted defects, repeated blocks, sets of keywords, breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from haiguan.jobs.reporting.record import Record
from haiguan.jobs.reporting.truth import REPEATED_ROWS, Defects, planted_and_found
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.customs.firm_years import ALL_FIRMS
from haiguan.transforms.trade.national import ALL_REGIMES

COVERAGE, INTERMEDIARIES, BREAKS = (
    "core_customs__coverage",
    "core_customs__intermediaries",
    "core_customs__breaks",
)
_BLOCK = ("year", "file", "first_file")

Row = Mapping[str, Any]


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
class Block:
    """Records that a file shares with an earlier one of its year, and their dollars where they are known."""

    year: int
    file: str
    first_file: str
    records: int
    amount_usd: Decimal | None


@dataclass(frozen=True)
class Customs:
    """Everything above; empty where the lake does not have it.

    Attributes:
        coverage: wholes of core_customs__coverage, by publisher, year and direction.
        defects: by rule; only for simulated files.
        blocks: repeated blocks, by year and file.
        keyword_sets: by year and set.
        breaks: by series and category.
        years: of the breaks.
    """

    coverage: Sequence[Row]
    defects: Sequence[Defects]
    blocks: Sequence[Block]
    keyword_sets: Sequence[KeywordSet]
    breaks: Sequence[Break]
    years: Sequence[int]


def customs_of(lake: Lake, record: Record, settings: Settings) -> Customs:
    """Reads what the lake holds of a customs archive."""
    changes = _rows(lake, record, BREAKS)
    years = sorted({row["year"] for row in changes})
    return Customs(
        coverage=_wholes(_rows(lake, record, COVERAGE)),
        defects=planted_and_found(lake, record, settings.inputs.customs),
        blocks=_blocks(lake, record),
        keyword_sets=_keyword_sets(_rows(lake, record, INTERMEDIARIES)),
        breaks=_breaks(changes, years),
        years=years,
    )


def _rows(lake: Lake, record: Record, table: str) -> list[Row]:
    return delta.read(lake.path(table)).to_pylist() if table in record.slices else []


def _wholes(rows: Iterable[Row]) -> list[Row]:
    wholes = [row for row in rows if row["published_month"] == 0 and row["published_regime"] == ALL_REGIMES]
    return sorted(wholes, key=lambda row: (row["published_by"], row["year"], row["direction"]))


def _blocks(lake: Lake, record: Record) -> list[Block]:
    if REPEATED_ROWS not in record.slices:
        return []
    is_block = pc.field("repeat_kind") == "repeated_block"
    shared = delta.read(lake.path(REPEATED_ROWS), [*_BLOCK, "amount_usd"], condition=is_block)
    summed = shared.group_by(list(_BLOCK)).aggregate([([], "count_all"), ("amount_usd", "sum")])
    ordered = summed.sort_by([(name, "ascending") for name in _BLOCK])
    return [
        Block(row["year"], row["file"], row["first_file"], row["count_all"], row["amount_usd_sum"])
        for row in ordered.to_pylist()
    ]


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
