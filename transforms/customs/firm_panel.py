"""The panel of firms: when a code comes and goes, what its characters tell, and which codes may be the same firm."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.firm_codes import FirmCodeSettings, ownership, place_digits, zone

_MOST_CODES_OF_A_NAME = 20  # a name that more codes share tells nothing


def core_customs__firm_panel(
    core_customs__firm_year: DataFrame, core_customs__firms: DataFrame, *, firm_codes: FirmCodeSettings
) -> DataFrame:
    """One row per firm code: its first and last year, the years between without trade, and what the code tells.

    A code that is there in the first year of the archive may have entered before, one of the last year may go on.
    `successor_codes` are candidates and no more: codes that begin later than this one ends and share one of its names.
    """
    archive = core_customs__firm_year.agg(F.min("year").alias("opens"), F.max("year").alias("closes"))
    spans = _spans(core_customs__firm_year)
    return (
        spans.join(F.broadcast(archive), how="cross")
        .join(_successors(spans, core_customs__firms), "firm_code", "left")
        .select(
            "firm_code",
            "first_year",
            "last_year",
            "active_years",
            (F.col("last_year") - F.col("first_year") + 1 - F.col("active_years")).alias("gap_years"),
            (F.col("first_year") > F.col("opens")).alias("has_entered"),
            (F.col("last_year") < F.col("closes")).alias("has_left"),
            place_digits(firm_codes).alias("code_place_digits"),
            zone(firm_codes).alias("code_zone"),
            ownership(firm_codes).alias("code_ownership"),
            F.coalesce("successor_codes", F.array().cast("array<string>")).alias("successor_codes"),
        )
    )


def _spans(firm_years: DataFrame) -> DataFrame:
    return firm_years.groupBy("firm_code").agg(
        F.min("year").alias("first_year"),
        F.max("year").alias("last_year"),
        F.count("*").cast("int").alias("active_years"),
    )


def _successors(spans: DataFrame, firms: DataFrame) -> DataFrame:
    """firm_code, successor_codes: of the codes that share a name, those that begin after this one has ended."""
    named = firms.where(F.col("firm_field") == "firm_name").select("firm_code", "firm_text").distinct()
    dated = named.join(spans.select("firm_code", "first_year", "last_year"), "firm_code", "inner")
    shared = (
        dated.groupBy("firm_text")
        .agg(F.collect_set(F.struct("firm_code", "first_year", "last_year")).alias("codes"))
        .where(F.size("codes").between(2, _MOST_CODES_OF_A_NAME))
        .select(F.explode("codes").alias("this"), "codes")
    )
    return (
        shared.select(F.col("this.firm_code").alias("firm_code"), F.explode(_later("codes")).alias("code"))
        .groupBy("firm_code")
        .agg(F.sort_array(F.collect_set("code")).alias("successor_codes"))
    )


def _later(codes: str) -> Column:
    """The codes among them that begin after `this` has ended."""
    begin_later = F.filter(codes, lambda other: other["first_year"] > F.col("this.last_year"))
    return F.transform(begin_later, lambda other: other["firm_code"])
