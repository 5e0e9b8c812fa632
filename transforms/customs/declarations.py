"""Cleaning of customs declarations: every rule a name, every record published or in quarantine."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.coding import LABEL_OF_RULE, UNKNOWN_LABEL_RULES
from haiguan.transforms.customs.deliveries import repeated_steps, with_delivered_usd
from haiguan.transforms.customs.districts import with_goods_district
from haiguan.transforms.customs.firm_codes import FirmCodeSettings
from haiguan.transforms.customs.firms import IntermediarySettings, firm_places
from haiguan.transforms.customs.reading import read_records
from haiguan.transforms.customs.unit_values import UnitValueSettings, with_unit_value_outlier
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.places.divisions import PlaceSettings
from haiguan.transforms.rules import breaks_any, broken_rules, rule_names
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
    "unknown_product": "is_readable AND product_class = 'harmonised' AND NOT is_known_product",
    "cut_to_eight": "is_readable AND is_cut",
    "blank_partner": "is_readable AND partner_text = ''",
    "malformed_value": "is_readable AND delivered IS NULL",
    "missing_exchange_rate": "is_readable AND delivered IS NOT NULL AND exact_usd IS NULL",
    "blank_regime": "is_readable AND regime_text = ''",
    "malformed_quantity": "is_readable AND quantity_text <> '' AND quantity IS NULL",
    "missing_quantity": "is_readable AND has_quantity_field AND quantity_text = ''",
    "zero_quantity": "is_readable AND quantity = 0",
    "zero_value": "is_readable AND exact_usd = 0",
    "partner_is_declarant": "is_readable AND partner = declarant_code",
    "unknown_district": "is_readable AND is_unknown_district",
    "unit_value_outlier": "is_readable AND is_unit_value_outlier",
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
    "missing_exchange_rate",
    "blank_regime",
)
"""Rules that leave a column without a value that every declaration has."""


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
    core_places__divisions: DataFrame,
    core_customs__firms: DataFrame,
    core_customs__unit_values: DataFrame,
    core_customs__repeated_rows: DataFrame,
    core_countries__exchange_rates: DataFrame | None = None,
    *,
    clean: CleanSettings,
    value: ValueSettings,
    unit_values: UnitValueSettings,
    places: PlaceSettings,
    firm_codes: FirmCodeSettings,
    intermediaries: IntermediarySettings,
) -> Outcome:
    """One row per statistical record of a customs file, coded and checked.

    Codes: firm as its layout writes it, upper case; product as many digits as its layout has; partner ISO 3166. Values
    in US dollars, rounded to cents half to even, with `rounding_usd` what the rounding took away. Two places: the
    district of the goods and the seat of the firm, the latter and whether the firm is an intermediary by all that the
    records of the year say of it. `flags` lists the rules that the record broke and that do not reject; records that
    broke a rejecting rule go to quarantine with all of theirs. A label of a coded field that no layout knows stops the
    run.
    """
    read = read_records(
        raw_customs__declarations,
        core_customs__layouts,
        core_customs__labels,
        core_products__codes,
        core_countries__exchange_rates,
        value,
        clean.ignore_labels,
    )
    compared = with_unit_value_outlier(read, core_customs__unit_values, unit_values)
    placed = with_goods_district(compared, core_places__divisions, places, firm_codes)
    rejecting = (*clean.reject, *UNKNOWN_LABEL_RULES)
    judged = (
        placed.withColumn("declarant_code", F.lit(clean.declarant))
        .withColumn("rules", broken_rules(RULES))
        .withColumn("is_rejected", breaks_any({name: RULES[name] for name in rejecting}))
    )
    firms = firm_places(core_customs__firms, places, intermediaries)
    # A firm's year stands for dozens of records: to shuffle those would cost more than to have all firms everywhere.
    good = judged.where(~F.col("is_rejected")).join(F.broadcast(firms), ["year", "firm_code"], "left")
    return Outcome(
        table=_published(good, rejecting),
        quarantine=_quarantined(judged.where("is_rejected")),
        steps=_repeated_files(raw_customs__declarations, core_customs__layouts, value).unionByName(
            repeated_steps(core_customs__repeated_rows)
        ),
        unknown_labels=LABEL_OF_RULE,
    )


def _published(good: DataFrame, rejecting: Sequence[str]) -> DataFrame:
    named = good.withColumns(
        {
            "firm_name": F.nullif("firm_name_text", F.lit("")),
            "partner_code": F.col("partner"),
            "flags": F.array_except("rules", rule_names(rejecting)),
        }
    )
    return named.select(*TABLES["core_customs__declarations"].column_names)


def _quarantined(bad: DataFrame) -> DataFrame:
    raw_text = F.coalesce("raw_bytes_hex", F.to_json("delivered_fields")).alias("raw_text")
    return bad.select("year", "file_id", "file", "line", "layout", "rules", "value_usd", raw_text)


def _repeated_files(raw: DataFrame, layouts: DataFrame, value: ValueSettings) -> DataFrame:
    """Rows and dollars of files that came more than once and are read once; no dollars of other currencies."""
    return (
        with_delivered_usd(raw.where("copies > 1"), layouts, value)
        .withColumn("more", F.col("copies") - 1)
        .groupBy("year")
        .agg(
            F.sum("more").alias("records"),
            F.sum(F.col("amount_usd") * F.col("more")).cast("decimal(38,6)").alias("amount_usd"),
        )
        .select("year", F.lit("repeated").alias("step"), F.lit("repeated_file").alias("rule"), "records", "amount_usd")
    )
