"""Reading of raw customs records: fields trimmed, labels coded, products and amounts read; nothing is judged yet."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings, with_amounts
from haiguan.transforms.customs.coding import coded
from haiguan.transforms.customs.fields import DELIVERED, firm_code, trimmed
from haiguan.transforms.customs.products import with_product

_READ = (
    "period_text direction_text firm_code_text firm_name_text ownership_text product_text partner_text value_text "
    "quantity_text unit_text regime_text district_text"
).split()


def read_records(
    raw: DataFrame,
    layouts: DataFrame,
    labels: DataFrame,
    products: DataFrame,
    rates: DataFrame | None,
    value: ValueSettings,
    ignored: Mapping[str, tuple[str, ...]] | None = None,
) -> DataFrame:
    """Every raw record with what its fields stand for, null where one stands for nothing, and `delivered_fields`.

    Args:
        raw: raw_customs__declarations.
        layouts: core_customs__layouts.
        labels: core_customs__labels.
        products: core_products__codes.
        rates: core_countries__exchange_rates, where values are not in US dollars.
        value: what the values are.
        ignored: coded field -> labels that are left out on purpose.

    Raises:
        InputError: values are in another currency than US dollars, and no rates are there.
    """
    texts = raw.withColumns(
        {
            "delivered_fields": F.struct(*DELIVERED),
            "is_readable": F.col("unreadable").isNull(),
            "has_quantity_field": F.col("quantity_text").isNotNull(),
            **{name: trimmed(name) for name in _READ},
            "firm_code": firm_code(),
        }
    )
    described = with_product(coded(texts, labels, layouts, ignored or {}), products)
    return with_amounts(described, rates, value).withColumn("unit_code", F.coalesce("unit", F.lit("unknown")))
