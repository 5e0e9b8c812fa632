"""Annual flows: declarations summed up by firm, product in one HS revision, partner, regime, direction and unit."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.money import cents, dollars
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.products.translation import (
    HarmoniseSettings,
    apportioned,
    heading,
    translation,
    untranslated,
    with_target,
)
from haiguan.transforms.quantities import in_units, sum_of_known, thousandths
from haiguan.transforms.schema import TABLES

_KEY = TABLES["core_customs__annual_flows"].key
_AMOUNTS = ("cents", "thousandths")


def core_customs__annual_flows(
    core_customs__declarations: DataFrame,
    core_products__concordance: DataFrame,
    core_products__codes: DataFrame,
    core_products__families: DataFrame,
    *,
    harmonise: HarmoniseSettings,
) -> Outcome:
    """One row per firm x product x partner x regime x direction x unit x year, products in one HS revision.

    Value in = value out + value in quarantine, to the cent. Codes are brought to `harmonise.to` by `harmonise.method`;
    flows whose code has no target go to quarantine with the nearest codes. Weights split a flow over several products:
    `is_apportioned`, and each part counts all of its declarations. `quantity` is null where one of the records has
    none, since a partial sum would inflate unit values.
    """
    if harmonise.to is None:
        return _as_reported(core_customs__declarations)
    translated = translation(core_products__concordance, core_products__codes, core_products__families, harmonise)
    is_split = harmonise.method == "weights"
    summed = _split_and_summed if is_split else _translated_and_summed
    flows = summed(core_customs__declarations, translated, str(harmonise.revision_of_result))
    return Outcome(
        table=_published(flows),
        quarantine=_quarantined(core_customs__declarations, translated, core_products__codes),
    )


def _as_reported(declarations: DataFrame) -> Outcome:
    empty = F.array().cast("array<string>")
    none = _published(_summed(declarations.where(F.lit(False)), _KEY)).withColumns(
        {"rules": empty, "nearest_codes": empty}
    )
    flows = _published(_summed(declarations, _KEY)).withColumn("is_apportioned", F.lit(False))
    return Outcome(table=flows, quarantine=none)


def _translated_and_summed(declarations: DataFrame, translated: DataFrame, revision: str) -> DataFrame:
    """One code becomes one code, so a single grouping does for both steps."""
    found = with_target(declarations, translated).drop("product_code", "hs_revision")
    renamed = found.withColumnRenamed("target_code", "product_code")
    return (
        _summed(renamed, [name for name in _KEY if name != "hs_revision"])
        .withColumn("hs_revision", F.lit(revision))
        .withColumn("is_apportioned", F.lit(False))
    )


def _split_and_summed(declarations: DataFrame, translated: DataFrame, revision: str) -> DataFrame:
    """Summed up as reported first, so that each flow is rounded once; then split, then summed up again."""
    by_heading = declarations.withColumn("product_code", heading())
    parts = apportioned(_summed(by_heading, _KEY), translated, _AMOUNTS)
    key = [F.col("target_code").alias("product_code") if name == "product_code" else F.col(name) for name in _KEY]
    return (
        parts.withColumn("hs_revision", F.lit(revision))
        .groupBy(*key)
        .agg(
            F.sum("cents").alias("cents"),
            sum_of_known(F.col("thousandths")).alias("thousandths"),
            F.sum("declarations").alias("declarations"),
            F.max("is_apportioned").alias("is_apportioned"),
        )
    )


def _summed(records: DataFrame, key: list[str] | tuple[str, ...]) -> DataFrame:
    """The records summed up by key: cents, thousandths of the unit (null where a record has none), declarations."""
    return records.groupBy(*key).agg(
        F.sum(cents("value_usd")).alias("cents"),
        sum_of_known(thousandths("quantity")).alias("thousandths"),
        F.count("*").alias("declarations"),
    )


def _published(flows: DataFrame) -> DataFrame:
    amounts = {"quantity": in_units(F.col("thousandths")), "value_usd": dollars(F.col("cents"))}
    return flows.withColumns(amounts).drop(*_AMOUNTS)


def _quarantined(declarations: DataFrame, translated: DataFrame, codes: DataFrame) -> DataFrame:
    """The flows as reported whose code has no target.

    The codes are found first: where there is none, Spark sees an empty side of the join and reads no declarations.
    """
    lacking = untranslated(declarations, translated, codes)
    found = declarations.withColumn("heading", heading()).join(
        F.broadcast(lacking), ["hs_revision", "heading"], "inner"
    )
    flows = _published(_summed(found, [*_KEY, "rule", "nearest_codes"]))
    return flows.withColumn("rules", F.array("rule")).drop("rule")
