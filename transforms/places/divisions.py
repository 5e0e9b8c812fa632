"""Administrative divisions: which there were in a year, what lay in what, and what addresses call them."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.schema import COLUMNS


class PlaceSettings(BaseModel):
    """How divisions are named and coded, and which evidence of a firm's place counts first.

    Attributes:
        suffixes: ends of names that addresses leave out, the longest that fits being cut.
        no_places: names in lists of divisions that only group others.
        code_digits: digits of a code that identify a division, by level.
        evidence: what tells the place of a firm, the best first.
        least_characters: shortest name that is looked for in a text.
        district_code: pattern of a delivered district of the goods that is a code and no name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    suffixes: tuple[str, ...]
    no_places: tuple[str, ...]
    code_digits: tuple[int, ...]
    evidence: tuple[str, ...]
    least_characters: int
    district_code: str

    @field_validator("evidence")
    @classmethod
    def _tells(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = COLUMNS["firm_place_evidence"].values or ()
        strays = [name for name in names if name not in known]
        if strays or not names:
            raise ValueError(f"{', '.join(strays) or 'nothing'} tells no place; choose among {', '.join(known)}")
        return names


def core_places__divisions(files_places: DataFrame, *, places: PlaceSettings) -> DataFrame:
    """One row per division and span of years in which it had the same name and parent.

    `place_labels` holds the name in full and, where something of it is left, without its suffix.
    """
    ends = "|".join(re.escape(suffix) for suffix in sorted(places.suffixes, key=lambda text: (-len(text), text)))
    short = F.regexp_replace("place_name", f"({ends})$", "")
    is_shorter = (short != F.col("place_name")) & (F.length(short) >= places.least_characters)
    labels = F.array_compact(F.array("place_name", F.when(is_shorter, short)))
    return files_places.select(
        "place_code",
        "first_year",
        "last_year",
        "place_name",
        "place_level",
        F.nullif("parent_code", F.lit("")).alias("parent_code"),
        labels.alias("place_labels"),
    )
