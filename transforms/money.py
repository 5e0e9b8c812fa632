"""Money: decimal(18,2) in tables, whole cents inside a function, since decimals are slow and doubles do not add up."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_PLAIN_NUMBER = r"^[0-9]{1,14}(\.[0-9]+)?$"


def is_plain_number(text: str) -> Column:
    """Whether a text column is digits with at most one decimal point: no sign, thousands separator or exponent."""
    return F.col(text).rlike(_PLAIN_NUMBER)


def exact(text: str) -> Column:
    """A plain number as decimal(38,12); null for any other text."""
    return F.when(is_plain_number(text), F.col(text).cast("decimal(38,12)"))


def to_cents(exact_amount: Column) -> Column:
    """An amount rounded to decimal(18,2), half to even."""
    return F.bround(exact_amount, 2).cast("decimal(18,2)")


def cents(column: str) -> Column:
    """A decimal(18,2) column as whole cents, bigint."""
    return (F.col(column) * 100).cast("bigint")


def dollars(cents_amount: Column) -> Column:
    """Whole cents as decimal(18,2)."""
    return (cents_amount.cast("decimal(20,0)") / 100).cast("decimal(18,2)")


def total(column: str) -> Column:
    """The sum of a decimal(18,2) column, exact whatever the order of the rows."""
    return dollars(F.sum(cents(column)))
