"""What deliveries overlap in, counted by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.deliveries import (
    BLOCK,
    contested_months,
    core_customs__repeated_rows,
    repeated_steps,
)
from haiguan.transforms.schema import TABLES

RAW = TABLES["raw_customs__declarations"]


def _raw(spark, rows):
    """Rows of year, file, layout, month of the file, period, value, and perhaps unit and why it is unreadable."""
    names = ("year", "file_id", "layout", "file_month", "period_text", "value_text", "unit_text", "unreadable")
    records = [
        {**dict(zip(names, row, strict=False)), "file": row[1], "line": line, "copies": 1}
        for line, row in enumerate(rows, 1)
    ]
    return spark.createDataFrame(records, RAW.ddl)


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
    found = contested_months(raw, spark.createDataFrame(layouts, TABLES["core_customs__layouts"].ddl)).collect()
    assert sorted(tuple(row) for row in found) == [
        (2004, 2, "monthly", 1, 2, Decimal("5.000000")),
        (2004, 2, "yearly", 2, 2, Decimal("40.000000")),
    ]


def test_an_edition_without_months_contests_the_whole_year(spark):
    raw = _raw(
        spark,
        [
            (2004, "m1", "months", 1, "200401", "1"),
            (2004, "m2", "months", 2, "200402", "2"),
            (2004, "f1", "by name", None, "", "40"),
            (2004, "f2", "by name", None, None, "50"),
            (2005, "f3", "by name", None, None, "60"),
        ],
    )
    layouts = [_layout("months", "monthly"), _layout("by name", "listed", "file_name")]
    found = contested_months(raw, spark.createDataFrame(layouts, TABLES["core_customs__layouts"].ddl)).collect()
    assert sorted(tuple(row) for row in found) == [
        (2004, 0, "listed", 2, 2, Decimal("90.000000")),
        (2004, 1, "monthly", 1, 1, Decimal("1.000000")),
        (2004, 2, "monthly", 1, 1, Decimal("2.000000")),
    ]


@pytest.fixture(scope="module")
def repeated(spark):
    """What is found in four files of 2004, of which c repeats a block of b and a little of a, and in two of 2005."""
    block = [(2004, file, "l", None, "200401", f"{n},000.5") for file in ("b", "c") for n in range(1, BLOCK + 1)]
    few = [(2004, file, "l", None, "200402", str(n)) for file in ("a", "c") for n in range(1, BLOCK)]
    blank = [(2004, "d", "l", None, "200403", "1", text) for text in ("", None, "x")]
    other_year = [(2005, "a", "l", None, "200401", f"{n},000.5") for n in range(1, BLOCK + 1)]
    twice = [(2005, "e", "l", None, "200501", "7")] * 3
    unread = [(2005, "e", "l", None, None, None, None, "undecodable")] * 2
    raw = _raw(spark, [*block, *few, *blank, *other_year, *twice, *unread])
    layouts = spark.createDataFrame([_layout("l", "yearly")], TABLES["core_customs__layouts"].ddl)
    value = ValueSettings(currency="USD", exchange_rate="annual", valuation={})
    return core_customs__repeated_rows(raw, layouts, value=value).cache()


def test_a_repeated_record_is_named_with_its_place_and_that_of_its_like(repeated):
    found = sorted((r.year, r.file, r.line, r.repeat_kind, r.first_file, r.first_line) for r in repeated.collect())
    numbers = range(1, BLOCK + 1)
    third = 2 * BLOCK + 2 * (BLOCK - 1)  # lines before those of d
    triple = third + 3 + BLOCK + 1  # the first of the three that agree
    assert found == [
        *[(2004, "c", BLOCK + n, "repeated_block", "b", n) for n in numbers],
        (2004, "d", third + 2, "identical_row", "d", third + 1),
        (2005, "e", triple + 1, "identical_row", "e", triple),
        (2005, "e", triple + 2, "identical_row", "e", triple),
    ]


def test_repeated_records_are_counted_with_the_dollars_that_were_delivered(repeated):
    of_block = sum(Decimal(1000 * n) + Decimal("0.5") for n in range(1, BLOCK + 1))
    assert sorted(map(tuple, repeated_steps(repeated).collect())) == [
        (2004, "alike", "identical_row", 1, Decimal(1)),
        (2004, "alike", "repeated_block", BLOCK, of_block),
        (2005, "alike", "identical_row", 2, Decimal(14)),
    ]
