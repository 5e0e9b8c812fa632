"""What the code of a firm tells by its characters: its place, its zone, its ownership."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pyspark.sql import Column
from pyspark.sql import functions as F

Span = tuple[int, int]


class FirmCodeSettings(BaseModel):
    """Which characters of a firm's code tell what; codes that the pattern does not fit tell nothing.

    Attributes:
        pattern: of codes that tell something; null where a country's codes do not.
        place: first and last character of the place of the firm.
        district: first and last character of the district as whose goods its goods count for want of a better.
        zone: character of the economic zone.
        ownership: character of the ownership.
        zones: that character -> zone.
        ownerships: that character -> ownership.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    pattern: str | None
    place: Span
    district: Span
    zone: int
    ownership: int
    zones: dict[str, str]
    ownerships: dict[str, str]


def place_digits(codes: FirmCodeSettings) -> Column:
    """The characters of `firm_code` that tell the place; null where it tells nothing."""
    return _characters(codes, codes.place)


def district_digits(codes: FirmCodeSettings) -> Column:
    """The characters of `firm_code` that stand for the district of the goods; null where it tells nothing."""
    return _characters(codes, codes.district)


def zone(codes: FirmCodeSettings) -> Column:
    """The economic zone that `firm_code` tells; null where it tells none."""
    return _meaning(codes, codes.zone, codes.zones)


def ownership(codes: FirmCodeSettings) -> Column:
    """The ownership that `firm_code` tells; null where it tells none."""
    return _meaning(codes, codes.ownership, codes.ownerships)


def _characters(codes: FirmCodeSettings, span: Span) -> Column:
    if codes.pattern is None:
        return F.lit(None).cast("string")
    first, last = span
    return F.when(F.col("firm_code").rlike(codes.pattern), F.substring("firm_code", first, last - first + 1))


def _meaning(codes: FirmCodeSettings, position: int, meanings: dict[str, str]) -> Column:
    if not meanings:
        return F.lit(None).cast("string")
    known = F.create_map(*[F.lit(part) for pair in sorted(meanings.items()) for part in pair])
    return known[_characters(codes, (position, position))]
