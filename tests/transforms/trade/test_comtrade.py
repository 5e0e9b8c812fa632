"""UN Comtrade: lines of a bulk file to flows, the first of two with one key, the others in quarantine."""

from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.transforms.schema import TABLES
from haiguan.transforms.trade.comtrade import core_trade__flows

RAW = {
    "file_id": "f",
    "file": "bulk.csv",
    "line": 2,
    "layout": "bulk_classic",
    "copies": 1,
    "unreadable": None,
    "raw_bytes_hex": None,
    "revision_text": "H5",
    "year_text": "2017",
    "flow_text": "2",
    "reporter_code_text": "36",
    "reporter_text": "Australia",
    "reporter_iso_text": "AUS",
    "partner_code_text": "0",
    "product_text": "848620",
    "unit_text": "No Quantity",
    "quantity_text": "0",
    "weight_text": "",
    "value_text": "2067551",
}


@pytest.fixture(scope="module")
def flows(spark):
    """Published rows and rules of quarantine, for raw rows with some fields replaced."""

    def made(*replaced: dict):
        rows = [{**RAW, "line": 2 + place, **fields} for place, fields in enumerate(replaced)]
        outcome = core_trade__flows(spark.createDataFrame(rows, TABLES["raw_trade__comtrade"].ddl))
        kept = [row.asDict() for row in outcome.table.orderBy("line").collect()]
        return kept, [row.rules for row in outcome.quarantine.orderBy("line").collect()]

    return made


def test_codes_are_text_with_their_zeros(flows):
    (row,), rejected = flows({})
    assert rejected == []
    assert (row["reporter_code_m49"], row["reporter_code"], row["partner_code_m49"]) == ("036", "AUS", "000")
    assert (row["hs_revision"], row["flow"], row["year"], row["value_usd"]) == ("HS2017", "export", 2017, 2067551)
    assert row["weight_kg"] is None


def test_a_reporter_without_iso_code_stays_in(flows):
    (row,), _ = flows({"reporter_code_text": "490", "reporter_text": "Other Asia, nes", "reporter_iso_text": ""})
    assert (row["reporter_code_m49"], row["reporter_code"], row["reporter_name"]) == ("490", None, "Other Asia, nes")


def test_of_two_rows_with_one_key_the_first_is_kept(flows):
    kept, rejected = flows({"value_text": "5"}, {"value_text": "7"})
    assert [row["value_usd"] for row in kept] == [Decimal("5.00")]
    assert rejected == [["repeated_key"]]


def test_amounts_that_are_no_numbers_are_null_with_a_flag_and_missing_ones_without(flows):
    (odd, missing), rejected = flows(
        {"quantity_text": "1.2e3", "weight_text": "heavy"}, {"quantity_text": "", "product_text": "903141"}
    )
    assert rejected == []
    assert (odd["quantity"], odd["weight_kg"], odd["flags"]) == (None, None, ["malformed_quantity", "malformed_weight"])
    assert (missing["quantity"], missing["flags"]) == (None, [])


REJECTED = [
    ("revision_text", "S3", "unknown_revision"),
    ("year_text", "17", "malformed_year"),
    ("flow_text", "9", "unknown_flow"),
    ("reporter_code_text", "AUS", "malformed_reporter"),
    ("partner_code_text", "", "malformed_partner"),
    ("product_text", "84862", "malformed_product"),
    ("value_text", "1,234.5", "malformed_value"),
]


def test_bad_fields_send_their_rows_to_quarantine(flows):
    kept, rejected = flows(*[{field: text} for field, text, _ in REJECTED])
    assert kept == []
    assert rejected == [[rule] for _, _, rule in REJECTED]
