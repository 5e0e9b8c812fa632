"""Flows of districts: where exports are made and imports go, summed up by product, partner and regime."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.valuation import exchange_rate_rule, rates_used, valuation_of, with_rates_used
from haiguan.transforms.money import cents, dollars, total
from haiguan.transforms.quantities import complete_sum
from haiguan.transforms.schema import TABLES

UNKNOWN = "unknown"


def core_customs__district_flows(core_customs__declarations: DataFrame, *, value: ValueSettings) -> DataFrame:
    """One row per goods district x product as reported x partner x regime x direction x unit x year.

    Value in = value out; `seat_proxy_value_usd` is the part of it whose district is read from the firm's code. Goods
    whose district nothing tells are in district `unknown`.
    """
    key = list(TABLES["core_customs__district_flows"].key)
    by_proxy = F.when(F.col("is_seat_proxy"), cents("value_usd")).otherwise(0)
    return (
        with_rates_used(core_customs__declarations, value)
        .withColumn("goods_district_code", F.coalesce("goods_district_code", F.lit(UNKNOWN)))
        .groupBy(*key)
        .agg(
            complete_sum("quantity").alias("quantity"),
            total("value_usd").alias("value_usd"),
            dollars(F.sum(by_proxy)).alias("seat_proxy_value_usd"),
            F.count("*").alias("declarations"),
            *rates_used(value),
        )
        .withColumns(
            {"valuation": valuation_of(value, F.col("direction")), "exchange_rate_rule": exchange_rate_rule(value)}
        )
        .select(*TABLES["core_customs__district_flows"].column_names)
    )
