"""The district of the goods: where exports are made and where imports go, delivered or told by the code of the firm."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.firm_codes import FirmCodeSettings, district_digits
from haiguan.transforms.places.divisions import PlaceSettings


def with_goods_district(
    records: DataFrame, divisions: DataFrame, places: PlaceSettings, codes: FirmCodeSettings
) -> DataFrame:
    """The records with goods_district_code, is_seat_proxy and is_unknown_district.

    A delivered code is taken as it is; a delivered name becomes the identifying digits of the division of that name in
    the year. Where neither is there, the digits of the firm's code stand in, which tell where the firm has its seat.

    Args:
        records: with year, firm_code and district_text, trimmed.
        divisions: core_places__divisions.
        places: how divisions and districts are coded.
        codes: which characters of a firm's code tell a district.
    """
    text = F.col("district_text")
    is_code = text.rlike(places.district_code)
    told = F.when(is_code, text).otherwise(_of_year("spans"))
    return (
        records.withColumn("district_name", F.when(~is_code & (text != ""), text))
        .join(F.broadcast(_districts(divisions, places)), "district_name", "left")
        .withColumns(
            {
                "goods_district_code": F.coalesce(told, district_digits(codes)),
                "is_seat_proxy": told.isNull() & district_digits(codes).isNotNull(),
                "is_unknown_district": (text != "") & told.isNull(),
            }
        )
        .drop("spans", "district_name")
    )


def _districts(divisions: DataFrame, places: PlaceSettings) -> DataFrame:
    """district_name, spans: a row per label, with the years and the identifying digits of all divisions called so."""
    lengths = F.array(*[F.lit(length) for length in places.code_digits])
    digits = F.substring("place_code", F.lit(1), F.get(lengths, F.col("place_level") - 1))
    return (
        divisions.select(
            F.explode("place_labels").alias("district_name"), "first_year", "last_year", digits.alias("digits")
        )
        .groupBy("district_name")
        .agg(F.collect_set(F.struct("first_year", "last_year", "digits")).alias("spans"))
    )


def _of_year(spans: str) -> Column:
    """The digits of the one division of the year; null where there are none or several."""
    there = F.filter(spans, lambda span: F.col("year").between(span["first_year"], span["last_year"]))
    return F.when(F.size(there) == 1, F.get(there, F.lit(0))["digits"])
