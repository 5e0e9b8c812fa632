"""Rows of Stata and Parquet tables, read by ranges in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from haiguan.jobs.runtime.records import Piece, Reading, decoded, each_once, is_ascii, readable_rows, unreadable_rows
from haiguan.jobs.runtime.tables import BYTES, TableKind, ranges, read_range

_ROWS_AT_ONCE = 100_000


def table_pieces(reading: Reading, records: int) -> list[Piece]:
    """Ranges of the rows of a table, which count from 1.

    Args:
        reading: of the table.
        records: how many it has.
    """
    return [
        Piece(reading, start, start + count, start + 1, group)
        for start, count, group in ranges(Path(reading.path), _kind(reading), records, _ROWS_AT_ONCE)
    ]


def _kind(reading: Reading) -> TableKind:
    return "stata" if reading.kind == "stata" else "parquet"


def read_table(piece: Piece, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The records of a range of rows as rows of a raw table, those that cannot be read apart from the others.

    Args:
        piece: of a Stata or Parquet table.
        schema: of the raw table.
    """
    reading, line = piece.reading, piece.line
    count = (piece.end or piece.start) - piece.start
    for fields in read_range(
        reading.path, _kind(reading), piece.start, count, piece.row_group, reading.has_label_texts
    ):
        numbers = np.arange(line, line + len(fields[0]))
        line += len(numbers)
        if reading.kind == "stata":
            yield from _decoded_rows(reading, schema, numbers, fields)
        else:
            yield readable_rows(reading, schema, numbers, fields)


def _decoded_rows(
    reading: Reading, schema: pa.Schema, numbers: np.ndarray, fields: list[pa.Array]
) -> Iterator[pa.RecordBatch]:
    """The characters of a Stata text are its bytes; a record with one that is not in the encoding is undecodable."""
    stored = [_bytes_of(field) for field in fields]
    texts = [decoded(field, reading.encoding) for field in stored]
    is_strange = np.logical_or.reduce([text.is_null().to_numpy(zero_copy_only=False) for text in texts])
    kept = pa.array(~is_strange)
    yield readable_rows(reading, schema, numbers[~is_strange], [text.filter(kept) for text in texts])
    if is_strange.any():
        strange = [field.filter(pa.array(is_strange)).to_pylist() for field in stored]
        whole = [b"\t".join(record) for record in zip(*strange, strict=True)]
        yield unreadable_rows(reading, schema, numbers[is_strange], whole, ["undecodable"] * len(whole))


def _bytes_of(field: pa.Array) -> pa.Array:
    if is_ascii(field):
        return field.view(pa.binary())
    return each_once(field, partial(str.encode, encoding=BYTES), pa.binary()).cast(pa.binary())
