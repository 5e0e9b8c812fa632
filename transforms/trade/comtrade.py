"""UN Comtrade: bulk files to flows by reporter, partner, product and year."""

from __future__ import annotations

from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.money import exact, to_cents
from haiguan.transforms.outcome import Delivered, Outcome
from haiguan.transforms.rules import broken_rules

REVISIONS = {
    "H0": "HS1992",
    "H1": "HS1996",
    "H2": "HS2002",
    "H3": "HS2007",
    "H4": "HS2012",
    "H5": "HS2017",
    "H6": "HS2022",
}
"""Comtrade's classification codes (UN Comtrade, reference `classifications`)."""

FLOW_CODES = {"1": "import", "2": "export", "3": "re_export", "4": "re_import"}
"""Comtrade's codes of trade flows (UN Comtrade, classic bulk files)."""

RULES: dict[str, str] = {
    "undecodable_line": "unreadable = 'undecodable'",
    "unsplittable_line": "unreadable = 'unsplittable'",
    "unknown_revision": "is_readable AND hs_revision IS NULL",
    "malformed_year": "is_readable AND year IS NULL",
    "unknown_flow": "is_readable AND flow IS NULL",
    "malformed_reporter": "is_readable AND reporter_code_m49 IS NULL",
    "malformed_partner": "is_readable AND partner_code_m49 IS NULL",
    "malformed_product": "is_readable AND NOT product_text RLIKE '^([0-9]{2}|[0-9]{4}|[0-9]{6}|TOTAL)$'",
    "malformed_value": "is_readable AND exact_usd IS NULL",
    "repeated_key": "is_well_formed AND place_in_key > 1",
}
"""Name -> SQL condition; every one of them rejects. Of well-formed rows with the same key the first is kept, by file id
and line."""

FLAGS: dict[str, str] = {
    "malformed_quantity": "quantity_text <> '' AND quantity IS NULL",
    "malformed_weight": "weight_text <> '' AND weight_kg IS NULL",
}
"""Name -> SQL condition; none of them rejects: the amount is null, and the flag tells it from one not delivered."""

_KEY = ("year", "reporter_code_m49", "partner_code_m49", "flow", "hs_revision", "product_text")


def raw_trade__comtrade(files_comtrade: Delivered) -> Delivered:
    """One row per line of a bulk file, the fields that are used as the strings delivered."""
    return files_comtrade


def core_trade__flows(raw_trade__comtrade: DataFrame) -> Outcome:
    """One row per reporter x partner x product in the revision of the report x flow x year, values in US dollars.

    Products at two, four and six digits and TOTAL stand side by side: choose one level before summing. Reporters
    without an ISO code, such as "Other Asia, nes" (490), have `reporter_code` null and stay in.
    """
    judged = _parsed(raw_trade__comtrade).withColumn("rules", broken_rules(RULES))
    is_good = F.size("rules") == 0
    return Outcome(table=_published(judged.where(is_good)), quarantine=_quarantined(judged.where(~is_good)))


def _parsed(raw: DataFrame) -> DataFrame:
    exact_usd = exact("value_text")
    parsed = raw.withColumns(
        {
            "is_readable": F.col("unreadable").isNull(),
            "raw_text": F.coalesce(
                "raw_bytes_hex", F.to_json(F.struct(*[c for c in raw.columns if c.endswith("_text")]))
            ),
            "hs_revision": _mapped(REVISIONS, "revision_text"),
            "flow": _mapped(FLOW_CODES, "flow_text"),
            "year": F.when(F.col("year_text").rlike("^(19|20)[0-9]{2}$"), F.col("year_text").cast("int")),
            "reporter_code_m49": _three_digits("reporter_code_text"),
            "partner_code_m49": _three_digits("partner_code_text"),
            "exact_usd": exact_usd,
            "value_usd": to_cents(exact_usd),
            "rounding_usd": (exact_usd - to_cents(exact_usd)).cast("decimal(18,6)"),
            "quantity": _amount("quantity_text"),
            "weight_kg": _amount("weight_text"),
        }
    )
    of_one_row = {name: condition for name, condition in RULES.items() if name != "repeated_key"}
    by_key = Window.partitionBy(*_KEY, "is_well_formed").orderBy("file_id", "line")
    return parsed.withColumn("is_well_formed", F.size(broken_rules(of_one_row)) == 0).withColumn(
        "place_in_key", F.row_number().over(by_key)
    )


def _mapped(codes: dict[str, str], column: str) -> Column:
    return F.create_map(*[F.lit(part) for part in chain(*codes.items())])[F.col(column)]


def _three_digits(column: str) -> Column:
    return F.when(F.col(column).rlike("^[0-9]{1,3}$"), F.lpad(column, 3, "0"))


def _published(good: DataFrame) -> DataFrame:
    has_iso = F.col("reporter_iso_text").rlike("^[A-Z]{3}$")
    return good.select(
        "year",
        "reporter_code_m49",
        F.when(has_iso, F.col("reporter_iso_text")).alias("reporter_code"),
        F.col("reporter_text").alias("reporter_name"),
        "partner_code_m49",
        "flow",
        "hs_revision",
        F.col("product_text").alias("product_code"),
        "quantity",
        F.when(F.col("unit_text") == "", F.lit("unknown")).otherwise(F.col("unit_text")).alias("unit_code"),
        "weight_kg",
        "value_usd",
        "rounding_usd",
        "file_id",
        "line",
        broken_rules(FLAGS).alias("flags"),
    )


def _amount(column: str) -> Column:
    return F.bround(exact(column), 3).cast("decimal(18,3)")


def _quarantined(bad: DataFrame) -> DataFrame:
    return bad.select("year", "file_id", "file", "line", "layout", "rules", "value_usd", "raw_text")
