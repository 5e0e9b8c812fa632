"""A layout is found by headings and year; where none fits, the message says what the nearest would need."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime.headings import NamesHead, TextHead, find_layout
from haiguan.jobs.runtime.layouts import load_layouts
from haiguan.transforms.errors import InputError

HEADINGS_2003 = "日期,进口或出口,企业编码,经营单位,企业性质,税号编码,起运国或目的国,金额,数量,贸易方式"
# file, headings, encoding: the first line of a file of every layout
FILES = {
    "monthly_2000_2001": (
        "2000-01.csv",
        "shipment_date,exp_imp,hs_id,value,quantity,unit,party_id,company,CompanyType,country,shipment,city,paddr,zip,tel",
        "GB18030",
    ),
    "monthly_2002": (
        "2002-01.csv",
        "shipment_date,hs_id,pname,国家名称_C,进出口_C,companytype,贸易类型_C,party_id,value,quantity,unit,city,paddr,zip,tel",
        "GB18030",
    ),
    "monthly_2003_2004": ("data200301.csv", HEADINGS_2003 + ",单位地址,邮编,电话,消费地或生产地", "GB18030"),
    "monthly_2005": (
        "200511.csv",
        "shipment_date,exp_or_imp,hs_id,value,quantity,unit,party_id,company,CompanyType,companyType,country,shipment,city,"
        "paddr,zip,tel",
        "GB18030",
    ),
    "monthly_2005_december": (
        "200512.csv",
        "日期,进口或出口,HS编码,HS中文,金额,数量,价格,数量单位,企业编码,经营单位,单位地址,电话,传真,邮编,电子邮件,联系人,"
        "消费地或生产地,企业性质,起运国或目的国,口岸海关,贸易方式,运输方式,中转国",
        "UTF-8-SIG",
    ),
    "monthly_2006": (
        "200601cn.csv.gz",
        "月度,进出口,企业代码,企业名称,企业类型,商品代码,var18,金额,数量,数量单位,贸易方式,单位地址,邮编,电话,消费地或生产地",
        "GB18030",
    ),
    "yearly_2007_2011": (
        "2007_14.csv",
        "_日期,_进口或出口,_企业编码,_经营单位,_企业性质,_税号编码,_起运国或目的国,_金额,_数量,_数量单位,_贸易方式,_单位地址,"
        "_邮编,_电话,_消费地进口or生产地出口,_海关口岸,_中转国",
        "GB18030",
    ),
    "yearly_2012_2015": (
        "2012_01.dta",
        "年月,进出口标志,企业编码,企业名称,企业性质,商品编码,产消国代码,产消国名称,金额,数量,数量单位,贸易方式代码,单位地址,邮编",
        "UTF-8",
    ),
    "yearly_2016": (
        "2016.parquet",
        "年月,进出口标志,企业编码,企业名称,企业性质,商品编码,产消国代码,产消国名称,金额,贸易方式代码,单位地址,邮编",
        "UTF-8",
    ),
    "listed_2000_2016": (
        "2009.dta",
        "经营单位名称_EntNm,证券代码,ListedCoID,SecurityID,进出口分类代码_ImpExpTypeCd,HS商品编码_HSCd,金额_美元_Sum_USD,"
        "数量_Quantity,价格_Price,数量单位代码_QuantityUnitCd,贸易方式代码_TrdMdCd,起运国或目的国代码_BegEndCntryCd",
        "UTF-8",
    ),
}


@pytest.fixture(scope="module")
def layouts():
    return load_layouts("customs")


def _find(layouts, headings: str, file: str = "data200301.csv", encoding: str = "GB18030"):
    return find_layout(file, TextHead(f"{headings}\n".encode(encoding)), layouts)


@pytest.mark.parametrize("name", FILES)
def test_every_layout_is_found_by_its_headings_whatever_holds_them(layouts, name):
    file, headings, encoding = FILES[name]
    fit = _find(layouts, headings, file, encoding)
    assert (fit.layout.name, fit.reading.separator) == (name, ",")
    assert fit.reading.encoding == encoding.removesuffix("-SIG")
    table = NamesHead(tuple(heading.encode("GB18030") for heading in headings.split(",")))
    assert find_layout(file, table, layouts).layout.name == name


def test_there_is_a_file_for_every_layout(layouts):
    assert {layout.name for layout in layouts} == set(FILES)


def test_an_optional_heading_may_be_there(layouts):
    assert _find(layouts, HEADINGS_2003 + ",数量单位").layout.name == "monthly_2003_2004"


@pytest.mark.parametrize(("encoding", "text"), [("UTF-8", "上海"), ("GB18030", "上海"), ("UTF-8", "\xb6\xab")])
def test_english_headings_leave_the_encoding_to_the_lines_below(layouts, encoding, text):
    file, headings, _ = FILES["monthly_2000_2001"]
    beginning = f"{headings}\n".encode() + f"{text}\n".encode(encoding) * 3 + b"\xb6\xab,cut"
    assert find_layout(file, TextHead(beginning), layouts).reading.encoding == encoding


def test_fields_may_be_separated_by_tabs(layouts):
    assert _find(layouts, HEADINGS_2003.replace(",", "\t")).reading.separator == "\t"


@pytest.mark.parametrize(
    ("headings", "file", "encoding", "said"),
    [
        (HEADINGS_2003 + ",天气", "data200301.csv", "GB18030", r"monthly_2003_2004 \(not in the layout: 天气"),
        (HEADINGS_2003.replace(",金额", ""), "data200301.csv", "GB18030", "missing in the file: 金额"),
        (HEADINGS_2003.replace(",", ";"), "data200301.csv", "GB18030", "separated by ';'"),
        (HEADINGS_2003, "data201301.csv", "GB18030", "for 2003 to 2004, but the file is of 2013"),
        (HEADINGS_2003, "january.csv", "GB18030", "no year in the file's name"),
        ("a,b,c", "data200301.csv", "GB18030", r"no layout has these headings \(a, b, c\)"),
    ],
    ids=["unknown heading", "missing heading", "separator", "year", "no year", "other file"],
)
def test_why_none_fits(layouts, headings, file, encoding, said):
    with pytest.raises(InputError, match=said):
        _find(layouts, headings, file, encoding)


def test_another_encoding_is_told(layouts):
    written = [layout.model_copy(update={"encoding": ("GB18030",)}) for layout in layouts]
    with pytest.raises(InputError, match="written in UTF-8, layout monthly_2003_2004 is in GB18030"):
        _find(written, HEADINGS_2003, encoding="UTF-8")


def test_two_that_fit_are_an_error_that_prints_the_headings(layouts):
    written = next(layout for layout in layouts if layout.name == "monthly_2003_2004")
    with pytest.raises(InputError, match=r"日期, 进口或出口.*fit several layouts .*another"):
        _find([*layouts, written.model_copy(update={"name": "another"})], HEADINGS_2003)


def _write(folder, **files: str) -> str:
    for name, text in files.items():
        path = folder / "customs" / name.replace("__", "/").replace("_csv", ".csv")
        path = path if path.suffix else path.with_suffix(".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder)


CHILE = """
source: customs
edition: yearly
years: [2010, 2012]
separator: ';'
file_name: '(?P<year>[0-9]{4})'
period: yyyyMM
hs_revision: {2010: HS2007, 2012: HS2012}
headings: {FECHA: period_text, VALOR: value_text}
"""


def _load(folder, **files: str):
    layouts = load_layouts("customs", _write(folder, **files))
    return next(layout for layout in layouts if layout.name == "chile")


def test_layouts_of_the_user_are_read_too(tmp_path):
    layout = _load(tmp_path, chile=CHILE)
    assert (layout.encoding, layout.separator) == (("UTF-8",), (";",))
    assert layout.revisions() == [(2010, 2011, "HS2007"), (2012, 2012, "HS2012")]


def test_codings_are_shared_by_name_and_hold_in_their_years(tmp_path):
    layout = _load(
        tmp_path,
        chile=CHILE
        + "codings:\n  partner: pays\n  regime: [all, {years: [2011, 2011], coding: {'7': lease}}, {'9': null}]\n",
        codings__all="'07': ordinary\n'08': border\n",
        codings__pays_csv="label,code\n220,ARG\n",
    )
    told = {(label.field, label.label, label.code, label.first_year, label.last_year) for label in layout.labels}
    assert told == {
        ("partner", "220", "ARG", 2010, 2012),
        ("regime", "07", "ordinary", 2010, 2010),
        ("regime", "7", "lease", 2011, 2011),
        ("regime", "07", "ordinary", 2012, 2012),
        ("regime", "08", "border", 2010, 2012),
        ("regime", "9", None, 2010, 2012),
    }


def test_23_is_processing_in_one_edition_and_leasing_in_the_list(layouts):
    codes = {
        (layout.name, label.label): label.code
        for layout in layouts
        for label in layout.labels
        if label.field == "regime"
    }
    assert codes["yearly_2012_2015", "23"] == "processing_unspecified"
    assert codes["yearly_2007_2011", "23"] == codes["listed_2000_2016", "23"] == "lease"
    assert [codes["yearly_2007_2011", code] for code in ("0110", "0214", "0615", "1523")] == [
        "ordinary",
        "processing_supplied",
        "processing_imported",
        "lease",
    ]
    assert (codes["yearly_2007_2011", "2"], codes["yearly_2012_2015", "1"]) == ("processing_unspecified", "ordinary")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("ignored: [CLIMA]\nweather: sunny", "weather: Extra inputs"),
        ("constants: {no_such_column: x}", "not declared: no_such_column"),
        ("constants: {value_text: '1'}", "several headings lead to value_text; say under `coalesced`"),
        ("codings: {regime: {7: lease}}", "put 7 in quotes"),
        ("codings: {regime: {'7': lease, '07': border}}", "the same: 07, 7"),
        ("codings: {regime: regimen}", "no shared coding is called regimen; there are .*regime_by_code"),
        ("codings: {weather: {a: b}}", "weather is none of direction"),
    ],
)
def test_a_wrong_layout_is_a_sentence(tmp_path, more, said):
    with pytest.raises(InputError, match=said):
        _load(tmp_path, chile=CHILE + more)


@pytest.mark.parametrize(
    ("changed", "into", "said"),
    [
        ("period: yyyyMM", "period: YYYYMM", "period: YYYYMM is none of yyyyMM"),
        ("{2010: HS2007", "{2011: HS2007", "hs_revision: .*the first 2010"),
        ("period: yyyyMM", "", "a layout of customs files needs period"),
    ],
)
def test_what_a_layout_of_customs_must_say(tmp_path, changed, into, said):
    with pytest.raises(InputError, match=said):
        _load(tmp_path, chile=CHILE.replace(changed, into))
