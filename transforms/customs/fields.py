"""Fields of customs records as text: blank and missing are the same."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from haiguan.transforms.schema import TABLES

DELIVERED = tuple(name for name in TABLES["raw_customs__declarations"].column_names if name.endswith("_text"))
"""The fields of a raw record as delivered."""


def trimmed(field: str) -> Column:
    """A delivered field without blanks around it, wide ones and tabs included; empty where it is missing."""
    return F.trim(F.translate(F.coalesce(field, F.lit("")), "\u3000\t", "  "))


def firm_code() -> Column:
    """The code of the firm, upper case."""
    return F.upper(trimmed("firm_code_text"))
