"""Annual flows: records summed up by key in one HS revision, and not a cent lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from products_tables import harmonise, links, together

from haiguan.jobs.runtime.lake import ddl
from haiguan.transforms.customs.flows import core_customs__annual_flows
from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import core_products__families
from haiguan.transforms.schema import TABLES

CODES = {"HS1996": ("010101", "010102"), "HS2002": ("010101", "010109", "010110")}
CONVERSION = """
    HS2002 010101 HS1996 010101
    HS2002 010110 HS1996 010101
"""
WEIGHTS = """
    HS2002 010101 HS1996 010101 1
    HS2002 010110 HS1996 010101 0.25
    HS2002 010110 HS1996 010102 0.75
"""
#          month firm  revision product  partner regime      unit        quantity value
RECORDS = """
           1     A     HS2002   01010110 USA     ordinary    kilogram    5        100.10
           2     A     HS2002   01011020 USA     ordinary    kilogram    7        0.01
           2     A     HS2002   01010110 USA     ordinary    piece       7        2.00
           3     A     HS2002   01010110 DEU     ordinary    kilogram    -        3.00
           4     A     HS2002   01011030 DEU     ordinary    kilogram    2        4.00
           5     B     HS1996   01010111 USA     border      kilogram    1        99999999999.99
           6     B     HS2002   01010999 USA     border      kilogram    1        7.77
"""


@pytest.fixture(scope="module")
def tables(spark):
    """concordance, codes and families."""
    codes = spark.createDataFrame(
        [(revision, code, None) for revision, listed in CODES.items() for code in listed],
        ddl(TABLES["core_products__codes"]),
    )
    made = core_products__concordance(together(links(CONVERSION, "conversion"), links(WEIGHTS, "weights")))
    family = core_products__families(made, codes.toPandas().iloc[:0], harmonise=harmonise())
    concordance = spark.createDataFrame(made, ddl(TABLES["core_products__concordance"]))
    return concordance, codes, spark.createDataFrame(family, ddl(TABLES["core_products__families"]))


@pytest.fixture(scope="module")
def declarations(spark):
    rows = []
    names = "month firm_code hs_revision product_code partner_code regime unit_code quantity value_usd".split()
    for words in map(str.split, RECORDS.strip().splitlines()):
        record = dict(zip(names, words, strict=True))
        record["quantity"] = None if record["quantity"] == "-" else Decimal(record["quantity"])
        rows.append({**record, "value_usd": Decimal(record["value_usd"]), "year": 2003, "direction": "export"})
    columns = [
        *[f"{name} string" for name in names[:-2]],
        "quantity decimal(18,3), value_usd decimal(18,2), year int, direction string",
    ]
    return spark.createDataFrame(rows, ", ".join(columns))


def _found(outcome):
    """Flows and flows in quarantine: firm, product, partner, unit -> quantity, value, declarations, and what else."""
    return [
        {
            (row.firm_code, row.product_code, row.partner_code, row.unit_code): (
                None if row.quantity is None else str(row.quantity),
                str(row.value_usd),
                row.declarations,
                row[last],
            )
            for row in frame.collect()
        }
        for frame, last in ((outcome.table, "is_apportioned"), (outcome.quarantine, "nearest_codes"))
    ]


UNKNOWN = {("B", "01010999", "USA", "kilogram"): ("1.000", "7.77", 1, ["010101", "010110"])}


def test_conversion_sums_up_what_becomes_one_code(declarations, tables):
    flows, rejected = _found(core_customs__annual_flows(declarations.repartition(5), *tables, harmonise=harmonise()))
    assert flows == {
        ("A", "010101", "USA", "kilogram"): ("12.000", "100.11", 2, False),
        ("A", "010101", "USA", "piece"): ("7.000", "2.00", 1, False),  # units are never mixed
        ("A", "010101", "DEU", "kilogram"): (None, "7.00", 2, False),  # one record has no quantity
        ("B", "010101", "USA", "kilogram"): ("1.000", "99999999999.99", 1, False),
    }
    assert rejected == UNKNOWN


def test_weights_split_value_and_quantity_and_say_so(declarations, tables):
    settings = harmonise(method="weights")
    flows, rejected = _found(core_customs__annual_flows(declarations.repartition(3), *tables, harmonise=settings))
    assert flows == {
        ("A", "010101", "USA", "kilogram"): ("6.750", "100.10", 2, True),
        ("A", "010102", "USA", "kilogram"): ("5.250", "0.01", 1, True),  # a cent goes where most of it belongs
        ("A", "010101", "USA", "piece"): ("7.000", "2.00", 1, False),
        ("A", "010101", "DEU", "kilogram"): (None, "4.00", 2, True),
        ("A", "010102", "DEU", "kilogram"): ("1.500", "3.00", 1, True),
        ("B", "010101", "USA", "kilogram"): ("1.000", "99999999999.99", 1, False),
    }
    assert rejected == UNKNOWN


def test_families_give_the_codes_of_a_family_one_synthetic_code(declarations, tables):
    flows, rejected = _found(core_customs__annual_flows(declarations, *tables, harmonise=harmonise(method="families")))
    assert {key[1] for key in flows} == {"F96010101"}
    assert flows["A", "F96010101", "USA", "kilogram"] == ("12.000", "100.11", 2, False)
    assert rejected == UNKNOWN


def test_a_cut_off_refuses_large_families(declarations, tables):
    settings = harmonise(method="families", family_codes_at_most=1)
    outcome = core_customs__annual_flows(declarations, *tables, harmonise=settings)
    assert outcome.table.count() == 0
    rules = {row.product_code: row.rules for row in outcome.quarantine.collect()}
    assert rules == {
        code: ["unmapped_code" if code == "01010999" else "large_family"]
        for code in ("01010110", "01011020", "01011030", "01010111", "01010999")
    }


def test_codes_stay_as_reported_where_no_revision_is_named(declarations, tables):
    flows, rejected = _found(core_customs__annual_flows(declarations, *tables, harmonise=harmonise(to=None)))
    assert flows["A", "01011020", "USA", "kilogram"] == ("7.000", "0.01", 1, False)
    assert len(flows) == 7
    assert rejected == {}
