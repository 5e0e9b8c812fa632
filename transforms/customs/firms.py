"""Firms: what the declarations of a year say of them, and where that puts them."""

from __future__ import annotations

from functools import reduce

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.fields import firm_code, trimmed
from haiguan.transforms.customs.firm_codes import FirmCodeSettings, place_digits
from haiguan.transforms.places.divisions import PlaceSettings
from haiguan.transforms.places.extraction import with_place_code
from haiguan.transforms.schema import COLUMNS

FIRM_FIELDS = COLUMNS["firm_field"].values or ()
_CODE, _NAME = "firm_code", "firm_name"
_TELL_A_PLACE = (_CODE, _NAME, "address", "city")


class IntermediarySettings(BaseModel):
    """Firms that trade what others make, told by their names.

    Attributes:
        used: the set of keywords behind `is_intermediary`.
        sets: name -> keywords; a firm is an intermediary where one of its names of the year holds one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    used: str
    sets: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _known(self) -> IntermediarySettings:
        if self.used not in self.sets or not all(self.sets.values()):
            raise ValueError(f"`used` must be one of {', '.join(self.sets)}, and every set must hold a keyword")
        return self


def core_customs__firms(
    raw_customs__declarations: DataFrame,
    core_customs__layouts: DataFrame,
    core_places__divisions: pd.DataFrame,
    *,
    places: PlaceSettings,
    firm_codes: FirmCodeSettings,
) -> DataFrame:
    """One row per year, firm, field and text that its records hold there, counted, with the place that the text tells.

    The code itself is one of the fields: its row counts all records of the firm. Records are counted as delivered,
    those that cleaning rejects for other reasons included.
    """
    counted = _texts(_of_known_firms(raw_customs__declarations, core_customs__layouts))
    asked = counted.withColumns({"is_code": F.col("firm_field") == _CODE, "seat_digits": place_digits(firm_codes)})
    telling = asked.where(F.col("firm_field").isin(*_TELL_A_PLACE)).withColumn(
        "text", F.when(F.col("is_code"), F.coalesce("seat_digits", F.lit(""))).otherwise(F.col("firm_text"))
    )
    placed = with_place_code(telling, core_places__divisions, places)
    others = asked.where(~F.col("firm_field").isin(*_TELL_A_PLACE)).withColumn("place_code", F.lit(None).cast("string"))
    columns = ["year", "firm_code", "firm_field", "firm_text", "records", "place_code"]
    return placed.select(*columns).unionByName(others.select(*columns))


def _of_known_firms(raw: DataFrame, layouts: DataFrame) -> DataFrame:
    """The readable records whose firm has a well-formed code."""
    patterns = layouts.groupBy("layout").agg(F.max("firm_code_pattern").alias("firm_code_pattern"))
    return (
        raw.where("unreadable IS NULL")
        .withColumn("firm_code", firm_code())
        .join(F.broadcast(patterns), "layout", "left")
        .where("firm_code <> '' AND coalesce(firm_code RLIKE firm_code_pattern, true)")
    )


def _texts(records: DataFrame) -> DataFrame:
    """year, firm_code, firm_field, firm_text, records: sets of texts are counted first, then the texts in them."""
    fields = {name: F.col(_CODE) if name == _CODE else trimmed(f"{name}_text") for name in FIRM_FIELDS}
    sets = (
        records.select("year", *[text.alias(name) for name, text in fields.items()])
        .groupBy("year", *fields)
        .agg(F.count("*").alias("together"))
    )
    pairs = F.array(*[F.struct(F.lit(name).alias("firm_field"), F.col(name).alias("firm_text")) for name in fields])
    return (
        sets.select("year", _CODE, "together", F.explode(pairs).alias("pair"))
        .select("year", _CODE, "together", "pair.*")
        .where("firm_text <> ''")
        .groupBy("year", _CODE, "firm_field", "firm_text")
        .agg(F.sum("together").alias("records"))
    )


def firm_places(firms: DataFrame, places: PlaceSettings, intermediaries: IntermediarySettings) -> DataFrame:
    """year, firm_code, firm_place_code, firm_place_evidence, is_intermediary: one row per firm and year.

    The place is that of the evidence that the settings name first, where it tells one; of several texts, of the one
    with the most records, and of those of the first place. Whether the firm is an intermediary is null where no name is
    known.

    Args:
        firms: core_customs__firms.
        places: with the order of evidence.
        intermediaries: with the keywords.
    """
    rank = reduce(
        lambda chain, entry: chain.when(F.col("firm_field") == entry[1], entry[0]),
        enumerate(places.evidence[1:], start=1),
        F.when(F.col("firm_field") == places.evidence[0], 0),
    )
    evidence = F.when(
        F.col("place_code").isNotNull() & rank.isNotNull(),
        F.struct(rank, -F.col("records"), F.col("place_code").alias("code"), F.col("firm_field").alias("evidence")),
    )
    has_keyword = F.when(F.col("firm_field") == _NAME, holds_keyword(intermediaries.sets[intermediaries.used]))
    return (
        firms.groupBy("year", "firm_code")
        .agg(F.min(evidence).alias("best"), F.max(has_keyword).alias("is_intermediary"))
        .select(
            "year",
            "firm_code",
            F.col("best.code").alias("firm_place_code"),
            F.col("best.evidence").alias("firm_place_evidence"),
            "is_intermediary",
        )
    )


def holds_keyword(keywords: tuple[str, ...]) -> Column:
    """Whether `firm_text` holds one of the keywords."""
    return reduce(lambda one, other: one | other, [F.contains("firm_text", F.lit(keyword)) for keyword in keywords])
