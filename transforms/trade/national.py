"""Published totals of a country's trade, as its customs or statistics office prints them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

ALL_REGIMES = "all"


def core_trade__national_totals(files_national: DataFrame) -> DataFrame:
    """One row per year, month (0: the whole year), direction and regime (`all`: all of them), in US dollars.

    Figures that the files give in several rows are added up, to the cent.
    """
    return (
        files_national.select(
            F.col("year").cast("int").alias("year"),
            F.coalesce(F.nullif("month", F.lit("")).cast("int"), F.lit(0)).alias("published_month"),
            "direction",
            F.coalesce(F.nullif("regime", F.lit("")), F.lit(ALL_REGIMES)).alias("published_regime"),
            F.bround(F.col("value_usd").cast("decimal(24,6)"), 2).cast("decimal(18,2)").alias("value_usd"),
        )
        .groupBy("year", "published_month", "direction", "published_regime")
        .agg(F.sum("value_usd").cast("decimal(18,2)").alias("value_usd"))
    )
