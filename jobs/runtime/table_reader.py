"""Rows of Stata and Parquet tables, read by ranges in parallel; what their texts are is decided in Spark."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.jobs.runtime.inventory import File
from haiguan.jobs.runtime.tables import BYTES, TableKind, ranges, read_range

_ROWS_AT_ONCE = 100_000
_RANGE = "name string, path string, start bigint, count bigint, row_group int"


def parsed_rows(session: SparkSession, placed: Sequence[tuple[Path, File]]) -> DataFrame:
    """The rows of tables that are read alike: name, line, bytes, fields (_0, _1, ...), unreadable.

    Args:
        session: Spark's.
        placed: where each file can be read, and the file.
    """
    file = placed[0][1]
    kind: TableKind = "stata" if file.content.kind == "stata" else "parquet"
    has_texts = file.layout.value_labels == "texts"
    columns = [f"_{position}" for position in range(len(file.headings))]
    parts = [
        (one.name, os.path.abspath(path), *part)
        for path, one in placed
        for part in ranges(path, kind, one.records, _ROWS_AT_ONCE)
    ]

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        """Ranges of rows in, the rows out: name of the file, line counted from 1, fields as texts."""
        for part in (row for batch in batches for row in batch.to_pylist()):
            line = part["start"]
            for fields in read_range(part["path"], kind, part["start"], part["count"], part["row_group"], has_texts):
                count = len(fields[0])
                lines = pa.array(range(line + 1, line + count + 1), pa.int64())
                yield pa.RecordBatch.from_arrays(
                    [pa.array([part["name"]] * count), lines, *fields], ["name", "line", *columns]
                )
                line += count

    schema = ", ".join(["name string", "line bigint", *[f"{column} string" for column in columns]])
    rows = session.createDataFrame(parts, _RANGE).mapInArrow(read, schema)
    return _decoded(rows, columns, file.encoding) if kind == "stata" else _as_delivered(rows, columns)


def _decoded(rows: DataFrame, columns: Sequence[str], encoding: str) -> DataFrame:
    """The characters of a Stata text are its bytes; a row with one that is not in the encoding is undecodable."""
    stored = rows.withColumns({column: F.encode(column, BYTES) for column in columns})
    texts = {f"{column}_text": F.decode(column, encoding) for column in columns}
    is_strange = reduce(
        lambda one, other: one | other,
        [F.encode(f"{column}_text", encoding) != F.col(column) for column in columns],
    )
    joined = reduce(lambda one, column: F.concat(one, F.lit(b"\t"), F.col(column)), columns[1:], F.col(columns[0]))
    return stored.withColumns(texts).select(
        "name",
        "line",
        F.when(is_strange, joined).alias("bytes"),
        F.struct(*[F.col(f"{column}_text").alias(column) for column in columns]).alias("fields"),
        F.when(is_strange, F.lit("undecodable")).alias("unreadable"),
    )


def _as_delivered(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The texts of a Parquet file are in UTF-8 by its format."""
    return rows.select(
        "name",
        "line",
        F.lit(None).cast("binary").alias("bytes"),
        F.struct(*columns).alias("fields"),
        F.lit(None).cast("string").alias("unreadable"),
    )
