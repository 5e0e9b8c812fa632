"""Translations of product codes: what a code of an HS revision becomes, by conversion, by weights or by families.

A translation is a small frame: hs_revision, heading (six digits), target_code, billionths (of the code's trade that go
to the target: they add up to one), refusal (why the code has no target; null where it has one).
"""

from __future__ import annotations

from functools import reduce
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import WHOLE
from haiguan.transforms.products.national_codes import NATIONAL_DIGITS, is_year
from haiguan.transforms.products.published import FIRST_YEAR_OF_HS
from haiguan.transforms.schema.columns import FAMILIES, HS_REVISIONS

OUTSIDE_HS = ("98", "99")
"""Chapters that are no part of the Harmonised System: national codes, which stay as they are."""

HEADING_DIGITS = 6
"""Digits on which the Harmonised System agrees: the heading of a flow, unless a function is told otherwise."""

NEAREST = 3
_TRANSLATION = ("hs_revision", "heading", "target_code", "billionths", "refusal")


class HarmoniseSettings(BaseModel):
    """To which HS revision product codes are brought, and how.

    Attributes:
        to: the revision; a year for national codes of eight digits; None: codes stay as reported.
        method: conversion, weights or families.
        shares: what the weights are: estimated, or equal over all codes of the correlation table.
        family_revisions: the revisions whose codes make up the families.
        family_codes_at_most: families with more codes of one revision than this are refused; None: none is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    to: str | None
    method: Literal["conversion", "weights", "families"]
    shares: Literal["estimated", "equal"]
    family_revisions: tuple[str, ...]
    family_codes_at_most: int | None

    @field_validator("to", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """A year is a number in YAML."""
        return str(value) if isinstance(value, int) else value

    @field_validator("to", "family_revisions")
    @classmethod
    def _known(cls, value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
        is_target = info.field_name == "to"
        named = (value,) if isinstance(value, str) else value or ()
        strays = [name for name in named if name not in HS_REVISIONS and not (is_target and is_year(name))]
        if strays:
            also = f"; a year from {FIRST_YEAR_OF_HS} on is for codes of eight digits" if is_target else ""
            raise ValueError(f"no HS revision is called {', '.join(strays)}; there are {', '.join(HS_REVISIONS)}{also}")
        return value

    @property
    def is_national(self) -> bool:
        """Whether national codes of eight digits are brought to those of a year."""
        return self.to is not None and is_year(self.to)

    @property
    def digits(self) -> int:
        """How many digits of a code are translated."""
        return NATIONAL_DIGITS if self.is_national else HEADING_DIGITS

    @property
    def revision_of_result(self) -> str | None:
        """The revision of translated codes, `families` for those of families; None where codes stay as reported."""
        return self.to if self.to is None or self.method != "families" else FAMILIES


def translation(
    concordance: DataFrame, codes: DataFrame, families: DataFrame, settings: HarmoniseSettings
) -> DataFrame:
    """The translation that the settings ask for.

    Args:
        concordance: core_products__concordance.
        codes: core_products__codes.
        families: core_products__families.
        settings: with a revision to go to.
    """
    if settings.method == "families":
        return by_families(families, settings.family_codes_at_most)
    rows = {"conversion": "conversion", "weights": "weights" if settings.shares == "estimated" else "correlation"}
    return by_concordance(concordance, codes, str(settings.to), rows[settings.method])


def by_concordance(concordance: DataFrame, codes: DataFrame, to: str, method: str) -> DataFrame:
    """The translation to one revision by the rows of a method; codes of that revision stay as they are."""
    own = codes.where(F.col("hs_revision") == to).select(
        "hs_revision",
        F.col("product_code").alias("heading"),
        F.col("product_code").alias("target_code"),
        F.lit(WHOLE).cast("bigint").alias("billionths"),
    )
    others = concordance.where((F.col("target_revision") == to) & (F.col("method") == method)).select(
        F.col("source_revision").alias("hs_revision"),
        F.col("source_code").alias("heading"),
        "target_code",
        (F.col("weight") * WHOLE).cast("bigint").alias("billionths"),
    )
    return own.unionByName(others).withColumn("refusal", F.lit(None).cast("string")).select(*_TRANSLATION)


def by_families(families: DataFrame, codes_at_most: int | None) -> DataFrame:
    """The translation of every code to its family; codes of families that are too large have none."""
    is_large = F.lit(False) if codes_at_most is None else F.col("family_codes") > codes_at_most
    return families.select(
        "hs_revision",
        F.col("product_code").alias("heading"),
        F.when(~is_large, F.col("family_code")).alias("target_code"),
        F.lit(WHOLE).cast("bigint").alias("billionths"),
        F.when(is_large, F.lit("large_family")).alias("refusal"),
    )


def heading(digits: int = HEADING_DIGITS) -> Column:
    """The first digits of product_code."""
    return F.substring("product_code", 1, digits)


def is_outside_hs() -> Column:
    """Whether the heading belongs to chapters that are no part of the Harmonised System."""
    return F.substring("heading", 1, 2).isin(*OUTSIDE_HS)


def with_target(flows: DataFrame, translated: DataFrame, digits: int = HEADING_DIGITS) -> DataFrame:
    """The flows whose code has one target, with `target_code`; for a translation by conversion or families.

    Flows without a target are left out: `untranslated` has their codes.
    """
    targets = translated.where("target_code IS NOT NULL").select("hs_revision", "heading", "target_code")
    joined = flows.withColumn("heading", heading(digits)).join(F.broadcast(targets), ["hs_revision", "heading"], "left")
    target = F.coalesce("target_code", F.when(is_outside_hs(), F.col("heading")))
    return joined.withColumn("target_code", target).where("target_code IS NOT NULL")


def apportioned(
    flows: DataFrame, translated: DataFrame, amounts: tuple[str, ...], digits: int = HEADING_DIGITS
) -> DataFrame:
    """The flows, each split over its targets, with `target_code` and `is_apportioned`; for a translation by weights.

    Every amount of a flow, a whole number below 10^18, is split by largest remainder, so that its parts add up to it
    exactly; ties go to the larger weight, then to the lower code. A part with no amount at all is left out, unless it
    is the one with the largest weight. Flows without a target are left out: `untranslated` has their codes.

    Args:
        flows: with hs_revision, product_code and the amounts.
        translated: the translation.
        amounts: columns of bigint, null where unknown.
        digits: of the heading.
    """
    largest_first = F.array_sort(F.collect_list(F.struct((-F.col("billionths")).alias("minus"), "target_code")))
    targets = (
        translated.where("target_code IS NOT NULL")
        .groupBy("hs_revision", "heading")
        .agg(largest_first.alias("targets"))
    )
    own = F.array(F.struct(F.lit(-WHOLE).cast("bigint").alias("minus"), F.col("heading").alias("target_code")))
    joined = (
        flows.withColumn("heading", heading(digits))
        .join(F.broadcast(targets), ["hs_revision", "heading"], "left")
        .withColumn("targets", F.coalesce("targets", F.when(is_outside_hs(), own)))
        .where("targets IS NOT NULL")
        .withColumns({f"parts_{name}": _parts(name) for name in amounts})
        .withColumn("is_apportioned", F.size("targets") > 1)
    )
    kept = [name for name in flows.columns if name not in amounts]
    parts = [F.element_at(f"parts_{name}", F.col("place") + 1).alias(name) for name in amounts]
    has_amount = " OR ".join(f"{name} <> 0" for name in amounts)
    return (
        joined.select("*", F.posexplode("targets").alias("place", "target"))
        .select(*kept, *parts, F.col("target.target_code").alias("target_code"), "is_apportioned", "place")
        .where(f"place = 0 OR {has_amount}")
        .drop("place")
    )


def _parts(amount: str) -> Column:
    """An amount split over `targets` by largest remainder: an array of as many bigints.

    The amount is taken apart by WHOLE, so that no product passes 64 bits.
    """
    size = f"abs({amount})"
    floor = f"({size} div {WHOLE}) * -t.minus + (({size} % {WHOLE}) * -t.minus) div {WHOLE}"
    order = F.expr(
        f"array_sort(transform(targets, (t, i) -> struct(-((({size} % {WHOLE}) * -t.minus) % {WHOLE}) AS r, i AS i)))"
    )
    floors = F.expr(f"transform(targets, t -> {floor})")
    return F.when(F.size("targets") == 1, F.array(F.col(amount))).otherwise(_rounded(amount, size, floors, order))


def _rounded(amount: str, size: str, floors: Column, order: Column) -> Column:
    """The floors, one more for as many of the first in the order as the floors fall short of the amount."""
    short = (F.expr(size) - F.aggregate(floors, F.lit(0).cast("bigint"), lambda total, part: total + part)).cast("int")
    first = F.transform(F.slice(order, F.lit(1), short), lambda entry: entry["i"])
    sign = F.signum(F.col(amount)).cast("bigint")
    return F.transform(
        floors, lambda part, place: sign * (part + F.when(F.array_contains(first, place), 1).otherwise(0))
    )


def untranslated(flows: DataFrame, translated: DataFrame, codes: DataFrame, digits: int = HEADING_DIGITS) -> DataFrame:
    """The headings of the flows that have no target: hs_revision, heading, rule, nearest_codes.

    Rules: `large_family`, `no_table` (nothing is translated from that revision) and `unmapped_code`, with the nearest
    codes of its revision: those that share most leading digits, then those whose numbers are closest.
    """
    used = flows.select("hs_revision", heading(digits).alias("heading")).distinct()
    known = translated.groupBy("hs_revision", "heading").agg(
        F.min("refusal").alias("refusal"), F.count("target_code").alias("targets")
    )
    revisions = translated.select("hs_revision", F.lit(True).alias("has_table")).distinct()
    lacking = (
        used.join(F.broadcast(known), ["hs_revision", "heading"], "left")
        .where(F.coalesce("targets", F.lit(0)) == 0)
        .where(~is_outside_hs())
        .join(F.broadcast(revisions), "hs_revision", "left")
    )
    rule = F.when(F.col("has_table").isNull(), F.lit("no_table")).otherwise(
        F.coalesce("refusal", F.lit("unmapped_code"))
    )
    return _with_nearest(lacking.select("hs_revision", "heading", rule.alias("rule")), codes, digits)


def _with_nearest(lacking: DataFrame, codes: DataFrame, digits: int) -> DataFrame:
    others = codes.select(F.col("hs_revision").alias("its_revision"), F.col("product_code").alias("near"))
    is_another = (F.col("its_revision") == F.col("hs_revision")) & (F.col("near") != F.col("heading"))
    alike = [(F.substring("near", 1, n) == F.substring("heading", 1, n)).cast("int") for n in range(1, digits + 1)]
    shared = reduce(lambda one, other: one + other, alike)
    distance = F.abs(F.col("near").cast("int") - F.col("heading").try_cast("int"))
    closest = Window.partitionBy("hs_revision", "heading").orderBy(F.desc("shared"), "distance", "near")
    ranked = (
        lacking.join(F.broadcast(others), is_another, "left")
        .withColumns({"shared": shared, "distance": distance})
        .withColumn("rank", F.row_number().over(closest))
        .where(F.col("rank") <= NEAREST)
    )
    nearest = F.when(F.col("near").isNotNull(), F.struct("rank", "near"))
    return ranked.groupBy("hs_revision", "heading", "rule").agg(
        F.transform(F.array_sort(F.collect_list(nearest)), lambda entry: entry["near"]).alias("nearest_codes")
    )


def refuse_apportioned(settings: HarmoniseSettings, measure: str) -> None:
    """Refuses flows that were apportioned for a measure that counts or compares cells.

    Shares of a flow in several products are estimates of value: numbers of products, partners, entries, prices and the
    like would count cells that nobody traded.

    Raises:
        InputError: the settings apportion.
    """
    if settings.to is not None and settings.method == "weights":
        raise InputError(
            f"{measure} counts products and partners, and harmonise.method is weights, which splits flows over "
            "products by estimate; set it to conversion or families, or name with --to only tables of values"
        )


def refuse_national_codes(settings: HarmoniseSettings, measure: str) -> None:
    """Refuses national codes of eight or ten digits for a measure that compares products over years.

    Their last digits are given anew every January, and no public table joins the years; a user's own table does.

    Raises:
        InputError: the settings leave codes as reported.
    """
    if settings.to is None:
        raise InputError(
            f"{measure} compares products over years, and harmonise.to is null, which leaves national codes as they "
            "were reported; those change every January: set it to an HS revision, or to a year and name a table of "
            "their changes under inputs.hs8_changes, or name other tables with --to"
        )
