"""Cleaning of customs declarations: every rule a name, every record published or in quarantine."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.coding import LABEL_OF_RULE, UNKNOWN_LABEL_RULES, coded
from haiguan.transforms.money import exact, is_plain_number, to_cents
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.rules import broken_rules, rule_names
from haiguan.transforms.schema import TABLES

RULES: dict[str, str] = {
    "undecodable_line": "unreadable = 'undecodable'",
    "unsplittable_line": "unreadable = 'unsplittable'",
    "malformed_period": "is_readable AND record_year IS NULL",
    "year_mismatch": "is_readable AND record_year <> year",
    "month_mismatch": "is_readable AND record_year = year AND is_month_refused",
    "period_overruled": "is_readable AND is_period_overruled",
    "ignored_label": "is_readable AND has_ignored_label",
    **UNKNOWN_LABEL_RULES,
    "blank_direction": "is_readable AND direction_text = ''",
    "malformed_firm_code": "is_readable AND NOT coalesce(firm_code RLIKE firm_code_pattern, firm_code <> '')",
    "malformed_product": "is_readable AND product_code IS NULL",
    "unknown_product": "is_readable AND product_code IS NOT NULL AND NOT is_known_product",
    "blank_partner": "is_readable AND partner_text = ''",
    "malformed_value": "is_readable AND exact_usd IS NULL",
    "blank_regime": "is_readable AND regime_text = ''",
    "malformed_quantity": "is_readable AND quantity_text <> '' AND quantity IS NULL",
    "missing_quantity": "is_readable AND quantity_text = ''",
    "zero_quantity": "is_readable AND quantity = 0",
    "zero_value": "is_readable AND exact_usd = 0",
    "partner_is_declarant": "is_readable AND partner = declarant_code",
}
"""Name -> SQL condition, in the order in which a record's broken rules are listed."""

MUST_REJECT = (
    "undecodable_line",
    "unsplittable_line",
    "malformed_period",
    "ignored_label",
    "blank_direction",
    "malformed_product",
    "blank_partner",
    "malformed_value",
    "blank_regime",
)
"""Rules that leave a column without a value that every declaration has."""

_TRIMMED = (
    "period_text direction_text firm_code_text firm_name_text ownership_text product_text partner_text value_text "
    "quantity_text unit_text regime_text"
).split()
_DELIVERED = [name for name in TABLES["raw_customs__declarations"].column_names if name.endswith("_text")]


