"""What deliveries of customs files overlap in: months that two editions cover, rows that stand twice."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.customs.coding import described
from haiguan.transforms.customs.fields import DELIVERED
from haiguan.transforms.money import exact

BLOCK = 10
"""Rows that two files of a year have in common from which on one of them repeats a block of the other."""

_AMOUNT = "decimal(38,6)"


def contested_months(raw_customs__declarations: DataFrame, core_customs__layouts: DataFrame) -> DataFrame:
    """One row per year, edition and month that some other edition covers too: files, records, amount_usd.

    The month of a record is the one that the rule of its layout says; records that tell none are left out.
    """
    texts = {name: F.trim(F.coalesce(name, F.lit(""))) for name in ("period_text", "value_text", "quantity_text")}
    dated = described(raw_customs__declarations.withColumns(texts), core_customs__layouts)
    covered = (
        dated.where("month IS NOT NULL")
        .groupBy("year", "month", "edition")
        .agg(
            F.countDistinct("file").alias("files"),
            F.count("*").alias("records"),
            F.sum(exact("value_text")).cast(_AMOUNT).alias("amount_usd"),
        )
    )
    contested = covered.groupBy("year", "month").agg(F.count("*").alias("editions")).where("editions > 1")
    return covered.join(contested.drop("editions"), ["year", "month"], "left_semi")


def repeated_rows(raw_customs__declarations: DataFrame, amount_usd: Column) -> DataFrame:
    """Steps of the account: rows that stand more than once, and their dollars; all of them are kept.

    Rows that agree in every field inside one file are `identical_row`: a row is a statistical record, and two that
    agree are two records. Rows that a file shares with another of its year, ten or more, are a `repeated_block`.

    Args:
        raw_customs__declarations: whole years of it.
        amount_usd: of a raw record.
    """
    readable = raw_customs__declarations.where("unreadable IS NULL").select(
        "year", "file_id", F.xxhash64(*DELIVERED).alias("content"), amount_usd.cast(_AMOUNT).alias("amount_usd")
    )
    # both groupings below are satisfied by this one shuffle
    by_file = (
        readable.repartition("year", "content")
        .groupBy("year", "content", "file_id")
        .agg(F.count("*").alias("rows"), F.first("amount_usd").alias("amount_usd"))
    )
    return _identical(by_file).unionByName(_blocks(by_file))


def _identical(by_file: DataFrame) -> DataFrame:
    more = F.col("rows") - 1
    summed = by_file.where("rows > 1").groupBy("year").agg(*_sums(more))
    return _step(summed, "identical_row")


def _blocks(by_file: DataFrame) -> DataFrame:
    """Rows of files that share enough with an earlier file, in the order of their ids."""
    of_content = by_file.groupBy("year", "content").agg(
        F.min("file_id").alias("earlier"),
        F.collect_set("file_id").alias("files"),
        F.first("amount_usd").alias("amount_usd"),
    )
    shared = of_content.where(F.size("files") > 1).select(
        "year",
        "earlier",
        F.explode(F.array_except("files", F.array("earlier"))).alias("file_id"),
        F.lit(1).alias("rows"),
        "amount_usd",
    )
    pairs = shared.groupBy("year", "earlier", "file_id").agg(*_sums(F.col("rows")))
    blocks = pairs.where(F.col("records") >= BLOCK).groupBy("year")
    return _step(
        blocks.agg(F.sum("records").alias("records"), F.sum("amount_usd").alias("amount_usd")), "repeated_block"
    )


def _sums(rows: Column) -> tuple[Column, Column]:
    return F.sum(rows).alias("records"), F.sum(F.col("amount_usd") * rows).cast(_AMOUNT).alias("amount_usd")


def _step(summed: DataFrame, rule: str) -> DataFrame:
    return summed.select(
        "year", F.lit("alike").alias("step"), F.lit(rule).alias("rule"), "records", F.col("amount_usd").cast(_AMOUNT)
    )
