"""What deliveries overlap in, counted by hand."""

from __future__ import annotations

from decimal import Decimal

from haiguan.jobs.runtime.lake import ddl
from haiguan.transforms.customs.deliveries import BLOCK, contested_months, repeated_rows
from haiguan.transforms.money import exact
from haiguan.transforms.schema import TABLES

RAW = TABLES["raw_customs__declarations"]


def _raw(spark, rows):
    """Rows of year, file, layout, month of the file, period, value."""
    names = ("year", "file_id", "layout", "file_month", "period_text", "value_text")
    records = [
        {**dict(zip(names, row, strict=True)), "file": row[1], "line": line, "copies": 1}
        for line, row in enumerate(rows, 1)
    ]
    return spark.createDataFrame(records, ddl(RAW))


def _layout(name, edition, rule="must_agree"):
    return (name, edition, 2004, 2005, "HS2002", ["yyyyMM"], rule, 8, False, None, "own", None, ",", ".")


def test_only_months_that_two_editions_cover_are_contested(spark):
    raw = _raw(
        spark,
        [
            (2004, "m1", "months", 1, "200401", "1,000.50"),
            (2004, "m2", "months", 2, "200402", "2"),
            (2004, "m2", "months", 2, "200402", "3"),
            (2004, "y1", "year", None, "200402", "40"),
            (2004, "y2", "year", None, "200402", "no number"),
            (2004, "y2", "year", None, "200403", "50"),
            (2004, "y2", "year", None, "", "60"),
            (2004, "d1", "by name", 4, "200401", "70"),
            (2005, "m3", "months", 2, "200502", "80"),
        ],
    )
    layouts = [_layout("months", "monthly"), _layout("year", "yearly"), _layout("by name", "yearly", "file_name")]
    found = contested_months(raw, spark.createDataFrame(layouts, ddl(TABLES["core_customs__layouts"]))).collect()
    assert sorted(tuple(row) for row in found) == [
        (2004, 2, "monthly", 1, 2, Decimal("5.000000")),
        (2004, 2, "yearly", 2, 2, Decimal("40.000000")),
    ]


def test_rows_that_stand_twice_are_counted_inside_a_file_and_between_files(spark):
    block = [(2004, file, "l", None, "200401", str(n)) for file in ("b", "c") for n in range(1, BLOCK + 1)]
    few = [(2004, file, "l", None, "200401", "0.5") for file in ("a", "b")]
    other_year = [(2005, "d", "l", None, "200401", str(n)) for n in range(1, BLOCK + 1)]
    twice = [(2005, "e", "l", None, "200501", "7")] * 3
    raw = _raw(spark, [*block, *few, *other_year, *twice])
    found = repeated_rows(raw, exact("value_text")).collect()
    assert sorted(tuple(row) for row in found) == [
        (2004, "alike", "repeated_block", BLOCK, Decimal(BLOCK * (BLOCK + 1) / 2).quantize(Decimal("0.000001"))),
        (2005, "alike", "identical_row", 2, Decimal("14.000000")),
    ]
