"""The customs files as the simulator writes them: names, headings, containers, how codes are told.

Written down here a second time on purpose: the readers have their layouts from YAML, and a world that took its headings
from there could not show that one of them is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal

from haiguan.transforms.errors import InputError

Container = Literal["csv", "csv.gz", "dta114", "dta117", "dta118", "parquet"]
Wording = Literal["labels", "labels_and_codes", "codes", "general_or_processing", "codes_of_2012"]
Edition = Literal["archive", "listed"]
"""The archive of the customs, or the records of listed firms as a data vendor sells them, one file a year."""

# More trade towards the end of the year, and a dip at the lunar new year.
SEASON = (7, 5, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10)
_RECORDS_PER_PIECE = 400_000


@dataclass(frozen=True, eq=False)
class Layout:
    """One way in which records were delivered.

    Attributes:
        name: its name.
        hs_revision: revision of the product codes.
        headings: heading -> field of a record, in the order of the file.
        encoding: of the text.
        wording: whether regimes and partners are told by name or by code.
        numbers: fields that came through as numbers.
        has_months: whether the period tells the month beside the year.
    """

    name: str
    hs_revision: str
    headings: Mapping[str, str]
    encoding: str
    wording: Wording
    numbers: frozenset[str] = frozenset()
    has_months: bool = True

    @property
    def is_listed(self) -> bool:
        """Whether it is that of listed firms, which are told by their securities."""
        return "security_id" in self.fields

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that it has."""
        return frozenset(self.headings.values())


@dataclass(frozen=True)
class Piece:
    """One file of a world.

    Attributes:
        path: path below the input's root, or inside its archive.
        archive: path of the zip file that holds it; None: it lies open.
        layout: how it is written.
        container: what kind of file it is.
        year: year of delivery.
        number: place among the pieces of its year, from 0.
        month: month of its records; 0: all.
    """

    path: str
    archive: str | None
    layout: Layout
    container: Container
    year: int
    number: int
    month: int

    @property
    def is_text(self) -> bool:
        """Whether it is made of lines."""
        return self.container in ("csv", "csv.gz")


def _headings(pairs: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in pairs.split())


