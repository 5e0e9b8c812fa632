"""Countries and special areas: their codes and the names under which customs files know them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def core_countries__codes(files_countries: DataFrame) -> DataFrame:
    """One row per country: ISO code, name, customs code and the labels of customs files."""
    return files_countries.select(
        "country_code",
        "country_name",
        F.nullif("customs_code", F.lit("")).alias("customs_code"),
        F.split("labels", r"\|").alias("country_labels"),
    )
