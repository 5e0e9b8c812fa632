"""Quantities: decimal(18,3) in tables, whole thousandths inside a function; summed only where every part is known."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def thousandths(column: str) -> Column:
    """A decimal(18,3) column as whole thousandths of the unit, bigint."""
    return (F.col(column) * 1000).cast("bigint")


def in_units(whole_thousandths: Column) -> Column:
    """Whole thousandths of the unit as decimal(18,3)."""
    return (whole_thousandths.cast("decimal(20,0)") / 1000).cast("decimal(18,3)")


def sum_of_known(part: Column) -> Column:
    """The sum; null where a part is missing: a partial sum would inflate unit values."""
    return F.when(F.count(part) == F.count("*"), F.sum(part))


def complete_sum(column: str) -> Column:
    """The sum of a decimal(18,3) column, exact whatever the order of the rows; null where a part is missing."""
    return in_units(sum_of_known(thousandths(column)))
