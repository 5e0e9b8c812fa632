"""Annual flows: declarations summed up by firm, product in one HS revision, partner, regime, direction and unit."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.valuation import exchange_rate_rule, rates_used, valuation_of, with_rates_used
from haiguan.transforms.money import cents, dollars
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.products.national_translation import national_tables
from haiguan.transforms.products.published import revision_in_force
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
_REPORTED = "reported_revision"


def core_customs__annual_flows(
    core_customs__declarations: DataFrame,
    core_products__concordance: DataFrame,
    core_products__codes: DataFrame,
    core_products__families: DataFrame,
    files_hs8_changes: pd.DataFrame,
    *,
    harmonise: HarmoniseSettings,
    value: ValueSettings,
) -> Outcome:
    """One row per firm x product x partner x regime x direction x unit x year, products in one HS revision.

    Value in = value out + value in quarantine, to the cent. Codes are brought to `harmonise.to` by `harmonise.method`;
    flows whose code has no target go to quarantine with the nearest codes. Weights split a flow over several products:
    `is_apportioned`, and each part counts all of its declarations. `quantity` is null where one of the records has
    none, since a partial sum would inflate unit values. Where `harmonise.to` is a year, products are national codes of
    eight digits as they were in that year, by the tables of changes, and `national_code_year` is the year.

    Raises:
        InputError: `harmonise.to` is a year, and the tables of changes do not lead there from every year.
    """
    if harmonise.to is None:
        return _as_reported(core_customs__declarations, value)
    records = core_customs__declarations
    tables = (core_products__concordance, core_products__codes, core_products__families)
    if harmonise.is_national:
        records = _by_year(records)
        tables = national_tables(records, files_hs8_changes, harmonise)
    concordance, codes, families = tables
    translated = translation(concordance, codes, families, harmonise)
    summed = _split_and_summed if harmonise.method == "weights" else _translated_and_summed
    return Outcome(
        table=_published(_labelled(summed(records, translated, harmonise, value), harmonise), value),
        quarantine=_quarantined(records, translated, codes, harmonise.digits, value),
    )


def _by_year(declarations: DataFrame) -> DataFrame:
    """The declarations with their year for a revision, which is what national codes change with."""
    return declarations.withColumns({_REPORTED: F.col("hs_revision"), "hs_revision": F.col("year").cast("string")})


def _as_reported(declarations: DataFrame, value: ValueSettings) -> Outcome:
    empty = F.array().cast("array<string>")
    none = _published(_summed(declarations.where(F.lit(False)), _KEY, value), value).withColumns(
        {"rules": empty, "nearest_codes": empty}
    )
    flows = _published(_summed(declarations, _KEY, value), value)
    told = {"national_code_year": F.lit(None).cast("int"), "is_apportioned": F.lit(False)}
    return Outcome(table=flows.withColumns(told), quarantine=none)


def _labelled(flows: DataFrame, harmonise: HarmoniseSettings) -> DataFrame:
    """The flows with the revision of their codes, of national ones the revision in force in their year."""
    is_of_year = harmonise.is_national and harmonise.method != "families"
    year = int(harmonise.to) if is_of_year and harmonise.to else None
    revision = revision_in_force(year) if year else harmonise.revision_of_result
    return flows.withColumns({"hs_revision": F.lit(revision), "national_code_year": F.lit(year).cast("int")})


def _translated_and_summed(
    declarations: DataFrame, translated: DataFrame, harmonise: HarmoniseSettings, value: ValueSettings
) -> DataFrame:
    """One code becomes one code, so a single grouping does for both steps."""
    found = with_target(declarations, translated, harmonise.digits).drop("product_code", "hs_revision")
    renamed = found.withColumnRenamed("target_code", "product_code")
    key = [name for name in _KEY if name != "hs_revision"]
    return _summed(renamed, key, value).withColumn("is_apportioned", F.lit(False))


def _split_and_summed(
    declarations: DataFrame, translated: DataFrame, harmonise: HarmoniseSettings, value: ValueSettings
) -> DataFrame:
    """Summed up as reported first, so that each flow is rounded once; then split, then summed up again."""
    by_heading = declarations.withColumn("product_code", heading(harmonise.digits))
    parts = apportioned(_summed(by_heading, _KEY, value), translated, _AMOUNTS, harmonise.digits)
    key = [
        F.col("target_code").alias("product_code") if name == "product_code" else F.col(name)
        for name in _KEY
        if name != "hs_revision"
    ]
    return parts.groupBy(*key).agg(
        F.sum("cents").alias("cents"),
        sum_of_known(F.col("thousandths")).alias("thousandths"),
        F.sum("declarations").alias("declarations"),
        F.max("is_apportioned").alias("is_apportioned"),
        *rates_used(value),
    )


def _summed(records: DataFrame, key: list[str] | tuple[str, ...], value: ValueSettings) -> DataFrame:
    """The records summed up by key: cents, thousandths of the unit (null where a record has none), declarations."""
    return (
        with_rates_used(records, value)
        .groupBy(*key)
        .agg(
            F.sum(cents("value_usd")).alias("cents"),
            sum_of_known(thousandths("quantity")).alias("thousandths"),
            F.count("*").alias("declarations"),
            *rates_used(value),
        )
    )


def _published(flows: DataFrame, value: ValueSettings) -> DataFrame:
    told = {
        "quantity": in_units(F.col("thousandths")),
        "value_usd": dollars(F.col("cents")),
        "valuation": valuation_of(value, F.col("direction")),
        "exchange_rate_rule": exchange_rate_rule(value),
    }
    return flows.withColumns(told).drop(*_AMOUNTS, "rates_used")


def _quarantined(
    declarations: DataFrame, translated: DataFrame, codes: DataFrame, digits: int, value: ValueSettings
) -> DataFrame:
    """The flows as reported whose code has no target.

    The codes are found first: where there is none, Spark sees an empty side of the join and reads no declarations.
    """
    lacking = untranslated(declarations, translated, codes, digits)
    found = declarations.withColumn("heading", heading(digits)).join(
        F.broadcast(lacking), ["hs_revision", "heading"], "inner"
    )
    if _REPORTED in found.columns:
        found = found.withColumn("hs_revision", F.col(_REPORTED))
    flows = _published(_summed(found, [*_KEY, "rule", "nearest_codes"], value), value)
    return flows.withColumn("rules", F.array("rule")).drop("rule")
