"""Exports: a published table, or the answer to a query, as a file for Stata, pandas or a spreadsheet."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from haiguan.jobs.analyst.catalogue import LATEST, commits, published, stored
from haiguan.jobs.analyst.query import connect, mendable, scan, select
from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import COLUMNS
from haiguan.transforms.schema.model import MAX_LABEL

ENDINGS = (".csv", ".parquet", ".dta")
_BATCH = 131_072


@dataclass(frozen=True)
class Facts:
    """What a file tells about where it comes from.

    Attributes:
        title: table, version and grain; or the query.
        made_at: time of the version; None: the time of writing.
        metadata: written into a Parquet file.
    """

    title: str
    made_at: datetime | None
    metadata: dict[str, str]


@dataclass(frozen=True)
class Written:
    """What was written: the number of rows, and what a reader of the file must know."""

    rows: int
    notes: tuple[str, ...] = ()


def check_target(to: Path) -> None:
    """Refuses a file that cannot be written, before any work is done.

    Raises:
        InputError: its ending is none of ENDINGS, or its folder is missing or not writable.
    """
    if to.suffix.lower() not in ENDINGS:
        raise InputError(f"--to {to}: the ending says the format, one of {', '.join(ENDINGS)}")
    if not to.parent.is_dir():
        raise InputError(f"--to {to}: there is no folder {to.parent}; make it, or name another file")
    if to.is_dir() or not os.access(to.parent, os.W_OK):
        raise InputError(f"--to {to}: this cannot be written; name a file in a folder that is yours")


def export_table(lake: Lake, name: str, to: Path, version: str | int = LATEST, where: str | None = None) -> Written:
    """Writes a published table to a file, in the order of its key, so that the same version gives the same file.

    CSV and Parquet are streamed; a .dta file is put together in memory.

    Args:
        lake: that holds the table.
        name: of the table.
        to: the file; its ending is the format.
        version: a number, or `latest`.
        where: SQL condition on the rows, such as `year = 2004`.

    Raises:
        InputError: no such table, version or column, or a file that cannot be written.
    """
    check_target(to)
    table, held = published(lake, name), stored(lake, name, version)
    condition = f" WHERE {where}" if where else ""
    order = ", ".join(table.key)
    query = f"FROM {scan(lake.path(name), held.version())}{condition} ORDER BY {order}"
    commit = next(c for c in commits(lake, name) if c["version"] == held.version())
    facts = Facts(
        title=f"{name} v{held.version()}: {table.grain}",
        made_at=datetime.fromtimestamp(commit["timestamp"] / 1000, timezone.utc),
        metadata={
            "haiguan.table": name,
            "haiguan.version": str(held.version()),
            "haiguan.run": commit.get("userMetadata", ""),
            "haiguan.where": where or "",
        },
    )
    with connect() as connection, mendable(f"--where {where}" if where else query):
        return write_rows(select(connection, query), to, facts)


def write_rows(rows: duckdb.DuckDBPyRelation, to: Path, facts: Facts) -> Written:
    """Writes rows to a file, which appears only when it is complete.

    Raises:
        InputError: a format that does not hold a column, or an unknown ending.
    """
    check_target(to)
    reader = rows.to_arrow_reader(_BATCH)
    writers = {".csv": _write_csv, ".parquet": _write_parquet, ".dta": _write_stata}
    with _completed(to) as partial:
        return writers[to.suffix.lower()](reader, partial, facts)


@contextlib.contextmanager
def _completed(to: Path) -> Iterator[Path]:
    partial = to.with_name(f".{to.name}.partial")
    try:
        yield partial
        partial.replace(to)
    finally:
        partial.unlink(missing_ok=True)


def _write_csv(reader: pa.RecordBatchReader, to: Path, facts: Facts) -> Written:
    schema = pa.schema([pa.field(f.name, pa.string() if _is_text_list(f.type) else f.type) for f in reader.schema])
    _refuse_others(schema, ".csv")
    rows = 0
    with pyarrow.csv.CSVWriter(str(to), schema) as out:
        for batch in reader:
            out.write_table(pa.table([_joined(column) for column in batch.columns], schema=schema))
            rows += batch.num_rows
    return Written(rows)


def _write_parquet(reader: pa.RecordBatchReader, to: Path, facts: Facts) -> Written:
    commented = [f.with_metadata({"comment": label_of(f.name)}) for f in reader.schema]
    schema = pa.schema(commented, metadata={"haiguan.title": facts.title, **facts.metadata})
    rows = 0
    with pq.ParquetWriter(str(to), schema, compression="zstd") as out:
        for batch in reader:
            out.write_batch(batch.cast(schema))
            rows += batch.num_rows
    return Written(rows)


def _write_stata(reader: pa.RecordBatchReader, to: Path, facts: Facts) -> Written:
    _refuse_others(reader.schema, ".dta")
    table = reader.read_all()
    columns = {name: _for_stata(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    frame = pa.table(columns).to_pandas()
    dates = {f.name: "td" if pa.types.is_date(f.type) else "tc" for f in table.schema if pa.types.is_temporal(f.type)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame.to_stata(
                to,
                write_index=False,
                version=118,
                convert_dates=dates,
                variable_labels={name: label_of(name) for name in table.column_names},
                data_label=facts.title[:MAX_LABEL],
                time_stamp=facts.made_at,
            )
        except ValueError as error:
            raise InputError(f"a .dta file cannot hold this: {error}; write .parquet") from None
    return Written(table.num_rows, tuple(" ".join(str(warning.message).split()) for warning in caught))


def label_of(name: str) -> str:
    """The declared label of a column; empty for a column that a query made up."""
    return COLUMNS[name].label if name in COLUMNS else ""


def _for_stata(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as doubles, booleans as 0 and 1, times to the millisecond, lists of strings joined by a blank.

    A string that is null becomes the empty one, which is how Stata writes a missing string.
    """
    kind = column.type
    if pa.types.is_decimal(kind):
        # Arrow's own cast is off by one in the last place for one value in seven; its parser rounds correctly.
        return column.cast(pa.string()).cast(pa.float64())
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms"), safe=False)
    text = _joined(column.cast(pa.string()) if pa.types.is_null(kind) else column)
    return pc.fill_null(text, "") if pa.types.is_string(text.type) else text


def _joined(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.binary_join(column, " ") if _is_text_list(column.type) else column


def _is_text_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and pa.types.is_string(kind.value_type)


_PLAIN = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_null,
    _is_text_list,
)


def _refuse_others(schema: pa.Schema, ending: str) -> None:
    faults = [
        f"{field.name}: a {ending} file cannot hold {field.type}; write .parquet, or cast it in a query"
        for field in schema
        if not any(is_kind(field.type) for is_kind in _PLAIN)
    ]
    if faults:
        raise InputError(*faults)
