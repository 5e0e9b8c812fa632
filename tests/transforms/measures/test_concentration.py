"""Concentration of exports: shares, index and ranks, on a table that a reader can add up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.transforms.measures.concentration import (
    ConcentrationSettings,
    measure_products__concentration,
    measure_products__exporters,
)
from haiguan.transforms.schema import TABLES

SETTINGS = ConcentrationSettings(aggregate_reporters=("097",), listed_exporters=3, products=(), product_labels={})

#        reporter iso  partner flow       revision value
FLOWS = """
         036      AUS  000     export     HS2017   1.00
         040      AUT  000     export     HS2017   2.00
         056      BEL  000     export     HS2017   3.00
         076      BRA  000     export     HS2012   4.00
         490      -    000     export     HS2017   10.00
         097      EUR  000     export     HS2017   50.00
         344      HKG  000     re_export  HS2017   60.00
         036      AUS  000     import     HS2017   70.00
         100      BGR  000     export     HS2017   0.00
         036      AUS  156     export     HS2017   0.60
"""


def _flows(spark, text: str = FLOWS):
    rows = []
    for line, words in enumerate(map(str.split, text.strip().splitlines()), start=2):
        reporter, iso, partner, flow, revision, value = words
        codes = (2017, reporter, None if iso == "-" else iso, f"name {reporter}", partner, flow, revision, "848620")
        rows.append((*codes, None, "unknown", None, Decimal(value), Decimal(0), "f", line, []))
    return spark.createDataFrame(rows, TABLES["core_trade__flows"].ddl)


@pytest.fixture(scope="module")
def outcome(spark):
    return measure_products__concentration(_flows(spark), concentration=SETTINGS)


def test_shares_and_index_are_those_of_the_worked_example(outcome):
    """x = (1, 2, 3, 4, 10): Share3 .85, Share5 1, Herfindahl .325."""
    (row,) = outcome.table.collect()
    assert (row.exporters, row.exporters_with_iso, row.value_usd) == (5, 4, Decimal("20.00"))
    assert (row.share_1, row.share_3, row.share_5) == (0.5, 0.85, 1.0)
    assert row.herfindahl == pytest.approx(0.325, abs=1e-15)


def test_what_is_left_out_is_counted_by_reason(outcome):
    found = {row.rule: (row.records, row.amount_usd) for row in outcome.steps.collect()}
    assert found == {
        "re_export": (1, Decimal("60")),
        "import": (1, Decimal("70")),
        "aggregate_reporter": (1, Decimal("50")),
        "part_of_world": (1, Decimal("0.6")),
        "zero_value": (1, Decimal("0")),
    }


def test_largest_exporters_are_ranked(spark):
    rows = measure_products__exporters(_flows(spark), concentration=SETTINGS).orderBy("rank").collect()
    assert [(row["rank"], row.reporter_name, row.export_share) for row in rows] == [
        (1, "name 490", 0.5),
        (2, "name 076", 0.2),
        (3, "name 056", 0.15),
    ]


def test_a_reporter_without_a_world_row_counts_with_the_sum_of_its_partners(spark):
    text = "036 AUS 156 export HS2017 1.50\n036 AUS 392 export HS2017 1.50\n040 AUT 000 export HS2017 1.00"
    (row,) = measure_products__concentration(_flows(spark, text), concentration=SETTINGS).table.collect()
    assert (row.exporters, row.share_1) == (2, 0.75)


def test_equal_exporters_are_ranked_by_their_code_whatever_the_partitions(spark):
    text = "\n".join(f"{code} AAA 000 export HS2017 1.00" for code in ("300", "100", "200", "400"))
    ranked = measure_products__exporters(_flows(spark, text).repartition(5), concentration=SETTINGS)
    assert [row.reporter_code_m49 for row in ranked.orderBy("rank").collect()] == ["100", "200", "300"]