_CONTACT = "city=city paddr=address zip=zip tel=phone"
_ENGLISH = (
    "hs_id=product value=value quantity=quantity unit=unit party_id=firm_code company=firm_name CompanyType=ownership"
)
_LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "monthly_2000_2001",
            "HS1996",
            _headings(f"shipment_date=period exp_imp=direction {_ENGLISH} country=partner shipment=regime {_CONTACT}"),
            "GB18030",
            "labels_and_codes",
        ),
        Layout(
            "monthly_2002",
            "HS2002",
            _headings(
                "shipment_date=period hs_id=product pname=firm_name 国家名称_C=partner 进出口_C=direction "
                "companytype=ownership 贸易类型_C=regime party_id=firm_code value=value quantity=quantity unit=unit "
                + _CONTACT
            ),
            "GB18030",
            "labels",
        ),
        Layout(
            "monthly_2003_2004",
            "HS2002",
            _headings(
                "日期=period 进口或出口=direction 企业编码=firm_code 经营单位=firm_name 企业性质=ownership "
                "税号编码=product 起运国或目的国=partner 金额=value 数量=quantity 数量单位=unit 贸易方式=regime "
                "单位地址=address 邮编=zip 电话=phone 消费地或生产地=district"
            ),
            "GB18030",
            "labels",
        ),
        Layout(
            "monthly_2005",
            "HS2002",
            _headings(
                f"shipment_date=period exp_or_imp=direction {_ENGLISH} companyType=ownership_again country=partner "
                f"shipment=regime {_CONTACT}"
            ),
            "GB18030",
            "labels",
        ),
        Layout(
            "monthly_2005_december",
            "HS2002",
            _headings(
                "日期=period 进口或出口=direction HS编码=product HS中文=product_name 金额=value 数量=quantity "
                "价格=price 数量单位=unit 企业编码=firm_code 经营单位=firm_name 单位地址=address 电话=phone 传真=fax "
                "邮编=zip 电子邮件=email 联系人=contact 消费地或生产地=district 企业性质=ownership "
                "起运国或目的国=partner 口岸海关=office 贸易方式=regime 运输方式=transport 中转国=transit"
            ),
            "UTF-8-SIG",
            "labels",
        ),
        Layout(
            "monthly_2006",
            "HS2002",
            _headings(
                "月度=period 进出口=direction 企业代码=firm_code 企业名称=firm_name 企业类型=ownership "
                "商品代码=product var18=partner 金额=value 数量=quantity 数量单位=unit 贸易方式=regime "
                "单位地址=address 邮编=zip 电话=phone 消费地或生产地=district"
            ),
            "GB18030",
            "labels",
        ),
        Layout(
            "yearly_2007_2011",
            "HS2007",
            _headings(
                "_日期=period _进口或出口=direction _企业编码=firm_code _经营单位=firm_name _企业性质=ownership "
                "_税号编码=product _起运国或目的国=partner _金额=value _数量=quantity _数量单位=unit _贸易方式=regime "
                "_单位地址=address _邮编=zip _电话=phone _消费地进口or生产地出口=district _海关口岸=office "
                "_中转国=transit"
            ),
            "GB18030",
            "codes",
            frozenset("period direction product partner value quantity regime transit".split()),
        ),
        Layout(
            "yearly_2012_2015",
            "HS2012",
            _headings(
                "年月=period 进出口标志=direction 企业编码=firm_code 企业名称=firm_name 企业性质=ownership "
                "商品编码=product 产消国代码=partner 产消国名称=partner_name 金额=value 数量=quantity 数量单位=unit "
                "贸易方式代码=regime 单位地址=address 邮编=zip"
            ),
            "UTF-8",
            "codes_of_2012",
            frozenset("period direction value quantity regime".split()),
        ),
        Layout(
            "yearly_2016",
            "HS2012",
            _headings(
                "年月=period 进出口标志=direction 企业编码=firm_code 企业名称=firm_name 企业性质=ownership "
                "商品编码=product 产消国代码=partner 产消国名称=partner_name 金额=value 贸易方式代码=regime "
                "单位地址=address 邮编=zip"
            ),
            "UTF-8",
            "codes_of_2012",
            frozenset("period direction value regime".split()),
        ),
    )
}
# Two years of the yearly files tell less: of the regime no more than general or processing, of the date the year alone.
_YEARS_OF_THEIR_OWN = {
    2009: replace(_LAYOUTS["yearly_2007_2011"], wording="general_or_processing"),
    2011: replace(_LAYOUTS["yearly_2007_2011"], has_months=False),
}
_LISTED = Layout(
    "listed_2000_2016",
    "HS1996",
    _headings(
        "经营单位名称_EntNm=firm_name 证券代码=firm_code ListedCoID=listed_id SecurityID=security_id "
        "进出口分类代码_ImpExpTypeCd=direction HS商品编码_HSCd=product 金额_美元_Sum_USD=value 数量_Quantity=quantity "
        "价格_Price=price 数量单位代码_QuantityUnitCd=unit_code 贸易方式代码_TrdMdCd=regime "
        "起运国或目的国代码_BegEndCntryCd=partner"
    ),
    "UTF-8",
    "codes",
    frozenset("direction value quantity price".split()),
)
_LAST_LISTED_WITH_QUANTITIES = 2015
LAYOUTS = (*_LAYOUTS.values(), _LISTED)
# First and last year, layout, file name of a month; December 2005 has a layout of its own.
_MONTHLY = (
    (2000, 2001, "monthly_2000_2001", "{year}-{month:02d}.csv"),
    (2002, 2002, "monthly_2002", "{year}-{month:02d}.csv"),
    (2003, 2004, "monthly_2003_2004", "data{year}{month:02d}.csv"),
    (2005, 2005, "monthly_2005", "{year}{month:02d}.csv"),
    (2006, 2006, "monthly_2006", "{year}{month:02d}cn.csv.gz"),
)
# First and last year, layout, container of most pieces, container of the last piece.
_YEARLY: tuple[tuple[int, int, str, Container, Container], ...] = (
    (2007, 2007, "yearly_2007_2011", "dta114", "csv"),
    (2008, 2009, "yearly_2007_2011", "dta114", "dta114"),
    (2010, 2011, "yearly_2007_2011", "dta117", "dta117"),
    (2012, 2015, "yearly_2012_2015", "dta118", "dta118"),
    (2016, 2016, "yearly_2016", "parquet", "parquet"),
)
_ZIPPED = (2015,)
YEARS = tuple(range(2000, 2017))


