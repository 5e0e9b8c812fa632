"""Lines of text files, read as bytes: the CSV reader of Spark replaces bad bytes and says nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote, urlparse

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.jobs.runtime import access
from haiguan.jobs.runtime.inventory import File

_BLOCK = "file_path string, block_start bigint, first_id bigint, lines_before bigint, name string"
# What Hadoop would read as a pattern in a path.
_GLOB = re.compile(r"[\[\]{}*?\\]")
_BAD = "haiguan_unsplittable"
# Encodings in which no two sequences of bytes are the same text: where nothing was replaced, the bytes are those read.
_ONE_TO_ONE = ("UTF-8", "GB18030", "ISO-8859-1")
_REPLACEMENT = "\ufffd"


def parsed_lines(session: SparkSession, placed: Sequence[tuple[Path, File]]) -> DataFrame:
    """The lines of text files that are read alike: name, line, bytes, fields (_0, _1, ...), unreadable.

    Args:
        session: Spark's.
        placed: where each file can be read, and the file.
    """
    file = placed[0][1]
    separator, count = file.separator or access.SEPARATOR, len(file.headings)
    lines = (
        _numbered_lines(session, placed)
        .where("line > 1")
        .withColumn("line", F.col("line") - int(file.content.kind == "access"))
        .withColumn("text", F.decode("bytes", file.encoding))
    )
    return (
        lines.withColumn("has_quotes", F.instr("text", '"') > 0)
        .withColumn("quoted", F.when(F.col("has_quotes"), _parsed_as_csv(separator, count)))
        .withColumn("plain", F.when(~F.col("has_quotes"), F.split("text", re.escape(separator), -1)))
        .withColumn("unreadable", _why_unreadable(file.encoding, count))
        .select("name", "line", "bytes", _fields(count).alias("fields"), "unreadable")
    )


def _parsed_as_csv(separator: str, count: int) -> Column:
    schema = ", ".join(f"_{position} string" for position in range(count))
    options = {"sep": separator, "quote": '"', "escape": '"', "columnNameOfCorruptRecord": _BAD}
    return F.from_csv(F.col("text"), f"{schema}, {_BAD} string", options)


def _fields(count: int) -> Column:
    """Most lines have no quotes, and splitting is quicker than parsing."""
    return F.struct(
        *[
            F.when(F.col("has_quotes"), F.col("quoted").getField(f"_{position}"))
            .otherwise(F.get("plain", F.lit(position)))
            .alias(f"_{position}")
            for position in range(count)
        ]
    )


def _why_unreadable(encoding: str, count: int) -> Column:
    """from_csv says nothing of a blank line, which has no fields at all."""
    is_other = F.encode("text", encoding) != F.col("bytes")
    if encoding in _ONE_TO_ONE:
        is_other = F.col("text").contains(_REPLACEMENT) & is_other
    has_other_fields = F.when(F.col("has_quotes"), F.col("quoted").getField(_BAD).isNotNull()).otherwise(
        F.size("plain") != count
    )
    return F.when(is_other, F.lit("undecodable")).when((F.col("text") == "") | has_other_fields, F.lit("unsplittable"))


def _numbered_lines(session: SparkSession, placed: Sequence[tuple[Path, File]]) -> DataFrame:
    """The bytes of every line with its number: a first pass counts the lines of each block of each file."""
    names = {os.path.abspath(path): file.name for path, file in placed}
    lines = (
        session.read.option("lineSep", "\n")
        .text([_GLOB.sub(r"\\\g<0>", path) for path in names])
        .select(
            F.col("value").cast("binary").alias("bytes"),
            F.col("_metadata.file_path").alias("file_path"),
            F.col("_metadata.file_block_start").alias("block_start"),
            F.monotonically_increasing_id().alias("id"),
        )
    )
    blocks = _blocks(session, lines, names)
    carriage_return = F.col("bytes").substr(F.length("bytes"), F.lit(1)) == F.lit(b"\r")
    return (
        lines.join(F.broadcast(blocks), ["file_path", "block_start"], "inner")
        .withColumn("line", F.col("id") - F.col("first_id") + F.col("lines_before") + 1)
        .withColumn(
            "bytes", F.when(carriage_return, F.expr("substring(bytes, 1, length(bytes) - 1)")).otherwise(F.col("bytes"))
        )
    )


def _blocks(session: SparkSession, lines: DataFrame, names: dict[str, str]) -> DataFrame:
    counted = (
        lines.groupBy("file_path", "block_start")
        .agg(F.min("id").alias("first_id"), F.count("*").alias("lines"))
        .collect()
    )
    rows = []
    read = set()
    for file_path, of_file in groupby(sorted(counted), key=lambda row: row.file_path):
        before, path = 0, unquote(urlparse(file_path).path)
        read.add(path)
        for row in of_file:
            rows.append((file_path, row.block_start, row.first_id, before, names[path]))
            before += row.lines
    unread = names.keys() - read
    if unread:
        raise RuntimeError(f"Spark has read nothing of {', '.join(sorted(unread))}")
    return session.createDataFrame(rows, _BLOCK)
