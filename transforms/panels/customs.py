"""The firm panel of customs data: exports and imports of a firm in a year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.valuation import exchange_rate_rule, rates_used, with_rates_used
from haiguan.transforms.money import cents, dollars
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.products.translation import HarmoniseSettings, refuse_apportioned, refuse_national_codes


def panel_customs__firm_year(
    core_customs__annual_flows: DataFrame, *, harmonise: HarmoniseSettings, value: ValueSettings
) -> Outcome:
    """One row per firm and year in which the firm both exported and imported; logs of values in US dollars.

    Firm-years without exports or without imports have no log and are left out, counted in the ledger by what they lack.

    Raises:
        InputError: the flows are apportioned, or coded as reported, so that numbers of products would mean nothing.
    """
    refuse_apportioned(harmonise, "panel_customs__firm_year")
    refuse_national_codes(harmonise, "panel_customs__firm_year")
    both = _by_firm_and_year(core_customs__annual_flows, value)
    kept = both.where("export_value_usd > 0 AND import_value_usd > 0").select(
        "firm_code",
        "year",
        "export_value_usd",
        "import_value_usd",
        F.lit(value.valuation["export"]).alias("export_valuation"),
        F.lit(value.valuation["import"]).alias("import_valuation"),
        exchange_rate_rule(value).alias("exchange_rate_rule"),
        F.ln(F.col("export_value_usd").cast("double")).alias("ln_exports"),
        F.ln(F.col("import_value_usd").cast("double")).alias("ln_imports"),
        "export_products",
        "export_partners",
    )
    return Outcome(table=kept, steps=_left_out(both))


def _by_firm_and_year(flows: DataFrame, value: ValueSettings) -> DataFrame:
    is_export = F.col("direction") == "export"
    amount = cents("value_usd")
    grouped = with_rates_used(flows, value).groupBy("firm_code", "year")
    return grouped.agg(
        dollars(F.sum(F.when(is_export, amount).otherwise(0))).alias("export_value_usd"),
        dollars(F.sum(F.when(~is_export, amount).otherwise(0))).alias("import_value_usd"),
        F.countDistinct(F.when(is_export, F.col("product_code"))).alias("export_products"),
        F.countDistinct(F.when(is_export, F.col("partner_code"))).alias("export_partners"),
        *rates_used(value),
    )


def _left_out(firm_years: DataFrame) -> DataFrame:
    """step, rule, records, amount_usd of the firm-years that have no log."""
    lacking = F.when(F.col("export_value_usd") <= 0, F.lit("no_exports")).otherwise(F.lit("no_imports"))
    value = cents("export_value_usd") + cents("import_value_usd")
    return (
        firm_years.where("export_value_usd <= 0 OR import_value_usd <= 0")
        .groupBy(lacking.alias("rule"))
        .agg(F.count("*").alias("records"), dollars(F.sum(value)).cast("decimal(38,6)").alias("amount_usd"))
        .select(F.lit("dropped").alias("step"), "rule", "records", "amount_usd")
    )
