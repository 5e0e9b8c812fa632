"""Amounts are rounded once, from the number as delivered, however fine it is."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from haiguan.transforms.money import exact, to_cents

TEXTS = (
    "0.0149999999999999",  # rounded to twelve decimals first it would be 0.02
    "0.0150000000000001",
    "0.0250000000000000",
    "0.0050000000000000000000000001",
    "0.004999999999999999999",
    "1.005",
    "99999999999999.994999999999999",
    "7",
    "7.",
    "-7",
    "1,234.5",
    "",
)


def test_amounts_go_where_the_number_in_full_would_go(spark):
    frame = spark.createDataFrame([(text,) for text in TEXTS], "text string")
    found = {row.text: row.value for row in frame.select("text", to_cents(exact("text")).alias("value")).collect()}
    numbers = TEXTS[:8]
    expected = {text: Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN) for text in numbers}
    assert found == {**expected, **dict.fromkeys(TEXTS[8:])}
