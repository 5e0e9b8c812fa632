"""How the values of a sum of declarations are valued, and at which exchange rates they were converted.

Valuation follows from the direction by the settings, so that no flow is grouped by it. Of rates there is only something
to carry where values are not delivered in US dollars; it is carried as a whole number, which Spark sums up by hash.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import DOLLARS, ValueSettings

_BITS = {"monthly": 1, "annual": 2, "mixed": 3}
_USED = "rates_used"


def valuation_of(value: ValueSettings, direction: Column) -> Column:
    """How goods of a direction are valued."""
    (first, of_first), *others = sorted(value.valuation.items())
    told = F.when(direction == first, of_first)
    for name, valuation in others:
        told = told.when(direction == name, valuation)
    return told


def with_rates_used(records: DataFrame, value: ValueSettings) -> DataFrame:
    """The records with what `rates_used` sums up: nothing where values are delivered in US dollars."""
    if value.currency == DOLLARS:
        return records
    bits = F.create_map(*[F.lit(part) for pair in _BITS.items() for part in pair])
    return records.withColumn(_USED, bits[F.col("exchange_rate_rule")])


def rates_used(value: ValueSettings) -> list[Column]:
    """The aggregates that carry the rates through a grouping, however often it is grouped again."""
    return [] if value.currency == DOLLARS else [F.bit_or(_USED).alias(_USED)]


def exchange_rate_rule(value: ValueSettings) -> Column:
    """The rate at which all values of a sum were converted; mixed: some at a month's, some at a year's."""
    if value.currency == DOLLARS:
        return F.lit("none")
    names = F.create_map(*[F.lit(part) for rule, bits in _BITS.items() for part in (bits, rule)])
    return names[F.col(_USED)]