class CleanSettings(BaseModel):
    """Which broken rules reject a record, whose customs it is, and which labels are left out on purpose."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    declarant: str
    reject: tuple[str, ...]
    ignore_labels: dict[str, tuple[str, ...]]

    @field_validator("reject")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        strays = [name for name in names if name not in RULES]
        if strays:
            raise ValueError(f"no rule is called {', '.join(strays)}; the rules are {', '.join(RULES)}")
        lacking = [name for name in MUST_REJECT if name not in names]
        if lacking:
            raise ValueError(f"{', '.join(lacking)} must reject: such a record has no value for a column it needs")
        return names


def core_customs__declarations(
    raw_customs__declarations: DataFrame,
    core_customs__layouts: DataFrame,
    core_customs__labels: DataFrame,
    core_products__codes: DataFrame,
    *,
    clean: CleanSettings,
) -> Outcome:
    """One row per statistical record of a customs file, coded and checked.

    Codes: firm ten characters upper case, product as many digits as its layout has, partner ISO 3166. Values in US
    dollars, rounded to cents half to even, with `rounding_usd` what the rounding took away. `flags` lists the rules
    that the record broke and that do not reject; records that broke a rejecting rule go to quarantine with all of
    theirs. A label of a coded field that no layout knows stops the run.
    """
    looked_up = coded(
        _trimmed(raw_customs__declarations), core_customs__labels, core_customs__layouts, clean.ignore_labels
    )
    parsed = _parsed(_with_known_product(looked_up, core_products__codes), clean.declarant)
    rejecting = (*clean.reject, *UNKNOWN_LABEL_RULES)
    judged = parsed.withColumn("rules", broken_rules(RULES)).withColumn(
        "is_rejected", F.arrays_overlap("rules", rule_names(rejecting))
    )
    return Outcome(
        table=_published(judged.where(~F.col("is_rejected")), rejecting),
        quarantine=_quarantined(judged.where("is_rejected")),
        steps=_repeated_files(raw_customs__declarations),
        unknown_labels=LABEL_OF_RULE,
    )


def _trimmed(raw: DataFrame) -> DataFrame:
    """Blank and missing are the same; the raw text is kept for quarantine."""
    raw_text = F.coalesce("raw_bytes_hex", F.to_json(F.struct(*_DELIVERED)))
    trimmed = {name: F.trim(F.translate(F.coalesce(name, F.lit("")), "\u3000\t", "  ")) for name in _TRIMMED}
    return raw.withColumns({"raw_text": raw_text, "is_readable": F.col("unreadable").isNull(), **trimmed})


def _with_known_product(coded_records: DataFrame, products: DataFrame) -> DataFrame:
    codes = products.select(
        "hs_revision", F.col("product_code").alias("heading"), F.lit(True).alias("is_known_product")
    )
    digits = F.when(
        F.col("is_product_number")
        & F.col("product_text").rlike("^[0-9]+$")
        & (F.length("product_text") == F.col("product_digits") - 1),
        F.concat(F.lit("0"), "product_text"),
    ).otherwise(F.col("product_text"))
    well_formed = digits.rlike("^[0-9]+$") & (F.length(digits) == F.col("product_digits"))
    product_code = F.when(well_formed, digits)
    return (
        coded_records.withColumn("product_code", product_code)
        .withColumn("heading", F.substring("product_code", 1, 6))
        .join(F.broadcast(codes), ["hs_revision", "heading"], "left")
        .withColumn("is_known_product", F.coalesce("is_known_product", F.lit(False)))
    )


def _parsed(records: DataFrame, declarant: str) -> DataFrame:
    exact_usd = exact("value_text")
    quantity = F.when(is_plain_number("quantity_text"), F.bround(exact("quantity_text"), 3).cast("decimal(18,3)"))
    return records.withColumns(
        {
            "firm_code": F.upper("firm_code_text"),
            "exact_usd": exact_usd,
            "value_usd": to_cents(exact_usd),
            "rounding_usd": (exact_usd - to_cents(exact_usd)).cast("decimal(18,6)"),
            "quantity": quantity,
            "declarant_code": F.lit(declarant),
        }
    )


def _published(good: DataFrame, rejecting: Sequence[str]) -> DataFrame:
    return good.select(
        "year",
        "month",
        "file_id",
        "file",
        "line",
        "layout",
        "direction",
        "firm_code",
        F.nullif("firm_name_text", F.lit("")).alias("firm_name"),
        "ownership",
        "product_code",
        "hs_revision",
        F.col("partner").alias("partner_code"),
        "regime",
        F.coalesce("unit", F.lit("unknown")).alias("unit_code"),
        "quantity",
        "value_usd",
        "rounding_usd",
        F.array_except("rules", rule_names(rejecting)).alias("flags"),
    )


def _quarantined(bad: DataFrame) -> DataFrame:
    return bad.select("year", "file_id", "file", "line", "layout", "rules", "value_usd", "raw_text")


def _repeated_files(raw: DataFrame) -> DataFrame:
    """Rows and dollars of files that were delivered more than once and are read once."""
    return (
        raw.where("copies > 1")
        .withColumn("more", F.col("copies") - 1)
        .groupBy("year")
        .agg(
            F.sum("more").alias("records"),
            F.sum(exact("value_text") * F.col("more")).cast("decimal(38,6)").alias("amount_usd"),
        )
        .select("year", F.lit("repeated").alias("step"), F.lit("repeated_file").alias("rule"), "records", "amount_usd")
    )
