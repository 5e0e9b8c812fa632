"""Coded fields of customs declarations: from the labels of a layout to the codes of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

CODED_FIELDS = ("direction", "regime", "ownership", "unit", "partner")

UNKNOWN_LABEL_RULES: dict[str, str] = {
    f"unknown_{field}": f"is_readable AND {field}_text <> '' AND is_unknown_{field} AND NOT has_ignored_label"
    for field in CODED_FIELDS
}
"""Rule -> SQL condition: a label that no coding knows. A blank one is a record's fault, not an unknown label."""

LABEL_OF_RULE: dict[str, str] = {f"unknown_{field}": f"{field}_text" for field in CODED_FIELDS}
"""Rule -> the delivered field that holds the label."""


def coded(
    records: DataFrame, labels: DataFrame, layouts: DataFrame, ignored: Mapping[str, tuple[str, ...]]
) -> DataFrame:
    """The records with the codes of their labels and the properties of their layout.

    Adds direction, regime, ownership, unit and partner (null where the label is unknown), `is_unknown_<field>` for
    each, `has_ignored_label`, and hs_revision, period_format, product_digits, is_product_number, partner_coding.

    Args:
        records: with `layout` and a trimmed `<field>_text` for each coded field.
        labels: core_customs__labels.
        layouts: core_customs__layouts.
        ignored: field -> labels whose records are rejected on purpose.
    """
    described = records.join(F.broadcast(layouts.drop("edition", "first_year", "last_year")), "layout", "left")
    looked_up = reduce(lambda frame, field: _looked_up(frame, labels, field), CODED_FIELDS, described)
    return looked_up.withColumn("has_ignored_label", _is_ignored(ignored))


def _looked_up(records: DataFrame, labels: DataFrame, field: str) -> DataFrame:
    of_field = labels.where(F.col("field") == field).select(
        "layout",
        F.col("label").alias(f"{field}_label"),
        F.col("code").alias(field),
        F.lit(False).alias(f"is_unknown_{field}"),
    )
    return (
        records.withColumn(f"{field}_label", _label(field))
        .join(F.broadcast(of_field), ["layout", f"{field}_label"], "left")
        .withColumn(f"is_unknown_{field}", F.col(f"is_unknown_{field}").isNull())
    )


def _label(field: str) -> Column:
    """The delivered text as the codings write it: partner codes that came as numbers get their zeros back."""
    text = F.col(f"{field}_text")
    if field != "partner":
        return text
    is_number = (F.col("partner_coding") == "customs_code") & text.rlike("^[0-9]{1,3}$")
    return F.when(is_number, F.lpad(text, 3, "0")).otherwise(text)


def _is_ignored(ignored: Mapping[str, tuple[str, ...]]) -> Column:
    """Whether one of the labels is left out on purpose: in the settings, or by a null code in the layout."""
    listed = [F.col(f"{field}_text").isin(list(labels)) for field, labels in sorted(ignored.items()) if labels]
    coded_null = [~F.col(f"is_unknown_{field}") & F.col(field).isNull() for field in CODED_FIELDS]
    return reduce(lambda one, other: one | other, [*listed, *coded_null])
