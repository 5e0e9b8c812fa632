"""Firms by year: what they traded, in what regimes, in how many products and with how many partners."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.firms import IntermediarySettings, holds_keyword
from haiguan.transforms.money import cents, dollars

_REGIMES = {
    "ordinary": ("ordinary",),
    "processing": ("processing_imported", "processing_supplied", "processing_unspecified"),
}
ALL_FIRMS = "all_firms"


def core_customs__firm_year(core_customs__declarations: DataFrame) -> DataFrame:
    """One row per firm and year: value by direction and regime, products as reported, partners; value in = value out.

    The ownership is the one that stands on most of the firm's dollars in one product, partner and regime.
    """
    parts = (
        core_customs__declarations.withColumn("cents", cents("value_usd"))
        .groupBy(
            "year",
            "firm_code",
            "direction",
            "regime",
            "product_code",
            "partner_code",
            "ownership",
            "firm_place_code",
            "firm_place_evidence",
            "is_intermediary",
        )
        .agg(F.sum("cents").alias("cents"), F.count("*").alias("together"))
    )
    return parts.groupBy("year", "firm_code").agg(
        F.max("firm_place_code").alias("firm_place_code"),
        F.max("firm_place_evidence").alias("firm_place_evidence"),
        F.max("is_intermediary").alias("is_intermediary"),
        F.max(F.when(F.col("ownership").isNotNull(), F.struct("cents", "ownership")))
        .getField("ownership")
        .alias("ownership"),
        *_values(),
        *_counts(),
        F.sum("together").alias("declarations"),
    )


def _values() -> list[Column]:
    """value_usd and, by direction, export_value_usd, export_ordinary_usd, export_processing_usd and so on."""
    found = [dollars(F.sum("cents")).alias("value_usd")]
    for direction in ("export", "import"):
        of_direction = F.col("direction") == direction
        found.append(_sum_of(of_direction).alias(f"{direction}_value_usd"))
        for kind, regimes in _REGIMES.items():
            found.append(_sum_of(of_direction & F.col("regime").isin(*regimes)).alias(f"{direction}_{kind}_usd"))
    return found


def _sum_of(condition: Column) -> Column:
    return dollars(F.sum(F.when(condition, F.col("cents")).otherwise(0)))


def _counts() -> list[Column]:
    """export_products, export_partners, import_products, import_partners."""
    return [
        F.size(F.collect_set(F.when(F.col("direction") == direction, F.col(code))))
        .cast("bigint")
        .alias(f"{direction}_{things}")
        for direction in ("export", "import")
        for things, code in (("products", "product_code"), ("partners", "partner_code"))
    ]


def core_customs__intermediaries(
    core_customs__firms: DataFrame, core_customs__firm_year: DataFrame, *, intermediaries: IntermediarySettings
) -> DataFrame:
    """One row per year and set of keywords: the firms that the set makes intermediaries, their records and dollars.

    The set `all_firms` holds every firm, so that shares can be told.
    """
    matches = {name: F.max(holds_keyword(words)).alias(name) for name, words in sorted(intermediaries.sets.items())}
    by_name = (
        core_customs__firms.where(F.col("firm_field") == "firm_name")
        .groupBy("year", "firm_code")
        .agg(*matches.values())
    )
    sets = F.array(F.lit(ALL_FIRMS), *[F.when(F.col(name), F.lit(name)) for name in matches])
    return (
        core_customs__firm_year.join(by_name, ["year", "firm_code"], "left")
        .withColumn("keyword_set", F.explode(F.array_compact(sets)))
        .groupBy("year", "keyword_set")
        .agg(
            F.count("*").alias("firms"),
            F.sum("declarations").alias("declarations"),
            *[
                dollars(F.sum(cents(name))).alias(name)
                for name in ("value_usd", "export_value_usd", "import_value_usd")
            ],
        )
    )
