"""What the layouts of customs files say, as tables: an analyst can look up how a label was read."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def core_customs__layouts(files_customs_layouts: DataFrame) -> DataFrame:
    """One row per layout and span of years with one HS revision: edition; how codes, numbers and dates are written."""
    return files_customs_layouts


def core_customs__labels(
    files_customs_labels: DataFrame, core_customs__layouts: DataFrame, core_countries__codes: DataFrame
) -> DataFrame:
    """One row per layout, coded field, label and span of years: the code that it stands for, null where rejected.

    Partners come from the countries' names or customs codes, whichever the layout writes, and from the layout's own
    coding where it has one for the label.
    """
    own = files_customs_labels.withColumn("label", F.trim("label"))
    partners = _partner_labels(core_customs__layouts, core_countries__codes)
    return own.unionByName(partners.join(own, ["layout", "field", "label"], "left_anti"))


def _partner_labels(layouts: DataFrame, countries: DataFrame) -> DataFrame:
    names = countries.select(
        F.lit("labels").alias("partner_coding"), F.explode("country_labels").alias("label"), "country_code"
    )
    every_code = F.array_compact(F.concat(F.array("customs_code"), "further_customs_codes"))
    numbers = countries.select(
        F.lit("customs_code").alias("partner_coding"), F.explode(every_code).alias("label"), "country_code"
    )
    spans = layouts.groupBy("layout", "partner_coding").agg(
        F.min("first_year").alias("first_year"), F.max("last_year").alias("last_year")
    )
    return spans.join(names.unionByName(numbers), "partner_coding", "inner").select(
        "layout",
        F.lit("partner").alias("field"),
        "label",
        F.col("country_code").alias("code"),
        "first_year",
        "last_year",
    )
