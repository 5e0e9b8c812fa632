"""Records of files on their way into a raw table: Arrow reads them in Spark's tasks, and writes them there too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.records import Piece
from haiguan.jobs.runtime.table_reader import read_table
from haiguan.jobs.runtime.text_reader import read_text
from haiguan.transforms.schema import Table

NumberedPiece = tuple[int, Piece]

_TASKS_PER_CORE = 3
_ENCODINGS = {pa.int64(): "DELTA_BINARY_PACKED", pa.string(): "DELTA_LENGTH_BYTE_ARRAY"}
_SAMPLE = 1 << 13


@dataclass(frozen=True)
class Delivery:
    """The records of files, not read yet.

    Attributes:
        session: Spark's.
        table: the raw table whose rows they become.
        pieces: of the files.
    """

    session: SparkSession
    table: Table
    pieces: Sequence[Piece]

    def frame(self) -> DataFrame:
        """The rows as a frame of Spark."""
        schema = delta.arrow_schema(self.table)

        def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            """Numbers of tasks in, the rows of their pieces out."""
            for number in (number for batch in batches for number in batch.column(0).to_pylist()):
                yield from (rows.cast(schema) for _, piece in tasks[number] for rows in _rows(piece, schema))

        tasks = self._tasks()
        return self.session.range(0, len(tasks), 1, max(len(tasks), 1)).mapInArrow(read, self.table.ddl)

    def write(self, folder: Path) -> None:
        """Writes the rows as Parquet files into the folders of their slices.

        Spark's own writer takes them one by one out of Arrow, which costs more than all the rest of reading them.

        Args:
            folder: in which the folders of the slices are made.
        """
        if tasks := self._tasks():
            write = partial(_write, folder=folder, table=self.table)
            self.session.sparkContext.parallelize(tasks, len(tasks)).foreach(write)

    def _tasks(self) -> list[list[NumberedPiece]]:
        """Pieces by task: a worker of Python takes a tenth of a second before each, so that there are few of them."""
        numbered = list(enumerate(self.pieces))
        count = min(len(numbered), _TASKS_PER_CORE * self.session.sparkContext.defaultParallelism)
        return [numbered[first::count] for first in range(count)]


def _rows(piece: Piece, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    yield from read_table(piece, schema) if piece.reading.kind in ("stata", "parquet") else read_text(piece, schema)


def _write(task: Sequence[NumberedPiece], folder: Path, table: Table) -> None:
    for number, piece in task:
        _write_piece(number, piece, folder, table)


def _write_piece(number: int, piece: Piece, folder: Path, table: Table) -> None:
    """A file appears under its name when it is whole, so that a task that is tried again leaves no half."""
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
    options = {**delta.file_options(table), **_encodings(first)}
    with pq.ParquetWriter(file, first.schema, store_schema=False, **options) as writer:
        for batch in chain([first], others):
            writer.write_batch(batch.cast(first.schema))


def _encodings(rows: pa.RecordBatch) -> dict[str, Any]:
    """Of columns whose values seldom repeat: a dictionary of them takes twice the time and half as many bytes more."""
    seldom = {
        field.name: _ENCODINGS[field.type]
        for field, values in zip(rows.schema, rows.slice(0, _SAMPLE).columns, strict=True)
        if field.type in _ENCODINGS and pc.count_distinct(values).as_py() > len(values) / 2
    }
    return {
        "use_dictionary": [name for name in rows.schema.names if name not in seldom],
        "column_encoding": seldom,
    }


def _stored_schema(table: Table) -> pa.Schema:
    """Of a file of the table: without the columns of its slice, which its folders tell."""
    schema = delta.arrow_schema(table)
    return pa.schema([field for field in schema if field.name not in table.slice])
