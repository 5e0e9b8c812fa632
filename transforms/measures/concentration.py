"""Concentration of world exports of a product over the countries that export it.

Shares of the n largest exporters and the Herfindahl index, as in Lu, Ju and Yu (study d, sections 2 and 3): exports as
reported (gross of re-exports), partner World, product codes of whatever HS revision each reporter used, every reporter
with positive exports in the denominator, those without an ISO code included.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.money import cents, dollars
from haiguan.transforms.outcome import Outcome

WORLD = "000"


class ConcentrationSettings(BaseModel):
    """Which reporters are sums of others, how many exporters are listed, and which products are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    aggregate_reporters: tuple[str, ...]
    listed_exporters: int
    products: tuple[str, ...]
    product_labels: dict[str, str]


def measure_products__concentration(core_trade__flows: DataFrame, *, concentration: ConcentrationSettings) -> Outcome:
    """One row per product and year: number of exporters, world exports in US dollars, shares and Herfindahl index.

    With fewer than n exporters the share of the n largest is 1. Shares and index lie in [0, 1]. `exporters_with_iso`
    leaves out the reporters that have no ISO code; values and shares never do.
    """
    sorted_values = F.reverse(F.array_sort(F.collect_list("cents")))
    by_product = (
        _exports(core_trade__flows, concentration)
        .groupBy("year", "product_code")
        .agg(
            F.count("*").alias("exporters"),
            F.count("reporter_code").alias("exporters_with_iso"),
            F.sum("cents").alias("total"),
            sorted_values.alias("largest_first"),
        )
    )
    measures = by_product.select(
        "year",
        "product_code",
        "exporters",
        "exporters_with_iso",
        dollars(F.col("total")).alias("value_usd"),
        *[_share_of_largest(n).alias(f"share_{n}") for n in (1, 3, 5)],
        _herfindahl().alias("herfindahl"),
    )
    return Outcome(table=measures, steps=_left_out(core_trade__flows, concentration))


def measure_products__exporters(core_trade__flows: DataFrame, *, concentration: ConcentrationSettings) -> DataFrame:
    """One row per product, year and rank: the largest exporters, value in US dollars, share in world exports.

    Exporters of equal value are ranked by their M49 code.
    """
    exports = _exports(core_trade__flows, concentration)
    of_product = Window.partitionBy("year", "product_code")
    ranked = exports.withColumns(
        {
            "rank": F.row_number().over(of_product.orderBy(F.desc("cents"), "reporter_code_m49")),
            "export_share": F.col("cents") / F.sum("cents").over(of_product),
        }
    )
    return ranked.where(F.col("rank") <= concentration.listed_exporters).select(
        "year",
        "product_code",
        "rank",
        "reporter_code_m49",
        "reporter_code",
        "reporter_name",
        dollars(F.col("cents")).alias("value_usd"),
        "export_share",
    )


def _exports(flows: DataFrame, settings: ConcentrationSettings) -> DataFrame:
    """year, product_code, reporter, cents: exports to the world of every reporter that is not a sum of others.

    A reporter that reports no World row for a product and year counts with the sum of its partners.
    """
    return (
        _with_reason(flows, settings)
        .where("reason IS NULL")
        .groupBy("year", "product_code", "reporter_code_m49")
        .agg(
            F.max("reporter_code").alias("reporter_code"),
            F.max("reporter_name").alias("reporter_name"),
            F.sum(cents("value_usd")).alias("cents"),
        )
    )


def _with_reason(flows: DataFrame, settings: ConcentrationSettings) -> DataFrame:
    """The flows with the reason for which they are left out; null for the exports that count."""
    is_world = F.col("partner_code_m49") == WORLD
    of_reporter = Window.partitionBy("year", "product_code", "reporter_code_m49", "flow")
    reason = (
        F.when(F.col("flow") != "export", F.col("flow"))
        .when(F.col("reporter_code_m49").isin(*settings.aggregate_reporters), F.lit("aggregate_reporter"))
        .when(~is_world & F.max(is_world).over(of_reporter), F.lit("part_of_world"))
        .when(F.col("value_usd") == 0, F.lit("zero_value"))
    )
    return flows.withColumn("reason", reason)


def _left_out(flows: DataFrame, settings: ConcentrationSettings) -> DataFrame:
    """year, step, rule, records, amount_usd of the rows that are no exports of a country."""
    value = dollars(F.sum(cents("value_usd"))).cast("decimal(38,6)")
    return (
        _with_reason(flows, settings)
        .where("reason IS NOT NULL")
        .groupBy("year", "reason")
        .agg(F.count("*").alias("records"), value.alias("amount_usd"))
        .select("year", F.lit("dropped").alias("step"), F.col("reason").alias("rule"), "records", "amount_usd")
    )


def _share_of_largest(n: int) -> Column:
    largest = F.aggregate(F.slice("largest_first", 1, n), F.lit(0).cast("bigint"), lambda total, value: total + value)
    return largest / F.col("total")


def _herfindahl() -> Column:
    """Summed from the largest to the smallest, so that the doubles add up the same whatever the partitioning."""
    return F.aggregate(
        "largest_first", F.lit(0.0), lambda total, value: total + F.pow(value / F.col("total"), F.lit(2.0))
    )
