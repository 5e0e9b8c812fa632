"""Values and quantities of customs records: read, converted to US dollars by a stated rule, valued as customs value."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.errors import InputError
from haiguan.transforms.money import exact, is_plain_number, to_cents

DOLLARS = "USD"


class ValueSettings(BaseModel):
    """What the values of an archive are.

    Attributes:
        currency: ISO 4217 code of the currency in which values are delivered.
        exchange_rate: monthly: the average rate of the month where the month and its rate are known, else that of the
            year; annual: that of the year.
        valuation: direction -> how goods are valued.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    currency: str
    exchange_rate: Literal["monthly", "annual"]
    valuation: dict[Literal["export", "import"], Literal["FOB", "CIF", "FAS"]]


def core_countries__exchange_rates(files_exchange_rates: DataFrame) -> DataFrame:
    """One row per currency, year and month (0: the year's average): US dollars per unit of the currency."""
    return files_exchange_rates.select(
        F.upper("currency_code").alias("currency_code"),
        F.col("year").cast("int").alias("year"),
        F.coalesce(F.nullif("month", F.lit("")).cast("int"), F.lit(0)).alias("rate_month"),
        F.col("usd_per_unit").cast("decimal(18,10)").alias("usd_per_unit"),
    )


def with_amounts(records: DataFrame, rates: DataFrame | None, value: ValueSettings) -> DataFrame:
    """The records with exact_usd, value_usd, rounding_usd, quantity, valuation and exchange_rate_rule.

    Args:
        records: with year, month, direction and trimmed value_text and quantity_text.
        rates: core_countries__exchange_rates; not needed for values in US dollars.
        value: what the values are.

    Raises:
        InputError: values are in another currency, and no rates are there.
    """
    exact_usd = F.col("delivered") * F.col("usd_per_unit") if value.currency != DOLLARS else F.col("delivered")
    quantity = F.when(is_plain_number("quantity_text"), F.bround(exact("quantity_text"), 3).cast("decimal(18,3)"))
    valuation = [F.lit(part) for pair in sorted(value.valuation.items()) for part in pair]
    return (
        _with_rate(records.withColumn("delivered", exact("value_text")), rates, value)
        .withColumn("exact_usd", exact_usd)
        .withColumns(
            {
                "value_usd": to_cents(F.col("exact_usd")),
                "rounding_usd": (F.col("exact_usd") - to_cents(F.col("exact_usd"))).cast("decimal(18,6)"),
                "quantity": quantity,
                "valuation": F.create_map(*valuation)[F.col("direction")],
            }
        )
    )


def _with_rate(records: DataFrame, rates: DataFrame | None, value: ValueSettings) -> DataFrame:
    if value.currency == DOLLARS:
        return records.withColumn("exchange_rate_rule", F.lit("none"))
    if rates is None:
        raise InputError(
            f"value.currency is {value.currency}, and there are no exchange rates; name them under "
            "inputs.exchange_rates (currency_code, year, month, usd_per_unit), or set it to USD"
        )
    of_currency = rates.where(F.col("currency_code") == value.currency).drop("currency_code")
    monthly = of_currency.withColumnsRenamed({"rate_month": "month", "usd_per_unit": "monthly"})
    annual = of_currency.where("rate_month = 0").select("year", F.col("usd_per_unit").alias("annual"))
    used = F.col("monthly") if value.exchange_rate == "monthly" else F.lit(None).cast("decimal(18,10)")
    return (
        records.withColumn("delivered", F.col("delivered").cast("decimal(24,8)"))
        .join(F.broadcast(monthly.where("month > 0")), ["year", "month"], "left")
        .join(F.broadcast(annual), "year", "left")
        .withColumns(
            {
                "usd_per_unit": F.coalesce(used, "annual").cast("decimal(13,10)"),
                "exchange_rate_rule": _rule(used),
            }
        )
    )


def _rule(monthly: Column) -> Column:
    return F.when(monthly.isNotNull(), "monthly").when(F.col("annual").isNotNull(), "annual")
