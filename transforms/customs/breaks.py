"""Breaks: what changes in the tables because the files change, told by year, so that nobody takes it for trade."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.money import cents, dollars

_NOT_TOLD = "not_told"


class BreakSettings(BaseModel):
    """Partners whose share is watched, since it depends on which country the files call the partner."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    partners: tuple[str, ...]


def core_customs__breaks(core_customs__declarations: DataFrame, *, breaks: BreakSettings) -> DataFrame:
    """One row per year, direction, series and category: records, dollars, and their share in the year and direction.

    Series: `firm_place_evidence`, what told the seat of the firm; `goods_district`, whether it was delivered, read from
    the firm's code or not told; `partner_basis`, which country is called the partner; and for each watched partner its
    share, by that basis.
    """
    watched = F.when(F.col("partner_code").isin(*breaks.partners), F.col("partner_code"))
    parts = (
        core_customs__declarations.select(
            "year",
            "direction",
            F.coalesce("firm_place_evidence", F.lit(_NOT_TOLD)).alias("evidence"),
            _district().alias("district"),
            F.coalesce("partner_basis", F.lit(_NOT_TOLD)).alias("basis"),
            watched.alias("watched"),
            cents("value_usd").alias("cents"),
        )
        .groupBy("year", "direction", "evidence", "district", "basis", "watched")
        .agg(F.sum("cents").alias("cents"), F.count("*").alias("records"))
    )
    everything = Window.partitionBy("year", "direction")
    told = parts.withColumn("all_cents", F.sum("cents").over(everything)).withColumn("told", F.explode(_series()))
    return (
        told.groupBy("year", "direction", "told.series", "told.category")
        .agg(F.sum("records").alias("declarations"), F.sum("cents").alias("cents"), F.max("all_cents").alias("of"))
        .select(
            "year",
            "direction",
            "series",
            "category",
            "declarations",
            dollars(F.col("cents")).alias("value_usd"),
            F.when(F.col("of") > 0, F.col("cents") / F.col("of")).otherwise(0.0).alias("value_share"),
        )
    )


def _district() -> Column:
    told = F.when(F.col("goods_district_code").isNull(), _NOT_TOLD)
    return told.when(F.col("is_seat_proxy"), "firm_code").otherwise("delivered")


def _series() -> Column:
    pairs = {
        "firm_place_evidence": F.col("evidence"),
        "goods_district": F.col("district"),
        "partner_basis": F.col("basis"),
    }
    named = [F.struct(F.lit(name).alias("series"), column.alias("category")) for name, column in pairs.items()]
    partner = F.struct(F.concat(F.lit("partner_"), "watched").alias("series"), F.col("basis").alias("category"))
    return F.array_compact(F.array(*named, F.when(F.col("watched").isNotNull(), partner)))
