"""Codes of the Harmonised System, by revision."""

from __future__ import annotations

from pyspark.sql import DataFrame


def core_products__codes(files_products: DataFrame) -> DataFrame:
    """One row per HS revision and six-digit code, from the user's tables or else the embedded pack."""
    return files_products.select("hs_revision", "product_code", "product_name")
