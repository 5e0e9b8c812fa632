"""Unit values: quartiles by hand, whatever the order of the records."""

from __future__ import annotations

from decimal import Decimal

import pytest
from customs_records import raw_row

from haiguan.transforms.customs.unit_values import core_customs__unit_values

# ln of 1, 10, 100, 1000 dollars a kilogram: 0, 2.303, 4.605, 6.908
AMOUNTS = [("5", "5"), ("50", "5"), ("500", "5"), ("5000", "5")]
WITHOUT = [("0", "5"), ("5", "0"), ("5", ""), ("much", "5")]


@pytest.fixture(scope="module")
def cells(table, customs_settings):
    rows = [raw_row(n, value_text=v, quantity_text=q) for n, (v, q) in enumerate([*AMOUNTS, *WITHOUT], 2)]
    rows.append(raw_row(20, direction_text="?"))
    layout = {
        "layout": "words",
        "first_year": 2003,
        "last_year": 2003,
        "hs_revision": "HS2002",
        "period_formats": ["yyyyMM"],
        "period_rule": "record",
        "product_digits": 8,
        "is_product_number": False,
        "partner_coding": "labels",
        "decimal_separator": ".",
    }
    labels = [("words", "direction", "出口", "export", 2003, 2003), ("words", "unit", "千克", "kilogram", 2003, 2003)]

    def made(partitions: int) -> list[dict]:
        frame = core_customs__unit_values(
            table("raw_customs__declarations", rows).repartition(partitions, "line"),
            table("core_customs__layouts", [layout]),
            table("core_customs__labels", labels),
            table("core_products__codes", [("HS2002", "010110", "horses")]),
            value=customs_settings["value"],
        )
        return [row.asDict() for row in frame.collect()]

    return made


def test_quartiles_are_unit_values_of_the_cell(cells):
    (cell,) = cells(3)
    assert cell == {
        "year": 2003,
        "direction": "export",
        "hs_revision": "HS2002",
        "product_code": "01011010",
        "unit_code": "kilogram",
        "records": 4,
        "ln_unit_value_q1": Decimal("0.000"),
        "ln_unit_value_median": Decimal("2.303"),
        "ln_unit_value_q3": Decimal("4.605"),
    }
    assert cells(1) == [cell]
