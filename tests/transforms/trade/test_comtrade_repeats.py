"""A row that is rejected for itself does not take the place of a good one with the same key."""

from __future__ import annotations

from haiguan.transforms.schema import TABLES
from haiguan.transforms.trade.comtrade import core_trade__flows


def _row(line: int, value: str) -> tuple:
    head = ("f", "bulk.csv", line, "bulk_classic", 1, None, None, "H5", "2017", "2", "36", "Australia", "AUS", "0")
    return (*head, "848620", "No Quantity", "0", "", value)


def test_the_first_well_formed_row_of_a_key_is_kept(spark):
    rows = [_row(2, "1,234.5"), _row(3, "5"), _row(4, "n/a"), _row(5, "7")]
    outcome = core_trade__flows(spark.createDataFrame(rows, TABLES["raw_trade__comtrade"].ddl))
    assert [(row.line, int(row.value_usd)) for row in outcome.table.collect()] == [(3, 5)]
    assert {row.line: row.rules for row in outcome.quarantine.collect()} == {
        2: ["malformed_value"],
        4: ["malformed_value"],
        5: ["repeated_key"],
    }
