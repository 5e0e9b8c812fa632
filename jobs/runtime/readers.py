"""Readers: what `files_<source>` delivers, every field as the string in the file, with file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from urllib.parse import unquote, urlparse

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.jobs.runtime.inventory import File
from haiguan.jobs.runtime.layouts import Layout
from haiguan.transforms.schema import Table

_BLOCK = "file_path string, block_start bigint, first_id bigint, lines_before bigint, name string"
# What Hadoop would read as a pattern in a path.
_GLOB = re.compile(r"[\[\]{}*?\\]")
_BAD = "haiguan_unsplittable"


def read_delimited(session: SparkSession, files: Sequence[File], table: Table) -> DataFrame:
    """The lines of delimited files as rows of a raw table.

    A line whose bytes are not what its text encodes to is `undecodable`, one with too many or too few fields
    `unsplittable`; both keep their bytes in hex, and no other line does. The heading is line 1 and is not a row.

    Args:
        session: Spark's.
        files: to read.
        table: the raw table; its columns that a layout lacks are null.
    """
    alike = sorted(files, key=_way_of_reading)
    frames = [_read_alike(session, list(group), table) for _, group in groupby(alike, key=_way_of_reading)]
    return reduce(DataFrame.unionByName, frames)


def _way_of_reading(file: File) -> tuple[str, str, str, tuple[str, ...]]:
    return file.layout.name, file.encoding, file.separator, file.headings


def _read_alike(session: SparkSession, files: Sequence[File], table: Table) -> DataFrame:
    layout, encoding, headings = files[0].layout, files[0].encoding, files[0].headings
    text = F.decode("bytes", encoding)
    positions = [f"_{position}" for position in range(len(headings))]
    schema = ", ".join(f"{position} string" for position in [*positions, _BAD])
    options = {
        "sep": files[0].separator,
        "quote": '"',
        "escape": '"',
        "columnNameOfCorruptRecord": _BAD,
    }
    parsed = (
        _numbered_lines(session, files)
        .where("line > 1")
        .withColumn("text", text)
        .withColumn("is_undecodable", F.encode("text", encoding) != F.col("bytes"))
        .withColumn("fields", F.from_csv(F.col("text"), schema, options))
        .withColumn("unreadable", _why_unreadable())
    )
    found: dict[str, list[str]] = {}
    for heading, position in zip(headings, positions, strict=True):
        found.setdefault(layout.headings.get(heading, ""), []).append(position)
    return parsed.select(*[_raw_column(name, found, layout) for name in table.column_names])


def _why_unreadable() -> Column:
    """from_csv says nothing of a blank line, which has no fields at all."""
    undecodable = F.when(F.col("is_undecodable"), F.lit("undecodable"))
    return undecodable.when((F.col("text") == "") | F.col("fields").getField(_BAD).isNotNull(), F.lit("unsplittable"))


def _raw_column(name: str, found: dict[str, list[str]], layout: Layout) -> Column:
    readable = F.col("unreadable").isNull()
    if name == "raw_bytes_hex":
        return F.when(~readable, F.hex("bytes")).alias(name)
    if name in found:
        return F.when(readable, _first_not_blank([F.col("fields").getField(p) for p in found[name]])).alias(name)
    if name in layout.constants:
        return F.when(readable, F.lit(layout.constants[name])).alias(name)
    if name.endswith("_text"):
        return F.lit(None).cast("string").alias(name)
    return F.col(name)


def _first_not_blank(fields: Sequence[Column]) -> Column:
    """from_csv makes an empty field null, whatever its options say."""
    told = [F.when(F.trim(field) != "", field) for field in fields[:-1]]
    return F.coalesce(*told, fields[-1], F.lit(""))


def _numbered_lines(session: SparkSession, files: Sequence[File]) -> DataFrame:
    """The bytes of every line with its number: a first pass counts the lines of each block of each file."""
    lines = (
        session.read.option("lineSep", "\n")
        .text([_GLOB.sub(r"\\\g<0>", os.path.abspath(file.path)) for file in files])
        .select(
            F.col("value").cast("binary").alias("bytes"),
            F.col("_metadata.file_path").alias("file_path"),
            F.col("_metadata.file_block_start").alias("block_start"),
            F.monotonically_increasing_id().alias("id"),
        )
    )
    blocks = _blocks(session, lines, files)
    described = session.createDataFrame([_description(file) for file in files], _DESCRIPTION)
    carriage_return = F.col("bytes").substr(F.length("bytes"), F.lit(1)) == F.lit(b"\r")
    return (
        lines.join(F.broadcast(blocks), ["file_path", "block_start"], "inner")
        .withColumn("line", F.col("id") - F.col("first_id") + F.col("lines_before") + 1)
        .withColumn(
            "bytes", F.when(carriage_return, F.expr("substring(bytes, 1, length(bytes) - 1)")).otherwise(F.col("bytes"))
        )
        .join(F.broadcast(described), "name", "inner")
    )


_DESCRIPTION = "name string, year int, file_month int, file_id string, file string, layout string, copies int"


def _description(file: File) -> tuple:
    return os.path.abspath(file.path), file.year, file.month, file.file_id, file.name, file.layout.name, file.copies


def _blocks(session: SparkSession, lines: DataFrame, files: Sequence[File]) -> DataFrame:
    counted = (
        lines.groupBy("file_path", "block_start")
        .agg(F.min("id").alias("first_id"), F.count("*").alias("lines"))
        .collect()
    )
    rows = []
    for path, of_file in groupby(sorted(counted), key=lambda row: row.file_path):
        before = 0
        for row in of_file:
            rows.append((path, row.block_start, row.first_id, before, unquote(urlparse(path).path)))
            before += row.lines
    unread = {os.path.abspath(file.path) for file in files} - {row[-1] for row in rows}
    if unread:
        raise RuntimeError(f"Spark has read nothing of {', '.join(sorted(unread))}")
    return session.createDataFrame(rows, _BLOCK)
