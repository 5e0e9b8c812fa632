"""The customs files as the simulator writes them: names, headings, how codes are told.

Written down here a second time on purpose: the readers have their layouts from YAML, and a world that took its headings
from there could not show that one of them is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from haiguan.transforms.errors import InputError

# More trade towards the end of the year, and a dip at the lunar new year.
SEASON = (7, 5, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10)


@dataclass(frozen=True)
class Edition:
    """One way in which a year's records were delivered.

    Attributes:
        name: name of the edition.
        years: years delivered so.
        hs_revision: revision of the product codes.
        headings: first line of each file.
        file_name: pattern of the name below the input's root, with year and piece.
        weights: share of the year's records in each piece.
        is_numeric: codes of direction, partner, regime and product came through as numbers.
        is_monthly: a piece is a month.
    """

    name: str
    years: tuple[int, ...]
    hs_revision: str
    headings: tuple[str, ...]
    file_name: str
    weights: tuple[int, ...]
    is_numeric: bool
    is_monthly: bool


MONTHLY = Edition(
    name="monthly",
    years=(2003, 2004),
    hs_revision="HS2002",
    headings=tuple(
        "日期 进口或出口 企业编码 经营单位 企业性质 税号编码 起运国或目的国 金额 数量 数量单位 贸易方式".split()
    ),
    file_name="{year}/data{year}{piece:02d}.csv",
    weights=SEASON,
    is_numeric=False,
    is_monthly=True,
)
YEARLY = Edition(
    name="yearly",
    years=(2007,),
    hs_revision="HS2007",
    headings=tuple(
        "_日期 _进口或出口 _企业编码 _经营单位 _企业性质 _税号编码 _起运国或目的国 _金额 _数量 _数量单位 _贸易方式 "
        "_单位地址 _消费地进口or生产地出口 _海关口岸 _中转国".split()
    ),
    file_name="{year}/{year}_{piece}.csv",
    weights=(1, 1),
    is_numeric=True,
    is_monthly=False,
)
EDITIONS = (MONTHLY, YEARLY)


@dataclass(frozen=True)
class CustomsFile:
    """One file of a world.

    Attributes:
        path: path below the input's root.
        edition: how it is written.
        year: year of delivery.
        piece: month, or number of the piece.
        start: position of its first record among all records of the world; that record stands on line 2.
        end: position after its last record.
    """

    path: str
    edition: Edition
    year: int
    piece: int
    start: int
    end: int


def edition_of(year: int) -> Edition:
    """The edition that delivered a year; KeyError where none did."""
    return {year: edition for edition in EDITIONS for year in edition.years}[year]


def years_between(first: int, last: int) -> tuple[int, ...]:
    """The years from first to last that have a layout; InputError where there is none."""
    known = sorted(year for edition in EDITIONS for year in edition.years)
    years = tuple(year for year in known if first <= year <= last)
    if not years:
        raise InputError(
            f"years: no file layout is known between {first} and {last}; the simulator writes "
            f"{', '.join(map(str, known))}: choose a span with one of them"
        )
    return years


def customs_files(years: tuple[int, ...], records: tuple[int, ...]) -> tuple[CustomsFile, ...]:
    """The files of the years, which hold so many records each, in the order of their positions."""
    files: list[CustomsFile] = []
    for year, count in zip(years, records, strict=True):
        edition = edition_of(year)
        base = files[-1].end if files else 0
        ends = [base + count * share // sum(edition.weights) for share in accumulate(edition.weights)]
        for piece, (start, end) in enumerate(zip([base, *ends[:-1]], ends, strict=True), start=1):
            path = edition.file_name.format(year=year, piece=piece)
            files.append(CustomsFile(path, edition, year, piece, start, end))
    return tuple(files)


def repeated_files(files: tuple[CustomsFile, ...]) -> dict[str, str]:
    """Path of a copy -> path of the file that it repeats, byte for byte: two of them, spread over the list."""
    chosen = [files[len(files) * third // 3].path for third in (1, 2)]
    return {path.replace(".csv", "(1).csv"): path for path in chosen}