def layout_of(year: int, month: int, edition: Edition = "archive") -> Layout:
    """The layout of a year's records of a month."""
    if edition == "listed":
        return _listed(year)
    if (year, month) == (2005, 12):
        return _LAYOUTS["monthly_2005_december"]
    if year in _YEARS_OF_THEIR_OWN:
        return _YEARS_OF_THEIR_OWN[year]
    spans = [(first, last, name) for first, last, name, _ in _MONTHLY]
    spans += [(first, last, name) for first, last, name, _, _ in _YEARLY]
    return next(_LAYOUTS[name] for first, last, name in spans if first <= year <= last)


@cache
def _listed(year: int) -> Layout:
    """Of listed firms, under the HS revision of the year, in the end without quantities and prices."""
    lacking = () if year <= _LAST_LISTED_WITH_QUANTITIES else ("quantity", "price", "unit_code")
    headings = {heading: field for heading, field in _LISTED.headings.items() if field not in lacking}
    return replace(_LISTED, hs_revision=revision_of(year), headings=headings)


def revision_of(year: int) -> str:
    """The HS revision of a year's product codes."""
    return layout_of(year, 1).hs_revision


def years_between(first: int, last: int, skipped: tuple[int, ...] = ()) -> tuple[int, ...]:
    """The years from first to last that have a layout and are not skipped; InputError where there is none."""
    years = tuple(year for year in YEARS if first <= year <= last and year not in skipped)
    if not years:
        raise InputError(
            f"years: no file layout is known between {first} and {last}; the simulator writes {YEARS[0]} to "
            f"{YEARS[-1]}: choose a span with one of them"
        )
    return years


def listed_piece(year: int) -> Piece:
    """The one file of a year's records of listed firms."""
    return Piece(f"{year}/listed_{year}.dta", None, _listed(year), "dta118", year, 0, 0)


def pieces_of(year: int, records: int, edition: Edition = "archive") -> tuple[Piece, ...]:
    """The files of a year that has so many records."""
    if edition == "listed":
        return (listed_piece(year),)
    for first, last, _, pattern in _MONTHLY:
        if first <= year <= last:
            return tuple(_month(year, month, pattern) for month in range(1, 13))
    *_, usual, final = next(edition for edition in _YEARLY if edition[0] <= year <= edition[1])
    # Two pieces of one container at least, so that one can repeat a block of the other.
    least = 2 if usual == final else 3
    count = 1 if usual == "parquet" else max(least, -(-records // _RECORDS_PER_PIECE))
    archive = f"{year}/{year}.zip" if year in _ZIPPED else None
    return tuple(
        _yearly_piece(year, number, count, layout_of(year, 1), final if number == count - 1 else usual, archive)
        for number in range(count)
    )


def _month(year: int, month: int, pattern: str) -> Piece:
    path = f"{year}/{pattern.format(year=year, month=month)}"
    container: Container = "csv.gz" if path.endswith(".gz") else "csv"
    return Piece(path, None, layout_of(year, month), container, year, month - 1, month)


def _yearly_piece(
    year: int, number: int, count: int, layout: Layout, container: Container, archive: str | None
) -> Piece:
    ending = "dta" if container.startswith("dta") else container
    name = f"{year}_{number + 1:02d}.{ending}" if count > 1 else f"{year}.{ending}"
    return Piece(name if archive else f"{year}/{name}", archive, layout, container, year, number, 0)


def repeated_files(pieces: tuple[Piece, ...]) -> dict[str, str]:
    """Path of a copy -> path of the file that it repeats, byte for byte: two of them, spread over the list."""
    paths = list(dict.fromkeys(piece.archive or piece.path for piece in pieces))
    chosen = {paths[len(paths) * third // 3] for third in (1, 2)}
    return {re.sub(r"\.", "(1).", path, count=1): path for path in sorted(chosen)}
