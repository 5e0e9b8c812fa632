"""Coverage: the dollars of the archive against those that the country itself has published."""

from __future__ import annotations

from functools import reduce

from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.customs.declarations import CleanSettings
from haiguan.transforms.money import cents, dollars
from haiguan.transforms.schema import TABLES
from haiguan.transforms.trade.national import ALL_REGIMES

NATIONAL, COMTRADE = "national", "comtrade"
_WORLD = "000"
_WITHIN = {"share_within_2_percent": 2, "share_within_10_percent": 10}
_CELL = ["published_by", "year", "direction", "published_month", "published_regime"]


class CoverageSettings(BaseModel):
    """How far the archive may be from what is published.

    Attributes:
        archive_is_sample: whether the archive is known to hold a part of the records only; nothing then stops a run.
        warn_beyond: share by which totals may differ before it is a warning.
        stop_beyond: share by which they may differ before the run stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    archive_is_sample: bool
    warn_beyond: float = Field(gt=0)
    stop_beyond: float = Field(gt=0)


def core_customs__coverage(
    core_customs__declarations: DataFrame,
    core_countries__codes: DataFrame,
    core_trade__national_totals: DataFrame | None = None,
    core_trade__flows: DataFrame | None = None,
    *,
    clean: CleanSettings,
    coverage: CoverageSettings,
) -> DataFrame:
    """One row per published figure, and one per year, direction and publisher for the whole (month 0, regime `all`).

    National totals are compared by year, direction, regime and month, as finely as both sides go. The country's own
    reports to UN Comtrade are compared product (six digits) by partner for the products that they hold, in one row per
    year and direction; where they are in another HS revision than the archive, by partner only. Years of which the
    archive has nothing and years and directions of which nothing is published are not there.
    """
    compared = [_national(core_customs__declarations, core_trade__national_totals)]
    reports = _reports(core_trade__flows, core_countries__codes, clean.declarant)
    compared.append(_comtrade(core_customs__declarations, core_countries__codes, reports))
    made = [frame for frame in compared if frame is not None]
    if not made:
        return _nothing(core_customs__declarations)
    return _judged(reduce(DataFrame.unionByName, made), coverage)


def _nothing(declarations: DataFrame) -> DataFrame:
    columns = TABLES["core_customs__coverage"].columns
    return declarations.where("false").select(*[F.lit(None).cast(c.type).alias(c.name) for c in columns])


def _national(declarations: DataFrame, totals: DataFrame | None) -> DataFrame | None:
    """Cells of national totals, and the whole of each year and direction."""
    if totals is None:
        return None
    published = _finest(totals)
    of_year = Window.partitionBy("year")
    archive = (
        declarations.groupBy("year", "direction", "month", "regime")
        .agg(F.sum(cents("value_usd")).alias("archive"))
        .withColumn("has_months", F.count("month").over(of_year) == F.count("*").over(of_year))
        .join(
            F.broadcast(published.select("year", "direction", "by_month", "by_regime").distinct()),
            ["year", "direction"],
            "inner",
        )
    )
    level = F.broadcast(archive.select("year", "has_months").distinct())
    by_month = F.col("by_month") & F.col("has_months")
    key = ["year", "direction", "published_month", "published_regime"]
    ours = (
        archive.withColumn("published_month", F.when(by_month, F.col("month")).otherwise(0))
        .withColumn("published_regime", F.when(F.col("by_regime"), F.col("regime")).otherwise(ALL_REGIMES))
        .groupBy(*key)
        .agg(F.sum("archive").alias("archive"))
    )
    theirs = (
        published.join(level, "year", "inner")
        .withColumn("published_month", F.when(by_month, F.col("published_month")).otherwise(0))
        .groupBy(*key)
        .agg(F.sum("published").alias("published"))
    )
    cells = _side_by_side(ours, theirs, key).withColumn("published_by", F.lit(NATIONAL))
    figures = _summed(cells, _CELL).where(f"published_month > 0 OR published_regime <> '{ALL_REGIMES}'")
    return figures.unionByName(_whole(cells))


def _finest(totals: DataFrame) -> DataFrame:
    """Of each year and direction the figures by month where there are any, and by regime where there are any."""
    together = Window.partitionBy("year", "direction")
    marked = totals.withColumns(
        {
            "by_month": F.max(F.col("published_month") > 0).over(together),
            "by_regime": F.max(F.col("published_regime") != ALL_REGIMES).over(together),
            "published": cents("value_usd"),
        }
    )
    is_finest = ((F.col("published_month") > 0) == F.col("by_month")) & (
        (F.col("published_regime") != ALL_REGIMES) == F.col("by_regime")
    )
    return marked.where(is_finest)


def _reports(flows: DataFrame | None, countries: DataFrame, declarant: str) -> DataFrame | None:
    """The declarant's own reports by partner and six-digit product."""
    if flows is None:
        return None
    own = countries.where(F.col("country_code") == declarant).select(
        F.col("country_code_m49").alias("reporter_code_m49")
    )
    return (
        flows.join(F.broadcast(own), "reporter_code_m49", "left_semi")
        .where(f"flow IN ('export', 'import') AND length(product_code) = 6 AND partner_code_m49 <> '{_WORLD}'")
        .select(
            "year",
            F.col("flow").alias("direction"),
            "hs_revision",
            F.col("product_code").alias("heading"),
            "partner_code_m49",
            cents("value_usd").alias("published"),
        )
    )


