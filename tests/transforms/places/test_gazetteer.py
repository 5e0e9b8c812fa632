"""Places told by names and addresses, in the year in which they were written."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd
import pytest

from haiguan.transforms.places.gazetteer import gazetteer_of

DIGITS = (2, 4, 6)
SUFFIXES = ("特别行政区", "自治区", "地区", "省", "市", "县")


@pytest.fixture(scope="module")
def divisions() -> list[dict]:
    """The embedded divisions, with the labels that a run gives them."""
    with files("haiguan.conf").joinpath("codes").joinpath("places.csv").open(encoding="utf-8") as source:
        rows = pd.read_csv(source, dtype=str, keep_default_na=False)
    short = rows.place_name.str.replace(f"({'|'.join(SUFFIXES)})$", "", regex=True)
    rows["place_labels"] = [
        [name, cut] if cut != name and len(cut) > 1 else [name]
        for name, cut in zip(rows.place_name, short, strict=True)
    ]
    rows["parent_code"] = rows.parent_code.replace("", None)
    return rows.to_dict("records")


@pytest.mark.parametrize(
    ("year", "text", "code"),
    [
        (2003, "深圳市华兴电子有限公司", "440300"),
        (2003, "深圳华兴电子有限公司", "440300"),
        (2003, "广东省深圳市宝安区西乡镇", "440306"),
        (2003, "广东深圳宝安区", "440306"),
        (2003, "深　圳 市　宝安区", "440306"),
        (2003, "华兴电子（深圳）有限公司", "440300"),
        (2003, "华兴(苏州)精密机械", "320500"),
        (2003, "华兴电子深圳市分公司", "440300"),
        (2003, "华东发展贸易上海路", None),  # a short name inside a text may be anything
        (2003, "苏州吴江市盛泽镇", "320584"),
        (2003, "吴江市盛泽镇", "320584"),
        (2013, "吴江市盛泽镇", "320500"),  # no such city since 2012: Suzhou, where it lay
        (2013, "苏州市吴江区", "320509"),
        (1990, "深圳市宝安县", "440321"),
        (2003, "深圳市宝安县", "440300"),
        (1996, "四川省重庆市", "510200"),
        (2003, "四川省重庆市", "500000"),  # gone from Sichuan since 1997
        (2003, "重庆市涪陵区", "500102"),
        (2005, "襄樊市人民路", "420600"),
        (2012, "襄樊市人民路", "420600"),  # the same city under its earlier name
        (2003, "上海市浦东新区", "310115"),
        (2003, "SUNRISE TOYS CO., LTD", None),
        (2003, "", None),
    ],
)
def test_the_longest_name_of_the_year_counts(divisions, year, text, code):
    assert gazetteer_of(divisions, year, DIGITS).place_of(text) == code


@pytest.mark.parametrize(
    ("seat", "code"), [(None, None), ("320100", "320106"), ("410100", None), ("350100", "350102"), ("320106", "320106")]
)
def test_the_seat_decides_between_places_of_one_name(divisions, seat, code):
    assert gazetteer_of(divisions, 2003, DIGITS).place_of("鼓楼区中山路", seat) == code


def test_a_city_called_like_its_province(divisions):
    gazetteer = gazetteer_of(divisions, 2003, DIGITS)
    assert gazetteer.place_of("吉林化工厂") == "220000"
    assert gazetteer.place_of("吉林化工厂", seat="220200") == "220200"
    assert gazetteer.place_of("吉林省吉林市") == "220200"


@pytest.mark.parametrize(
    ("year", "digits", "code"),
    [
        (2003, "44039", "440300"),
        (2003, "11019", "110000"),  # municipalities have no prefectures
        (2003, "50019", "500000"),
        (1996, "51029", "510200"),
        (2003, "44999", "440000"),
        (2003, "99999", None),
    ],
)
def test_the_digits_of_a_code_lead_to_the_finest_division_there_is(divisions, year, digits, code):
    assert gazetteer_of(divisions, year, DIGITS).place_of_code(digits) == code
