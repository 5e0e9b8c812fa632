"""Annual flows: declarations summed up by firm, product, partner, regime, direction and unit."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.money import total
from haiguan.transforms.schema import TABLES


def core_customs__annual_flows(core_customs__declarations: DataFrame) -> DataFrame:
    """One row per firm x product as reported x partner x regime x direction x unit x year; value in = value out.

    `quantity` is null where one of the records has none, since a partial sum would inflate unit values.
    """
    key = list(TABLES["core_customs__annual_flows"].key)
    thousandths = F.sum((F.col("quantity") * 1000).cast("bigint"))
    is_complete = F.count("quantity") == F.count("*")
    return core_customs__declarations.groupBy(*key).agg(
        F.when(is_complete, (thousandths.cast("decimal(20,0)") / 1000).cast("decimal(18,3)")).alias("quantity"),
        total("value_usd").alias("value_usd"),
        F.count("*").alias("declarations"),
    )
