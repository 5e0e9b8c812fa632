"""Product codes of customs records: zeros put back, ten digits cut, chapters for special uses told from bad codes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_NATIONAL_DIGITS = 10
_SPECIAL_USES = ("98", "99")  # chapters that the HS Convention leaves to the contracting parties


def with_product(records: DataFrame, products: DataFrame) -> DataFrame:
    """The records with their product code, its class, and whether the HS revision has it.

    Adds product_code (as many digits as the layout has, null where the text is no code), is_cut (ten digits were
    delivered where the layout has eight), product_class and is_known_product. Where codes came as numbers a lost zero
    is put back; of nine digits only where a code of the revision comes out, since they may as well be a slip.

    Args:
        records: with product_text, trimmed, hs_revision, product_digits and is_product_number.
        products: core_products__codes.
    """
    codes = products.select(
        "hs_revision", F.col("product_code").alias("heading"), F.lit(True).alias("is_known_product")
    )
    digits = _with_lost_zero()
    is_digits = digits.rlike("^[0-9]+$")
    is_cut = is_digits & (F.length(digits) == _NATIONAL_DIGITS) & (F.col("product_digits") == _NATIONAL_DIGITS - 2)
    code = F.when(is_cut, F.substring(digits, 1, _NATIONAL_DIGITS - 2)).when(
        is_digits & (F.length(digits) == F.col("product_digits")), digits
    )
    is_slip = F.col("is_cut") & (F.length("product_text") < _NATIONAL_DIGITS) & ~F.col("is_known_product")
    return (
        records.withColumns({"product_code": code, "is_cut": F.coalesce(is_cut, F.lit(False))})
        .withColumn("heading", F.substring("product_code", 1, 6))
        .join(F.broadcast(codes), ["hs_revision", "heading"], "left")
        .withColumns({"is_known_product": F.coalesce("is_known_product", F.lit(False)), "product_class": _class()})
        .withColumns(
            {
                "product_code": F.when(~is_slip, F.col("product_code")),
                "product_class": F.when(~is_slip, F.col("product_class")),
                "is_cut": F.col("is_cut") & ~is_slip,
            }
        )
    )


def _with_lost_zero() -> Column:
    """The delivered digits; a number that is one digit short of a code gets its zero back."""
    text = F.col("product_text")
    lacks_zero = (F.length(text) == _NATIONAL_DIGITS - 1) | (F.length(text) == F.col("product_digits") - 1)
    is_number = F.col("is_product_number") & text.rlike("^[0-9]+$")
    return F.when(is_number & lacks_zero, F.concat(F.lit("0"), text)).otherwise(text)


def _class() -> Column:
    is_special = F.substring("product_code", 1, 2).isin(*_SPECIAL_USES)
    return F.when(is_special, "special_use").when(F.col("product_code").isNotNull(), "harmonised")
