"""Records of files on their way into a raw table: Arrow reads them in Spark's tasks, and writes them there too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.arrow_writer import file_options
from haiguan.jobs.runtime.records import Piece
from haiguan.jobs.runtime.table_reader import read_table
from haiguan.jobs.runtime.text_reader import read_text
from haiguan.transforms.schema import Table


@dataclass(frozen=True)
class Delivery:
    """The records of files, not read yet.

    Attributes:
        session: Spark's.
        table: the raw table whose rows they become.
        pieces: of the files, a task each.
    """

    session: SparkSession
    table: Table
    pieces: Sequence[Piece]

    def frame(self) -> DataFrame:
        """The rows as a frame of Spark."""
        schema = delta.arrow_schema(self.table)

        def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            """Numbers of pieces in, the rows of the pieces out."""
            for number in (number for batch in batches for number in batch.column(0).to_pylist()):
                yield from (rows.cast(schema) for rows in _rows(pieces[number], schema))

        pieces = self.pieces
        return self.session.range(0, len(pieces), 1, max(len(pieces), 1)).mapInArrow(read, self.table.ddl)

    def write(self, folder: Path) -> None:
        """Writes the rows as Parquet files into the folders of their slices.

        Spark's own writer takes them one by one out of Arrow, which costs more than all the rest of reading them.

        Args:
            folder: in which the folders of the slices are made.
        """
        if self.pieces:
            numbered = list(enumerate(self.pieces))
            write = partial(_write, folder=folder, table=self.table)
            self.session.sparkContext.parallelize(numbered, len(numbered)).foreach(write)


def _rows(piece: Piece, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    yield from read_table(piece, schema) if piece.reading.kind in ("stata", "parquet") else read_text(piece, schema)


def _write(numbered: tuple[int, Piece], folder: Path, table: Table) -> None:
    """A file appears under its name when it is whole, so that a task that is tried again leaves no half."""
    number, piece = numbered
    slices = [f"{name}={piece.reading.description[name]}" for name in table.slice]
    target = folder.joinpath(*slices, f"part-{number:05d}.parquet")
    rows = (batch for batch in _rows(piece, _stored_schema(table)) if batch.num_rows)
    first = next(rows, None)
    if first is None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.stem}-{uuid.uuid4().hex[:8]}")
    try:
        _write_batches(unfinished, first, rows, table)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_batches(file: Path, first: pa.RecordBatch, others: Iterable[pa.RecordBatch], table: Table) -> None:
    """A row group for each batch; that some columns have dictionaries is left out of what readers are told."""
    with pq.ParquetWriter(file, first.schema, store_schema=False, **file_options(table)) as writer:
        writer.write_batch(first)
        for batch in others:
            writer.write_batch(batch)


def _stored_schema(table: Table) -> pa.Schema:
    """Of a file of the table: without the columns of its slice, which its folders tell."""
    schema = delta.arrow_schema(table)
    return pa.schema([field for field in schema if field.name not in table.slice])
