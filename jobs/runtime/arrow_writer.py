"""A frame's rows into the Parquet files of a table, written by Arrow where the engine works by columns.

Comet's batches are Arrow's already. Spark's own writer would take them apart into rows and each row into values, which
costs more than it costs to make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.session import HANDS_OVER_ARROW
from haiguan.transforms.schema import Table

BROKEN = "broken"
_BYTES_OF_ROW_GROUPS = 128 * 2**20


def suits(session: SparkSession) -> bool:
    """Whether the engine of a session hands its batches over as they are."""
    return session.conf.get(HANDS_OVER_ARROW, "false") == "true"


def write(rows: DataFrame, folder: Path, table: Table) -> None:
    """Writes the rows as Parquet files into the folders of their slices.

    Args:
        rows: the declared columns, and BROKEN: the constraint that a row breaks, null where it breaks none.
        folder: in which the folders of the slices are made.
        table: the declaration.

    Raises:
        PythonException: a row breaks a constraint; the message names it.
    """

    def written(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of a task in, nothing out."""
        _write_part(batches, folder, table)
        return iter(())

    rows.mapInArrow(written, "part int").collect()


def _write_part(batches: Iterable[pa.RecordBatch], folder: Path, table: Table) -> None:
    """The files of a task are called after it, so that one which is tried again writes the same files."""
    task = cast(TaskContext, TaskContext.get())
    schema = delta.arrow_schema(table)
    slices = pa.schema([schema.field(name) for name in table.slice])
    parquet = ds.ParquetFileFormat()
    ds.write_dataset(
        map(partial(_stored, schema=schema), _row_groups(batches)),
        folder,
        basename_template=f"part-{task.partitionId():05d}-{{i}}.parquet",
        partitioning=ds.partitioning(slices, flavor="hive") if table.slice else None,
        schema=schema,
        format=parquet,
        file_options=parquet.make_write_options(store_decimal_as_integer=True, **delta.file_options(table)),
        existing_data_behavior="overwrite_or_ignore",
        use_threads=False,
    )


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows in few batches, since each becomes a row group of every slice that it has rows of."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size > _BYTES_OF_ROW_GROUPS:
            yield pa.concat_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


def _stored(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The declared columns; a row that breaks a constraint ends the task."""
    broken = rows.column(BROKEN)
    if broken.null_count < len(broken):
        raise ValueError(pc.drop_null(broken)[0].as_py())
    return rows.select(schema.names).cast(schema)
