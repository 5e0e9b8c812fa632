"""Coded fields of customs declarations: from the labels of a layout to the codes of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

CODED_FIELDS = ("direction", "regime", "ownership", "unit", "partner")


def coded(
    records: DataFrame,
    labels: DataFrame,
    countries: DataFrame,
    layouts: DataFrame,
    ignored: Mapping[str, tuple[str, ...]],
) -> DataFrame:
    """The records with direction, regime, ownership, unit, partner_code and their layout's properties.

    Args:
        records: with `layout` and a trimmed `<field>_text` for each coded field.
        labels: layout, field, label, code.
        countries: core_countries__codes.
        layouts: core_customs__layouts.
        ignored: field -> labels whose records are rejected on purpose (`has_ignored_label`).
    """
    described = records.join(F.broadcast(layouts.drop("edition", "first_year", "last_year")), "layout", "left")
    codes = _all_codes(labels, countries, layouts)
    found = reduce(lambda frame, field: _looked_up(frame, codes, field), CODED_FIELDS, described)
    return found.withColumn("has_ignored_label", _is_ignored(ignored)).withColumnRenamed("partner", "partner_code")


def _looked_up(records: DataFrame, codes: DataFrame, field: str) -> DataFrame:
    of_field = codes.where(F.col("field") == field).select(
        "layout", F.col("label").alias(f"{field}_label"), F.col("code").alias(field)
    )
    keyed = records.withColumn(f"{field}_label", _label(field))
    return keyed.join(F.broadcast(of_field), ["layout", f"{field}_label"], "left")


def _label(field: str) -> Column:
    """The delivered text as the codings write it: partner codes that came as numbers get their zeros back."""
    text = F.col(f"{field}_text")
    if field != "partner":
        return text
    is_number = (F.col("partner_coding") == "customs_code") & text.rlike("^[0-9]{1,3}$")
    return F.when(is_number, F.lpad(text, 3, "0")).otherwise(text)


def _all_codes(labels: DataFrame, countries: DataFrame, layouts: DataFrame) -> DataFrame:
    """layout, field, label, code of every coded field; partners from the countries, unless the layout has its own."""
    own = labels.where("code IS NOT NULL").select("layout", "field", "label", "code")
    named = countries.select(
        "country_code", F.explode("country_labels").alias("label"), F.lit("labels").alias("partner_coding")
    )
    numbered = countries.where("customs_code IS NOT NULL").select(
        "country_code", F.col("customs_code").alias("label"), F.lit("customs_code").alias("partner_coding")
    )
    partners = (
        layouts.select("layout", "partner_coding")
        .join(named.unionByName(numbered), "partner_coding", "inner")
        .select("layout", F.lit("partner").alias("field"), "label", F.col("country_code").alias("code"))
        .join(own, ["layout", "field", "label"], "left_anti")
    )
    return own.unionByName(partners.select("layout", "field", "label", "code"))


def _is_ignored(ignored: Mapping[str, tuple[str, ...]]) -> Column:
    listed = [F.col(f"{field}_text").isin(list(labels)) for field, labels in sorted(ignored.items()) if labels]
    return reduce(lambda one, other: one | other, listed, F.lit(False))


def unknown_labels(
    records: DataFrame,
    labels: DataFrame,
    countries: DataFrame,
    layouts: DataFrame,
    ignored: Mapping[str, tuple[str, ...]],
) -> DataFrame:
    """layout, field, label, file, line of labels that no coding knows, at the first place where each stands.

    A blank label is a record's fault, not an unknown label.
    """
    readable = records.where("is_readable").join(
        F.broadcast(layouts.select("layout", "partner_coding")), "layout", "inner"
    )
    seen = reduce(
        DataFrame.unionByName, [_labels_seen(readable, field, ignored.get(field, ())) for field in CODED_FIELDS]
    )
    known = _all_codes(labels, countries, layouts)
    return seen.join(
        F.broadcast(known.select("layout", "field", "label")), ["layout", "field", "label"], "left_anti"
    ).select("layout", "field", "label", "place.file", "place.line")


def _labels_seen(readable: DataFrame, field: str, ignored: tuple[str, ...]) -> DataFrame:
    return (
        readable.select("layout", _label(field).alias("label"), F.struct("file", "line").alias("place"))
        .where((F.col("label") != "") & ~F.col("label").isin(list(ignored)))
        .groupBy("layout", "label")
        .agg(F.min("place").alias("place"))
        .withColumn("field", F.lit(field))
    )
