"""A layout is found by headings and year; where none fits, the message says what the nearest would need."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime.layouts import find_layout, load_layouts
from haiguan.transforms.errors import InputError

HEADINGS_2003 = "日期,进口或出口,企业编码,经营单位,企业性质,税号编码,起运国或目的国,金额,数量,贸易方式"


@pytest.fixture(scope="module")
def layouts():
    return load_layouts("customs")


def _find(layouts, headings: str, file: str = "data200301.csv", encoding: str = "GB18030"):
    return find_layout(file, f"{headings}\n".encode(encoding), layouts)


def test_found_by_headings_and_year(layouts):
    assert _find(layouts, HEADINGS_2003).name == "monthly_2003_2004"


def test_an_optional_heading_may_be_there(layouts):
    assert _find(layouts, HEADINGS_2003 + ",数量单位").name == "monthly_2003_2004"


@pytest.mark.parametrize(
    ("headings", "file", "encoding", "said"),
    [
        (
            HEADINGS_2003 + ",天气",
            "data200301.csv",
            "GB18030",
            r"monthly_2003_2004 \(not in the layout: 天气",
        ),
        (HEADINGS_2003.replace(",金额", ""), "data200301.csv", "GB18030", "missing in the file: 金额"),
        (HEADINGS_2003, "data200301.csv", "UTF-8", "written in UTF-8, layout monthly_2003_2004 is in GB18030"),
        (HEADINGS_2003.replace(",", "\t"), "data200301.csv", "GB18030", "separated by '\\\\t'"),
        (HEADINGS_2003, "data201301.csv", "GB18030", "for 2003 to 2004, but the file is of 2013"),
        (HEADINGS_2003, "january.csv", "GB18030", "no year in the file's name"),
        ("a,b,c", "data200301.csv", "GB18030", "no layout has these headings"),
    ],
    ids=["unknown heading", "missing heading", "encoding", "separator", "year", "no year", "other file"],
)
def test_why_none_fits(layouts, headings, file, encoding, said):
    with pytest.raises(InputError, match=said):
        _find(layouts, headings, file, encoding)


def test_two_that_fit_are_an_error(layouts):
    with pytest.raises(InputError, match="fit several layouts"):
        _find([*layouts, layouts[0].model_copy(update={"name": "another"})], HEADINGS_2003)


def test_layouts_of_the_user_are_read_too(tmp_path):
    folder = tmp_path / "customs"
    folder.mkdir()
    (folder / "chile.yaml").write_text(
        "source: customs\nedition: yearly\nyears: [2010, 2012]\ncontainer: csv\nencoding: UTF-8\nseparator: ';'\n"
        "file_name: '(?P<year>[0-9]{4})'\nperiod: yyyyMM\nhs_revision: HS2007\n"
        "headings: {FECHA: period_text, VALOR: value_text}\n"
    )
    assert "chile" in [layout.name for layout in load_layouts("customs", str(tmp_path))]


def test_a_heading_that_leads_nowhere_is_an_error(tmp_path):
    folder = tmp_path / "customs"
    folder.mkdir()
    (folder / "bad.yaml").write_text(
        "source: customs\nedition: yearly\nyears: [2010, 2012]\ncontainer: csv\nencoding: UTF-8\nseparator: ';'\n"
        "headings: {FECHA: no_such_column}\n"
    )
    with pytest.raises(InputError, match="not declared: no_such_column"):
        load_layouts("customs", str(tmp_path))
