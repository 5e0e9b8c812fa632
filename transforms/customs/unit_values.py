"""Typical unit values: what a unit of a product costs, and which records lie far out.

The logarithm of a record's value per unit of quantity, in thousandths, is compared with the quartiles of its cell
(direction x product x unit x year), after Tukey's fences, as the boxplot rule of the FAO's trade system does. All is
counted in whole numbers, so the order of the records cannot matter.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.reading import read_records

CELL = ("year", "direction", "hs_revision", "product_code", "unit_code")
_NEEDED_LABELS = ("direction", "unit")  # the other coded fields are not looked up
_QUARTILES = {"ln_unit_value_q1": 1, "ln_unit_value_median": 2, "ln_unit_value_q3": 3}
"""Column -> how many fourths of the records lie at or below it."""


class UnitValueSettings(BaseModel):
    """When a unit value is an outlier: beyond the quartiles by `fences` times their distance.

    Attributes:
        fences: how many distances between the quartiles.
        least_spread: natural log points that the distance counts for at least.
        least_records: cells with fewer records have no outliers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fences: float = Field(gt=0)
    least_spread: float = Field(ge=0)
    least_records: int = Field(ge=4)


def core_customs__unit_values(
    raw_customs__declarations: DataFrame,
    core_customs__layouts: DataFrame,
    core_customs__labels: DataFrame,
    core_products__codes: DataFrame,
    core_countries__exchange_rates: DataFrame | None = None,
    *,
    value: ValueSettings,
) -> DataFrame:
    """One row per year, direction, product and unit: the quartiles of the log of US dollars per unit of quantity.

    Over the records with a value, a quantity, a product and a direction, those that cleaning rejects for other reasons
    included. A quartile is the smallest unit value with a fourth, a half, three fourths of the records at or below it.
    """
    read = read_records(
        raw_customs__declarations,
        core_customs__layouts,
        core_customs__labels.where(F.col("field").isin(*_NEEDED_LABELS)),
        core_products__codes,
        core_countries__exchange_rates,
        value,
    )
    counted = (
        read.withColumn("thousandths", ln_unit_value())
        .where("thousandths IS NOT NULL AND direction IS NOT NULL AND product_code IS NOT NULL")
        .groupBy(*CELL, "thousandths")
        .agg(F.count("*").alias("alike"))
    )
    in_cell = Window.partitionBy(*CELL)
    upwards = in_cell.orderBy("thousandths")
    ranked = counted.withColumns({"below": F.sum("alike").over(upwards), "all": F.sum("alike").over(in_cell)})
    return ranked.groupBy(*CELL).agg(
        F.max("all").alias("records"), *[_quartile(fourths).alias(name) for name, fourths in _QUARTILES.items()]
    )


def _quartile(fourths: int) -> Column:
    lowest = F.min(F.when(F.col("below") * 4 >= F.col("all") * fourths, F.col("thousandths")))
    return (lowest.cast("decimal(20,0)") / 1000).cast("decimal(8,3)")


def ln_unit_value() -> Column:
    """The natural log of US dollars per unit of quantity in thousandths; null where one of the two is not positive."""
    is_known = (F.col("value_usd") > 0) & (F.col("quantity") > 0)
    unit_value = F.col("value_usd").cast("double") / F.col("quantity").cast("double")
    return F.when(is_known, F.round(F.ln(unit_value) * 1000).cast("int"))


def with_unit_value_outlier(records: DataFrame, cells: DataFrame, settings: UnitValueSettings) -> DataFrame:
    """The records with is_unit_value_outlier: whether value per unit lies far outside the quartiles of its cell.

    Args:
        records: with the columns of a cell, value_usd and quantity.
        cells: core_customs__unit_values.
        settings: how far is far.
    """
    low, high = ((F.col(name) * 1000).cast("int") for name in ("ln_unit_value_q1", "ln_unit_value_q3"))
    reach = F.greatest(high - low, F.lit(round(settings.least_spread * 1000))) * F.lit(settings.fences)
    fences = cells.where(F.col("records") >= settings.least_records).select(
        *CELL, F.floor(low - reach).alias("lowest"), F.ceil(high + reach).alias("highest")
    )
    far_out = ~ln_unit_value().between(F.col("lowest"), F.col("highest"))
    return (
        records.join(F.broadcast(fences), list(CELL), "left")
        .withColumn("is_unit_value_outlier", F.coalesce(far_out, F.lit(False)))
        .drop("lowest", "highest")
    )
