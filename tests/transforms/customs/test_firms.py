"""Firms: what the records of a year say of them, counted, and where that puts them."""

from __future__ import annotations

import pandas as pd
import pytest
from customs_records import raw_row

from haiguan.transforms.customs.firms import IntermediarySettings, core_customs__firms, firm_places
from haiguan.transforms.schema import TABLES

DIVISIONS = pd.DataFrame(
    [
        ("440000", 1980, 2100, "广东省", 1, None, ["广东省", "广东"]),
        ("440300", 1980, 2100, "深圳市", 2, "440000", ["深圳市", "深圳"]),
        ("440306", 1993, 2100, "宝安区", 3, "440300", ["宝安区"]),
        ("320000", 1980, 2100, "江苏省", 1, None, ["江苏省", "江苏"]),
        ("320500", 1980, 2100, "苏州市", 2, "320000", ["苏州市", "苏州"]),
        ("320584", 1980, 2011, "吴江市", 3, "320500", ["吴江市", "吴江"]),
    ],
    columns=TABLES["core_places__divisions"].column_names,
)
#         year  firm          name              address         phone
RECORDS = [
    (2003, "4403940277", "深圳华兴电子", "深圳市宝安区西乡", "27654321"),
    (2003, "4403940277", "深圳华兴电子", "深圳市宝安区西乡", "7654321"),
    (2003, "4403940277", " 深圳华兴电子\u3000", "深圳市", ""),
    (2003, "4403940277", "深圳华兴进出口", None, None),
    (2003, "3205940001", "ACME", "人民路1号", None),
    (2003, "3205940002", "吴江丝绸", None, None),
    (2013, "3205940002", "吴江丝绸", None, None),
    (2003, "3205940abc", None, None, None),
    (2003, "", "无名", "深圳市", None),
]


@pytest.fixture(scope="module")
def firms(table, places, firm_codes):
    raw = [
        raw_row(n, year=y, firm_code_text=code, firm_name_text=name, address_text=address, phone_text=phone)
        for n, (y, code, name, address, phone) in enumerate(RECORDS, 2)
    ]
    layouts = table("core_customs__layouts", [{"layout": "words", "firm_code_pattern": None}])
    return core_customs__firms(
        table("raw_customs__declarations", raw), layouts, DIVISIONS, places=places, firm_codes=firm_codes
    ).cache()


def test_texts_are_counted_and_placed(firms):
    of_firm = firms.where("firm_code = '4403940277'").collect()
    assert {(row.firm_field, row.firm_text): (row.records, row.place_code) for row in of_firm} == {
        ("firm_code", "4403940277"): (4, "440300"),
        ("firm_name", "深圳华兴电子"): (3, "440300"),
        ("firm_name", "深圳华兴进出口"): (1, "440300"),
        ("address", "深圳市宝安区西乡"): (2, "440306"),
        ("address", "深圳市"): (1, "440300"),
        ("phone", "27654321"): (1, None),
        ("phone", "7654321"): (1, None),
    }


def test_a_record_without_a_code_says_nothing_of_any_firm(firms):
    assert {row.firm_code for row in firms.select("firm_code").collect()} == {
        "4403940277",
        "3205940001",
        "3205940002",
        "3205940ABC",
    }


def test_the_best_evidence_places_a_firm_in_its_year(firms, places, intermediaries):
    found = firm_places(firms, places, intermediaries).collect()
    assert {
        (row.year, row.firm_code): (row.firm_place_code, row.firm_place_evidence, row.is_intermediary) for row in found
    } == {
        (2003, "4403940277"): ("440306", "address", True),  # the address of most records; one of its names
        (2003, "3205940001"): ("320500", "firm_code", False),
        (2003, "3205940002"): ("320584", "firm_name", False),
        (2013, "3205940002"): ("320500", "firm_name", False),  # the city has gone by then
        (2003, "3205940ABC"): ("320500", "firm_code", None),  # no name
    }


def test_an_unknown_set_of_keywords_is_refused():
    with pytest.raises(ValueError, match="must be one of five"):
        IntermediarySettings(used="six", sets={"five": ("贸易",)})
