"""Firms by year: what they traded, in what regimes, in how many products and with how many partners."""

from __future__ import annotations

from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.firms import IntermediarySettings, holds_keyword
from haiguan.transforms.customs.valuation import exchange_rate_rule, rates_used, with_rates_used
from haiguan.transforms.money import cents, dollars
from haiguan.transforms.schema import TABLES
from haiguan.transforms.schema.columns import PROCESSING, REGIMES, regime_value

ALL_FIRMS = "all_firms"
_DIRECTIONS: tuple[Literal["export", "import"], ...] = ("export", "import")


def core_customs__firm_year(core_customs__declarations: DataFrame, *, value: ValueSettings) -> DataFrame:
    """One row per firm and year: value by direction and regime, products as reported, partners; value in = value out.

    The values by regime add up to those of their direction; `export_processing_usd` and `import_processing_usd` are the
    sums of the three regimes of processing. The ownership is the one that stands on most of the firm's dollars in one
    product, partner and regime.
    """
    parts = (
        with_rates_used(core_customs__declarations, value)
        .withColumn("cents", cents("value_usd"))
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
        .agg(F.sum("cents").alias("cents"), F.count("*").alias("together"), *rates_used(value))
    )
    firm_years = parts.groupBy("year", "firm_code").agg(
        F.max("firm_place_code").alias("firm_place_code"),
        F.max("firm_place_evidence").alias("firm_place_evidence"),
        F.max("is_intermediary").alias("is_intermediary"),
        F.max(F.when(F.col("ownership").isNotNull(), F.struct("cents", "ownership")))
        .getField("ownership")
        .alias("ownership"),
        *_values(),
        *_counts(),
        F.sum("together").alias("declarations"),
        *rates_used(value),
    )
    valued = {f"{direction}_valuation": F.lit(value.valuation[direction]) for direction in _DIRECTIONS}
    return firm_years.withColumns({**valued, "exchange_rate_rule": exchange_rate_rule(value)}).select(
        *TABLES["core_customs__firm_year"].column_names
    )


def _values() -> list[Column]:
    """value_usd and, by direction, the whole, every regime, and processing of all kinds."""
    found = [dollars(F.sum("cents")).alias("value_usd")]
    for direction in _DIRECTIONS:
        of_direction = F.col("direction") == direction
        found.append(_sum_of(of_direction).alias(f"{direction}_value_usd"))
        found += [
            _sum_of(of_direction & (F.col("regime") == regime)).alias(regime_value(direction, regime))
            for regime in REGIMES
        ]
        found.append(_sum_of(of_direction & F.col("regime").isin(*PROCESSING)).alias(f"{direction}_processing_usd"))
    return found


def _sum_of(condition: Column) -> Column:
    return dollars(F.sum(F.when(condition, F.col("cents")).otherwise(0)))


def _counts() -> list[Column]:
    """export_products, export_partners, import_products, import_partners."""
    return [
        F.size(F.collect_set(F.when(F.col("direction") == direction, F.col(code))))
        .cast("bigint")
        .alias(f"{direction}_{things}")
        for direction in _DIRECTIONS
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