def _comtrade(declarations: DataFrame, countries: DataFrame, reports: DataFrame | None) -> DataFrame | None:
    """The whole of each year and direction, from cells of product and partner."""
    if reports is None:
        return None
    partners = countries.select(F.col("country_code").alias("partner_code"), "country_code_m49")
    archive = (
        declarations.groupBy(
            "year", "direction", "hs_revision", F.substring("product_code", 1, 6).alias("heading"), "partner_code"
        )
        .agg(F.sum(cents("value_usd")).alias("archive"))
        .join(F.broadcast(partners), "partner_code", "left")
        .withColumn("partner_code_m49", F.coalesce("country_code_m49", F.concat(F.lit("?"), "partner_code")))
    )
    revision = ["year", "direction", "hs_revision"]
    is_alike = archive.select(*revision).distinct().join(reports.select(*revision).distinct(), revision, "inner")
    alike = is_alike.select("year", "direction").distinct().withColumn("by_product", F.lit(True))
    key = ["year", "direction", "heading", "partner_code_m49"]
    ours = _keyed(archive, alike, "archive", key)
    years = F.broadcast(archive.select("year").distinct())
    theirs = _keyed(reports.join(years, "year", "left_semi"), alike, "published", key)
    reported = theirs.select("year", "direction", "heading").distinct()
    cells = _side_by_side(ours.join(reported, ["year", "direction", "heading"], "left_semi"), theirs, key)
    return _whole(cells.withColumn("published_by", F.lit(COMTRADE)))


def _keyed(frame: DataFrame, alike: DataFrame, amount: str, key: list[str]) -> DataFrame:
    """Summed by product and partner, or by partner where the revisions differ."""
    return (
        frame.join(F.broadcast(alike), ["year", "direction"], "left")
        .withColumn("heading", F.when(F.col("by_product"), F.col("heading")).otherwise(""))
        .groupBy(*key)
        .agg(F.sum(amount).alias(amount))
    )


def _side_by_side(ours: DataFrame, theirs: DataFrame, key: list[str]) -> DataFrame:
    """Both amounts in cents by key, 0 where one side has nothing."""
    both = ours.join(theirs, key, "full")
    return both.withColumns({name: F.coalesce(name, F.lit(0)) for name in ("archive", "published")})


def _whole(cells: DataFrame) -> DataFrame:
    whole = cells.withColumns({"published_month": F.lit(0), "published_regime": F.lit(ALL_REGIMES)})
    return _summed(whole, _CELL)


def _summed(cells: DataFrame, key: list[str]) -> DataFrame:
    return cells.groupBy(*key).agg(
        F.count("*").alias("cells"),
        F.sum("archive").alias("archive"),
        F.sum("published").alias("published"),
        *[F.sum(_published_within(percent)).alias(name) for name, percent in _WITHIN.items()],
    )


def _published_within(percent: int) -> Column:
    """The published cents of a cell that the archive meets within so many per cent."""
    distance = F.abs(F.col("archive") - F.col("published")) * 100
    return F.when(distance <= F.col("published") * percent, F.col("published")).otherwise(0)


def _judged(summed: DataFrame, coverage: CoverageSettings) -> DataFrame:
    ratio = F.when(F.col("published") > 0, F.col("archive") / F.col("published"))
    distance = F.abs(F.coalesce(ratio, F.lit(float("inf"))) - 1)
    is_whole = (F.col("published_month") == 0) & (F.col("published_regime") == ALL_REGIMES)
    shares = [F.when(F.col("published") > 0, F.col(name) / F.col("published")).alias(name) for name in _WITHIN]
    return summed.select(
        *_CELL,
        "cells",
        dollars(F.col("archive")).alias("archive_value_usd"),
        dollars(F.col("published")).alias("published_value_usd"),
        ratio.alias("coverage_ratio"),
        *shares,
        F.when(is_whole, _verdict(distance, coverage)).alias("coverage_verdict"),
    )


def _verdict(distance: Column, coverage: CoverageSettings) -> Column:
    if coverage.archive_is_sample:
        return F.when(distance <= coverage.warn_beyond, "covered").otherwise("sample")
    return (
        F.when(distance <= coverage.warn_beyond, "covered")
        .when(distance <= coverage.stop_beyond, "beyond_warning")
        .otherwise("beyond_stop")
    )
