"""Readers: what `files_<source>` delivers, every field as the string in the file, with file and line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import groupby

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.jobs.runtime.inventory import File
from haiguan.jobs.runtime.layouts import Layout
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.jobs.runtime.table_reader import parsed_rows
from haiguan.jobs.runtime.text_reader import parsed_lines
from haiguan.transforms.schema import Table

_DESCRIPTION = "name string, year int, file_month int, file_id string, layout string, copies int"


def read_files(session: SparkSession, files: Sequence[File], table: Table, scratch: Scratch) -> DataFrame:
    """The records of files as rows of a raw table.

    A record whose bytes are not what its text encodes to is `undecodable`, a line with too many or too few fields
    `unsplittable`; both keep their bytes in hex, and no other record does. In text the heading is line 1 and is not a
    row; in tables the rows count from 1.

    Args:
        session: Spark's.
        files: to read.
        table: the raw table; its columns that a layout lacks are null.
        scratch: where packed tables and databases are unpacked.
    """
    alike = sorted(files, key=_way_of_reading)
    frames = [_read_alike(session, list(group), table, scratch) for _, group in groupby(alike, key=_way_of_reading)]
    return reduce(DataFrame.unionByName, frames)


def _way_of_reading(file: File) -> tuple[str, str, str, str, tuple[str, ...]]:
    return file.content.kind, file.layout.name, file.encoding, file.separator, file.headings


def _read_alike(session: SparkSession, files: Sequence[File], table: Table, scratch: Scratch) -> DataFrame:
    placed = [(scratch.place(file.content, file.charset), file) for file in files]
    parse = parsed_rows if files[0].content.kind in ("stata", "parquet") else parsed_lines
    described = session.createDataFrame([_description(file) for file in files], _DESCRIPTION)
    records = parse(session, placed).join(F.broadcast(described), "name", "inner").withColumnRenamed("name", "file")
    found: dict[str, list[str]] = {}
    for position, heading in enumerate(files[0].headings):
        found.setdefault(files[0].layout.headings.get(heading, ""), []).append(f"_{position}")
    return records.select(*[_raw_column(name, found, files[0].layout) for name in table.column_names])


def _description(file: File) -> tuple:
    return file.name, file.year, file.month, file.file_id, file.layout.name, file.copies


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
