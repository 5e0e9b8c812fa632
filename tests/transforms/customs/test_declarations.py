"""Cleaning, record by record: what a field may look like, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from customs_records import raw_row

from haiguan.transforms.customs.declarations import MUST_REJECT, RULES, CleanSettings, core_customs__declarations
from haiguan.transforms.schema import TABLES

CLEAN = CleanSettings(
    declarant="CHN",
    reject=(
        *MUST_REJECT,
        "year_mismatch",
        "month_mismatch",
        "malformed_firm_code",
        "unknown_product",
        "malformed_quantity",
    ),
    ignore_labels={"partner": ("火星",)},
)
RAW = raw_row(2, file_month=1)


DIVISIONS = [
    ("440000", 1980, 2100, "广东省", 1, None, ["广东省", "广东"]),
    ("440300", 1980, 2100, "深圳市", 2, "440000", ["深圳市", "深圳"]),
    ("440306", 1993, 2100, "宝安区", 3, "440300", ["宝安区"]),
    ("220000", 1980, 2100, "吉林省", 1, None, ["吉林省", "吉林"]),
    ("220200", 1980, 2100, "吉林市", 2, "220000", ["吉林市", "吉林"]),
]
FIRMS = [
    (2003, "4403940277", "firm_code", "4403940277", 9, "440300"),
    (2003, "4403940277", "firm_name", "深圳嘉明贸易", 9, "440300"),
    (2003, "4403940277", "address", "深圳市宝安区", 2, "440306"),
]
# Between 20 and 50 dollars a kilogram: ln 20 = 2.996, ln 50 = 3.912; three times their distance is 2.748.
UNIT_VALUES = [
    (2003, "export", "HS2002", "01011010", "kilogram", 20, Decimal("2.996"), Decimal("3.401"), Decimal("3.912")),
    (2003, "import", "HS2002", "01011010", "kilogram", 19, Decimal("2.996"), Decimal("3.401"), Decimal("3.912")),
]
VALUES = [
    ("100.005", "100.00", "0.005"),  # half to even
    ("100.015", "100.02", "-0.005"),
    ("0.1", "0.10", "0"),
    ("99999999999999", "99999999999999.00", "0"),
    (" 100 ", "100.00", "0"),
]
REJECTED = [
    ("value_text", "1,234.5", "malformed_value"),
    ("value_text", "1.2e6", "malformed_value"),
    ("value_text", "-5", "malformed_value"),
    ("value_text", "", "malformed_value"),
    ("value_text", None, "malformed_value"),
    ("period_text", "200313", "malformed_period"),
    ("period_text", "2003-1", "malformed_period"),
    ("period_text", "200401", "year_mismatch"),
    ("period_text", "200302", "month_mismatch"),
    ("direction_text", "\u3000", "blank_direction"),
    ("partner_text", None, "blank_partner"),
    ("partner_text", "火星", "ignored_label"),
    ("partner_text", "木星", "unknown_partner"),
    ("regime_text", "", "blank_regime"),
    ("regime_text", "样品", "ignored_label"),
    ("regime_text", "宇宙", "unknown_regime"),
    ("firm_code_text", "440394027", "malformed_firm_code"),
    ("firm_code_text", "", "malformed_firm_code"),
    ("product_text", "0101101", "malformed_product"),
    ("product_text", "0101101X", "malformed_product"),
    ("product_text", "1011010", "malformed_product"),  # a zero is put back only where codes came as numbers
    ("product_text", "77010000", "unknown_product"),
    ("quantity_text", "five", "malformed_quantity"),
    ("unit_text", "箩", "unknown_unit"),
]
FLAGGED = [
    ("quantity_text", "", "missing_quantity"),
    ("quantity_text", "0", "zero_quantity"),
    ("value_text", "0", "zero_value"),
    ("partner_text", "中国", "partner_is_declarant"),
]
_WRITTEN = ("^[0-9A-Z]{10}$", "labels", "consignment", None, ".")
_BLANK = {name: None for name in RAW if name.endswith("_text")}
CASES: dict[str, dict] = {
    "good": {},
    **{f"value {text}": {"value_text": text} for text, _, _ in VALUES},
    **{f"{field} {text}": {field: text} for field, text, _ in [*REJECTED, *FLAGGED]},
    "several": {"value_text": "", "quantity_text": "five", "regime_text": ""},
    "numbers": {"layout": "numbers", "product_text": "1011010", "partner_text": "4"},
    "lower case": {"firm_code_text": "4403940abc"},
    "no unit": {"unit_text": None},
    "no field for quantities": {"quantity_text": None},
    "another firm": {"firm_code_text": "3205940001"},
    **{f"district {text}": {"district_text": text} for text in ("44031", "深圳", "吉林")},
    **{f"unit value {text}": {"value_text": text} for text in ("1500", "4000")},
    "few imports": {"direction_text": "进口", "value_text": "9000"},
    "ten digits": {"product_text": "0101101099"},
    "ten digits as a number": {"layout": "numbers", "product_text": "101101099"},
    "chapter 98": {"product_text": "98010010"},
    "chapter 99": {"product_text": "99999999"},
    "unreadable": {**_BLANK, "unreadable": "undecodable", "raw_bytes_hex": "FF"},
}


@pytest.fixture(scope="module")
def clean(spark, customs_settings):
    """Cleans rows of the raw table; returns the declarations and the rows in quarantine as dictionaries."""

    def table(name: str, rows: list):
        return spark.createDataFrame(rows, TABLES[name].ddl)

    layouts = [
        ("words", "monthly", 2003, 2004, "HS2002", ["yyyyMM"], "must_agree", 8, False, *_WRITTEN),
        ("numbers", "yearly", 2003, 2007, "HS2002", ["yyyyMM"], "must_agree", 8, True, *_WRITTEN),
    ]
    labels = [
        ("direction", "出口", "export"),
        ("direction", "进口", "import"),
        ("regime", "一般贸易", "ordinary"),
        ("regime", "样品", None),
        ("ownership", "国有", "state"),
        ("unit", "千克", "kilogram"),
        ("partner", "美国", "USA"),
        ("partner", "中国", "CHN"),
        ("partner", "004", "DEU"),
    ]
    others = (
        table("core_customs__layouts", layouts),
        table(
            "core_customs__labels",
            [(layout, *label, 2003, 2004) for layout in ("words", "numbers") for label in labels],
        ),
        table("core_products__codes", [("HS2002", "010110", "horses")]),
        table("core_places__divisions", DIVISIONS),
        table("core_customs__firms", FIRMS),
        table("core_customs__unit_values", UNIT_VALUES),
        table("core_customs__repeated_rows", []),
    )

    def cleaned(rows: list[dict], partitions: int = 1) -> list[dict]:
        raw = table("raw_customs__declarations", rows).repartition(partitions)
        outcome = core_customs__declarations(raw, *others, clean=CLEAN, **customs_settings)
        return [row.asDict() for row in (*outcome.table.collect(), *outcome.quarantine.collect())]

    return cleaned


@pytest.fixture(scope="module")
def found(clean) -> dict[str, dict]:
    """Case -> its declaration, or else its row in quarantine; all cases are cleaned in one go."""
    rows = clean([{**RAW, "line": line, **case} for line, case in enumerate(CASES.values(), 2)])
    by_line = {row["line"]: row for row in rows}
    assert len(rows) == len(by_line) == len(CASES)
    return {name: by_line[line] for line, name in enumerate(CASES, 2)}


def test_a_record_moved_to_another_file_or_partition_is_the_same(found, clean):
    place = ("file", "file_id", "line")
    moved = {"file": "2003/data200301_2.csv", "file_id": "g"}
    rows = [{**RAW, **moved, "line": line, **case} for line, case in enumerate(reversed(CASES.values()), 2)]
    there = {row["line"]: row for row in clean(rows, partitions=7)}
    assert {row["file"] for row in there.values()} == {moved["file"]}
    for line, name in enumerate(reversed(CASES), 2):
        as_before = {column: value for column, value in found[name].items() if column not in place}
        assert {column: value for column, value in there[line].items() if column not in place} == as_before, name


def test_a_good_record_is_coded(found):
    expected = {
        "year": 2003,
        "month": 1,
        "direction": "export",
        "firm_code": "4403940277",
        "ownership": "state",
        "product_code": "01011010",
        "hs_revision": "HS2002",
        "partner_code": "USA",
        "regime": "ordinary",
        "unit_code": "kilogram",
        "quantity": Decimal("5.000"),
        "value_usd": Decimal("100.00"),
        "rounding_usd": Decimal("0.000000"),
        "flags": [],
    }
    assert {name: found["good"][name] for name in expected} == expected


@pytest.mark.parametrize(("text", "dollars", "rounding"), VALUES)
def test_values_are_rounded_to_cents_half_to_even(found, text, dollars, rounding):
    row = found[f"value {text}"]
    assert (row["value_usd"], row["rounding_usd"]) == (Decimal(dollars), Decimal(rounding))


@pytest.mark.parametrize(("field", "text", "rule"), REJECTED)
def test_a_bad_field_sends_the_record_to_quarantine(found, field, text, rule):
    assert found[f"{field} {text}"]["rules"][0] == rule


@pytest.mark.parametrize(("field", "text", "flag"), FLAGGED)
def test_an_odd_field_is_flagged_and_kept(found, field, text, flag):
    assert found[f"{field} {text}"]["flags"] == [flag]


def test_every_broken_rule_is_listed_in_order(found):
    assert found["several"]["rules"] == ["malformed_value", "blank_regime", "malformed_quantity"]
    assert found["several"]["value_usd"] is None


def test_a_record_is_placed_twice(found):
    row = found["good"]
    assert (row["goods_district_code"], row["is_seat_proxy"]) == ("44039", True)
    assert (row["firm_place_code"], row["firm_place_evidence"]) == ("440306", "address")
    assert row["is_intermediary"] is True
    assert found["another firm"]["firm_place_code"] is None


@pytest.mark.parametrize(
    ("text", "code", "is_proxy"), [("44031", "44031", False), ("深圳", "4403", False), ("吉林", "44039", True)]
)
def test_the_goods_district_is_what_was_delivered(found, text, code, is_proxy):
    row = found[f"district {text}"]
    assert (row["goods_district_code"], row["is_seat_proxy"]) == (code, is_proxy)
    assert row["flags"] == (["unknown_district"] if is_proxy else [])


@pytest.mark.parametrize(("dollars", "flags"), [("1500", []), ("4000", ["unit_value_outlier"])])
def test_a_unit_value_far_outside_the_quartiles_is_flagged(found, dollars, flags):
    row = found[f"unit value {dollars}"]
    assert (row["flags"], row["value_usd"]) == (flags, Decimal(dollars))  # exp(3.912 + 2.748) = 780 a kilogram, times 5


def test_files_without_quantities_are_no_fault_of_their_records(found):
    assert (found["no field for quantities"]["quantity"], found["no field for quantities"]["flags"]) == (None, [])


def test_small_cells_have_no_outliers(found):
    assert found["few imports"]["flags"] == []


@pytest.mark.parametrize(
    ("case", "code", "kind", "flags"),
    [
        ("ten digits", "01011010", "harmonised", ["cut_to_eight"]),
        ("ten digits as a number", "01011010", "harmonised", ["cut_to_eight"]),
        ("chapter 98", "98010010", "special_use", []),
        ("chapter 99", "99999999", "special_use", []),
    ],
)
def test_codes_of_ten_digits_are_cut_and_chapters_for_special_uses_kept(found, case, code, kind, flags):
    row = found[case]
    assert (row["product_code"], row["product_class"], row["flags"]) == (code, kind, flags)


def test_the_rules_of_the_archive_travel_with_the_record(found):
    row = found["good"]
    assert (row["valuation"], row["exchange_rate_rule"]) == ("FOB", "none")
    assert found["few imports"]["valuation"] == "CIF"


def test_codes_that_came_as_numbers_get_their_zeros_back(found):
    assert (found["numbers"]["product_code"], found["numbers"]["partner_code"]) == ("01011010", "DEU")


def test_firm_codes_are_upper_case(found):
    assert found["lower case"]["firm_code"] == "4403940ABC"


def test_a_unit_that_is_not_delivered_is_unknown(found):
    assert found["no unit"]["unit_code"] == "unknown"


def test_a_line_that_could_not_be_read_breaks_no_other_rule(found):
    assert (found["unreadable"]["rules"], found["unreadable"]["raw_text"]) == (["undecodable_line"], "FF")


def test_quarantine_keeps_the_record_as_delivered(found):
    assert '"firm_name_text":"嘉明"' in found["value_text 1.2e6"]["raw_text"]


def test_rules_without_which_a_column_is_empty_must_reject():
    with pytest.raises(ValueError, match="blank_partner must reject"):
        CleanSettings(declarant="CHN", reject=tuple(r for r in MUST_REJECT if r != "blank_partner"), ignore_labels={})


def test_a_rule_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no rule is called"):
        CleanSettings(declarant="CHN", reject=(*RULES, "blank_weather"), ignore_labels={})
