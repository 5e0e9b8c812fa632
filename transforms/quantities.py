"""Quantities: summed exactly, and only where every part is known."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def complete_sum(column: str) -> Column:
    """The sum of a decimal(18,3) column; null where a part is missing: a partial sum would inflate unit values."""
    thousandths = F.sum((F.col(column) * 1000).cast("bigint"))
    is_complete = F.count(column) == F.count("*")
    return F.when(is_complete, (thousandths.cast("decimal(20,0)") / 1000).cast("decimal(18,3)"))
