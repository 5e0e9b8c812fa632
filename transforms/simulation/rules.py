"""The defects that are planted, and how many of each.

Rejecting ones are records of their own, on top of the good ones, so that the totals of the good records stay the truth;
flags sit on good records.
"""

from __future__ import annotations

# In the order in which the defective records are appended.
REJECTING = (
    "undecodable_line",
    "unsplittable_line",
    "malformed_period",
    "year_mismatch",
    "blank_direction",
    "malformed_firm_code",
    "malformed_product",
    "unknown_product",
    "blank_partner",
    "malformed_value",
    "blank_regime",
    "malformed_quantity",
)
QUANTITY_FLAGS = ("zero_quantity", "missing_quantity")
IMPORT_FLAG = "partner_is_declarant"
FLAGS = (*QUANTITY_FLAGS, IMPORT_FLAG)
REPEATED_FILE = "repeated_file"

_DEFECTS_PER_MILLION = 200
_FLAGS_PER_MILLION = 1_000
_AT_LEAST = 3


def defects_per_rule(declarations: int) -> int:
    """How many records break each rejecting rule."""
    return max(_AT_LEAST, round(declarations * _DEFECTS_PER_MILLION / 1e6))


def records_per_flag(declarations: int) -> int:
    """How many good records carry each flag."""
    return max(_AT_LEAST, round(declarations * _FLAGS_PER_MILLION / 1e6))
