"""The defects that are planted: which there are, how many of each, and in which files they can be.

Rejecting ones are records of their own, on top of the good ones, so that the totals of the good records stay the truth;
flags sit on good records, and the rows of repeated blocks are good ones that stand in two files.
"""

from __future__ import annotations

import numpy as np

from haiguan.transforms.simulation.catalogue import UNMAPPED_CODES
from haiguan.transforms.simulation.draws import Draws, Ids
from haiguan.transforms.simulation.editions import Piece

# In the order in which the defective records are appended.
REJECTING = (
    "undecodable_line",
    "unsplittable_line",
    "malformed_period",
    "year_mismatch",
    "month_mismatch",
    "blank_direction",
    "malformed_firm_code",
    "malformed_product",
    "unknown_product",
    "blank_partner",
    "malformed_value",
    "blank_regime",
    "malformed_quantity",
    "ignored_label",
)
IMPORT_FLAG = "partner_is_declarant"
IDENTICAL_ROW, SPECIAL_USE, OUTLIER = "identical_row", "special_use", "unit_value_outlier"
ZERO_VALUE, UNMAPPED = "zero_value", "unmapped_code"
FLAGS = (
    "zero_quantity",
    "missing_quantity",
    IMPORT_FLAG,
    "period_overruled",
    "cut_to_eight",
    SPECIAL_USE,
    OUTLIER,
    "unknown_district",
    UNMAPPED,
    ZERO_VALUE,
    IDENTICAL_ROW,
)
REPEATED_BLOCK = "repeated_block"
RULES = (*REJECTING, *FLAGS, REPEATED_BLOCK)
"""Every rule by its row: what rejects, what is flagged or counted, and rows delivered a second time in another file."""
REPEATED_FILE = "repeated_file"
SECOND_EDITION = "second_edition"
ON_REQUEST = ("ignored_label", SECOND_EDITION)
"""What stops a run until its settings say what to do, and is planted only where that is asked for."""
NOT_LEGIBLE = ("malformed_value", "unsplittable_line")
"""Rules under which nobody can tell a record's amount from its line."""

_DEFECTS_PER_MILLION = 200
_FLAGS_PER_MILLION = 1_000
_OVERRULED_PER_MILLION = 30_000  # dates of shipment that are not those of the file
_NEEDED_FIELD = {
    **dict.fromkeys(("malformed_period", "year_mismatch", "month_mismatch"), "period"),
    **dict.fromkeys(("zero_quantity", "missing_quantity", "malformed_quantity", OUTLIER), "quantity"),
    "unknown_district": "district",
}
_PERIOD_FROM_FILE_NAME = "monthly_2000_2001"


def applies(rule: str, piece: Piece) -> bool:
    """Whether a rule can be broken in a file: it has the field, and lines where the rule is one of lines."""
    by_file_name = piece.layout.name == _PERIOD_FROM_FILE_NAME
    if rule == "period_overruled":
        return by_file_name
    if rule in ("malformed_period", "year_mismatch", "month_mismatch") and by_file_name:
        return False
    if rule == "month_mismatch" and not piece.month:
        return False
    if rule == UNMAPPED:
        return piece.layout.hs_revision in UNMAPPED_CODES
    if rule == "unsplittable_line":
        return piece.is_text
    if rule == "undecodable_line":
        return piece.container != "parquet"
    return _NEEDED_FIELD.get(rule, "value") in piece.layout.fields


def planted_in_year(rule: str, pieces: tuple[Piece, ...], good_records: int) -> int:
    """How many records of a year with so many good ones break a rule."""
    flagged = _OVERRULED_PER_MILLION if rule == "period_overruled" else _FLAGS_PER_MILLION
    per_million = _DEFECTS_PER_MILLION if rule in REJECTING else flagged
    possible = any(applies(rule, piece) for piece in pieces)
    return max(1, round(good_records * per_million / 1e6)) if possible else 0


def spread(draws: Draws, name: str, count: int, total: int, start: int, end: int) -> tuple[Ids, Ids]:
    """Those of `count` numbers below `total` that lie in [start, end): places in the list, and the numbers.

    The numbers up to `total` are cut into as many stretches, and one is drawn from each.
    """
    stretch = total // count if count else 0
    if not stretch:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    places = np.arange(start // stretch, min(-(-end // stretch), count), dtype=np.int64)
    numbers = places * stretch + draws.below(stretch, name, places)
    inside = (numbers >= start) & (numbers < end)
    return places[inside], numbers[inside]
