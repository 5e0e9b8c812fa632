"""Countries and special areas: their codes and the names under which customs files know them."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def core_countries__codes(files_countries: DataFrame) -> DataFrame:
    """One row per country or special area: codes, name and the labels of customs files.

    Areas without an ISO 3166-1 code of their own have one from X.. of its user-assigned range: parts of countries that
    customs list apart, remainders of continents, and the country that is not known. Countries of the past have the code
    they had.
    """
    further = F.filter(F.split("further_customs_codes", r"\|"), lambda code: code != "")
    return files_countries.select(
        "country_code",
        "country_name",
        F.nullif("customs_code", F.lit("")).alias("customs_code"),
        further.alias("further_customs_codes"),
        F.nullif("m49_code", F.lit("")).alias("country_code_m49"),
        F.split("labels", r"\|").alias("country_labels"),
    )
