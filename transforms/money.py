"""Money: decimal(18,2) in tables, whole cents inside a function, since decimals are slow and doubles do not add up."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_PLAIN_NUMBER = r"^[0-9]{1,14}(\.[0-9]+)?$"
_SCALE = 12  # decimals that an exact amount keeps
_TOO_FINE = rf"\.[0-9]{{{_SCALE + 1},}}$"


def is_plain_number(text: str) -> Column:
    """Whether a text column is digits with at most one decimal point: no sign, thousands separator or exponent."""
    return F.col(text).rlike(_PLAIN_NUMBER)


def exact(text: str) -> Column:
    """A plain number as decimal(38,12); null for any other text.

    Of more than twelve decimals the first eleven are kept and a last one that is 1 where anything follows them and 0
    where nothing does: rounded to fewer decimals later, the number goes where it would have gone in full.
    """
    delivered = F.col(text)
    kept = F.regexp_extract(text, rf"^([0-9]+\.[0-9]{{{_SCALE - 1}}})", 1)
    rest = F.regexp_extract(text, rf"^[0-9]+\.[0-9]{{{_SCALE - 1}}}([0-9]*)$", 1)
    shortened = F.concat(kept, F.when(rest.rlike("[1-9]"), "1").otherwise("0"))
    is_too_fine = (F.length(text) > _SCALE + 2) & delivered.rlike(_TOO_FINE)
    number = F.when(is_too_fine, shortened).otherwise(delivered)
    return F.when(is_plain_number(text), number.cast(f"decimal(38,{_SCALE})"))


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
