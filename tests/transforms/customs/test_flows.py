"""Annual flows: records summed up by key, and not a cent lost."""

from __future__ import annotations

from decimal import Decimal

from haiguan.jobs.runtime.lake import ddl
from haiguan.transforms.customs.flows import core_customs__annual_flows
from haiguan.transforms.schema import TABLES

#          month firm  product     partner regime      unit        quantity value
RECORDS = """
           1     A     01011010    USA     ordinary    kilogram    5        100.10
           2     A     01011010    USA     ordinary    kilogram    7        0.01
           2     A     01011010    USA     ordinary    piece       7        2.00
           3     A     01011010    DEU     ordinary    kilogram    -        3.00
           4     A     01011010    DEU     ordinary    kilogram    2        4.00
           5     B     01011010    USA     border      kilogram    1        99999999999.99
"""


def _declarations(spark, text: str = RECORDS):
    rows = []
    for line, words in enumerate(map(str.split, text.strip().splitlines()), start=2):
        month, firm, product, partner, regime, unit, quantity, value = words
        amount = None if quantity == "-" else Decimal(quantity)
        codes = ("export", firm, None, None, product, "HS2002", partner, regime, unit, amount)
        rows.append((2003, int(month), "f", "f.csv", line, "l", *codes, Decimal(value), Decimal(0), []))
    return spark.createDataFrame(rows, ddl(TABLES["core_customs__declarations"]))


def _flows(frame):
    return {
        (row.firm_code, row.partner_code, row.unit_code): (row.quantity, row.value_usd, row.declarations)
        for row in core_customs__annual_flows(frame).collect()
    }


def test_records_of_one_key_are_summed(spark):
    assert _flows(_declarations(spark)) == {
        ("A", "USA", "kilogram"): (Decimal("12.000"), Decimal("100.11"), 2),
        ("A", "USA", "piece"): (Decimal("7.000"), Decimal("2.00"), 1),  # units are never mixed
        ("A", "DEU", "kilogram"): (None, Decimal("7.00"), 2),  # one record has no quantity
        ("B", "USA", "kilogram"): (Decimal("1.000"), Decimal("99999999999.99"), 1),
    }


def test_partitions_and_order_change_nothing(spark):
    frame = _declarations(spark)
    assert _flows(frame.repartition(7)) == _flows(frame.orderBy("value_usd")) == _flows(frame)
