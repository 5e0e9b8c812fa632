"""What deliveries of customs files overlap in: months that two editions cover, records that stand twice."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import DOLLARS, ValueSettings
from haiguan.transforms.customs.coding import described, with_plain_numbers
from haiguan.transforms.customs.fields import DELIVERED, trimmed
from haiguan.transforms.money import exact
from haiguan.transforms.schema import TABLES

BLOCK = 10
"""Records that two files of a year have in common from which on one of them repeats a block of the other."""

WHOLE_YEAR = 0
"""Month of what covers all months of a year."""

_AMOUNT = "decimal(38,6)"


def contested_months(raw_customs__declarations: DataFrame, core_customs__layouts: DataFrame) -> DataFrame:
    """One row per year, edition and month that some other edition covers too: files, records, amount_usd.

    The month of a record is the one that the rule of its layout says; records that tell none are left out. An edition
    of which no record of a year tells one covers all of the year's months: it is told as month 0.
    """
    texts = {name: F.trim(F.coalesce(name, F.lit(""))) for name in ("period_text", "value_text", "quantity_text")}
    dated = described(raw_customs__declarations.withColumns(texts), core_customs__layouts)
    summed = dated.groupBy("year", "month", "edition").agg(
        F.countDistinct("file").alias("files"),
        F.count("*").alias("records"),
        F.sum(exact("value_text")).cast(_AMOUNT).alias("amount_usd"),
    )
    has_months = F.count("month").over(Window.partitionBy("year", "edition")) > 0
    covered = (
        summed.withColumn("has_months", has_months)
        .where("month IS NOT NULL OR NOT has_months")
        .withColumn("month", F.coalesce("month", F.lit(WHOLE_YEAR)))
        .drop("has_months")
    )
    others = covered.select("year", F.col("month").alias("other_month"), F.col("edition").alias("other_edition"))
    is_shared = (F.col("month") == F.col("other_month")) | (F.least("month", "other_month") == WHOLE_YEAR)
    is_other = (covered.year == others.year) & (F.col("edition") != F.col("other_edition")) & is_shared
    return covered.join(others, is_other, "left_semi")


def with_delivered_usd(records: DataFrame, layouts: DataFrame, value: ValueSettings) -> DataFrame:
    """Raw records with amount_usd, the value as delivered: null where it is no number or in another currency.

    Args:
        records: with layout, year and value_text.
        layouts: core_customs__layouts.
        value: what the values are.
    """
    plain = with_plain_numbers(records.withColumn("value_text", trimmed("value_text")), layouts, ["value_text"])
    delivered = exact("value_text") if value.currency == DOLLARS else F.lit(None)
    return plain.withColumn("amount_usd", delivered.cast(_AMOUNT))


def core_customs__repeated_rows(
    raw_customs__declarations: DataFrame, core_customs__layouts: DataFrame, *, value: ValueSettings
) -> DataFrame:
    """One row per record with a like before it in its year, and the file and line where that stands.

    Records that agree in every field inside one file are `identical_row`, from the second on: a row is a statistical
    record, and two that agree are two records. Records that a file shares with an earlier one of its year, in the order
    of their paths, are a `repeated_block` where there are BLOCK or more of them. Of several earlier files a record
    counts for the first alone. A blank and a missing field agree.
    Lines that cannot be read are not compared. Dollars are those delivered, before rounding; null in other currencies.
    """
    delivered = [F.coalesce(name, F.lit("")) for name in DELIVERED]
    readable = raw_customs__declarations.where("unreadable IS NULL").select(
        "year", "file_id", "file", "line", "layout", "value_text", F.xxhash64(*delivered).alias("content")
    )
    again = with_delivered_usd(_told_apart(_standing_again(readable)), core_customs__layouts, value)
    return again.select(*TABLES["core_customs__repeated_rows"].column_names)


def _standing_again(readable: DataFrame) -> DataFrame:
    """Records with a like before them, the first like of their file and of their year, and their place in the file."""
    # The contents come first, since numbers are sorted fastest; the few that are alike are all that is sorted again.
    alike = Window.partitionBy("content", "year")
    in_year, in_file = alike.orderBy("file", "line"), Window.partitionBy("content", "year", "file").orderBy("line")
    place = F.struct("file", "line")
    several = readable.withColumn("rows", F.count("*").over(alike)).where("rows > 1")
    numbered = several.withColumns(
        {
            "first_of_year": F.first(place).over(in_year),
            "first_of_file": F.first(place).over(in_file),
            "number_in_file": F.row_number().over(in_file),
        }
    )
    return numbered.where(place != F.col("first_of_year"))


def _told_apart(again: DataFrame) -> DataFrame:
    """The records with repeat_kind, first_file and first_line; what two files share by chance is left out."""
    pair = Window.partitionBy("year", "file", "first_of_year.file")
    is_identical = F.col("number_in_file") > 1
    shared = F.sum((~is_identical).cast("int")).over(pair)
    first = F.when(is_identical, F.col("first_of_file")).otherwise(F.col("first_of_year"))
    kind = F.when(is_identical, F.lit("identical_row")).when(F.col("shared") >= BLOCK, F.lit("repeated_block"))
    told = again.withColumn("shared", shared).withColumns(
        {"repeat_kind": kind, "first_file": first["file"], "first_line": first["line"]}
    )
    return told.where("repeat_kind IS NOT NULL")


def repeated_steps(core_customs__repeated_rows: DataFrame) -> DataFrame:
    """Steps of the account: records that stand in the archive before, by year and kind; all of them are kept."""
    summed = core_customs__repeated_rows.groupBy("year", F.col("repeat_kind").alias("rule")).agg(
        F.count("*").alias("records"), F.sum("amount_usd").cast(_AMOUNT).alias("amount_usd")
    )
    return summed.select("year", F.lit("alike").alias("step"), "rule", "records", "amount_usd")
