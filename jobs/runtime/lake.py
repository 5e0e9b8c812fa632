"""The lake: every table in its folder, staged, gated and published; readers stay on the last good version."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse

import pandas as pd
import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType, _parse_datatype_string

from haiguan.jobs.runtime import arrow_writer, delta
from haiguan.jobs.runtime.delivery import Delivery
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES, Column, Table

FORMAT = 1
_MARKER = "haiguan.json"
_NOT_IN_PATHS = "%[]{}*?"
_NO_MARK = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}

Slice = Mapping[str, Any]


@dataclass(frozen=True)
class Staged:
    """A table's new rows, written but not yet published."""

    table: Table
    path: Path


class Lake:
    """A folder of Delta tables that this project has made."""

    def __init__(self, root: str) -> None:
        """Opens the lake at `root`, a path or a file: URI; nothing is made until a run makes it.

        Raises:
            InputError: the folder holds something else, or a lake of a newer version, or cannot be named so.
        """
        self.root = _local_path(root)
        if strays := sorted(set(_NOT_IN_PATHS) & set(str(self.root))):
            raise InputError(
                f"lake={root}: {' '.join(strays)} in the name of a folder means something else to Spark or to Delta; "
                "name a lake whose path is without"
            )
        self._marker = self.root / _MARKER
        if self._marker.exists():
            _check_format(self._marker)
        elif self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise InputError(
                f"{self.root}: this folder holds something that is no lake of haiguan (no {_MARKER} in it); "
                "name an empty or a new folder with --set lake=DIR"
            )

    def make(self) -> None:
        """Makes the folder of the lake where there is none."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not self._marker.exists():
            self._marker.write_text(json.dumps({"format": FORMAT}), encoding="utf-8")

    def path(self, table: str) -> Path:
        """Where a table lies."""
        return self.root / TABLES[table].folder

    def exists(self, table: str) -> bool:
        """Whether a table has been published."""
        return delta.is_published(self.path(table))

    def published(self) -> list[str]:
        """The tables that have been published, in the order of the schema."""
        return [name for name in TABLES if self.exists(name)]

    def is_as_declared(self, table: Table) -> bool:
        """Whether the published table has the columns declared now; a table not yet published has."""
        return not delta.exists(self.path(table.name)) or delta.is_as_declared(self.path(table.name), table)

    def read(self, session: SparkSession, table: str, version: int | None = None) -> DataFrame:
        """A published table, at a version where one is named, else at the last.

        It is read from the files that its log names: for every new version Spark's own reader of Delta starts jobs that
        look through the log, which takes longer than reading a table of a million rows.
        """
        path = self.path(table)
        stored = delta.look_up(path, version)
        if not stored.is_plain:
            reader = session.read.format("delta")
            return (reader if version is None else reader.option("versionAsOf", version)).load(str(path))
        schema = StructType.fromJson(json.loads(stored.schema))
        frames = [_from_files(session, schema, root, files) for root, files in sorted(stored.files.items())]
        return reduce(DataFrame.unionAll, frames) if frames else session.createDataFrame([], schema)

    def read_on_driver(self, table: str, version: int | None = None) -> pd.DataFrame:
        """A published table as a pandas frame in the order of its key, decimals as doubles, read from its files.

        Sums of doubles depend on the order of their terms, and the order of the files on the cores that wrote them.
        """
        arrow = delta.read(self.path(table), version=version)
        arrow = arrow.sort_by([(name, "ascending") for name in TABLES[table].key])
        return pa.table(
            {
                name: column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column
                for name, column in zip(arrow.column_names, arrow.columns, strict=True)
            }
        ).to_pandas()

    def stage(
        self, session: SparkSession, frame: DataFrame | pd.DataFrame | Delivery, table: Table, run_id: str
    ) -> Staged:
        """Writes the rows beside the published ones, under the schema and the constraints of their table."""
        target = self.path(table.name)
        if not delta.exists(target):
            delta.create(target, table)
        path = target / "staged" / f"{run_id}-{uuid.uuid4().hex[:8]}"
        if isinstance(frame, pd.DataFrame):
            missing = [f"{name}: made nothing" for name in table.column_names if name not in frame.columns]
            _refuse(table, missing, frame.columns)
            delta.write(path, table, frame)
        else:
            delta.reserve(path)
            self._write(path, frame, table)
            delta.describe(path, table)
        return Staged(table, path)

    @staticmethod
    def _write(path: Path, frame: DataFrame | Delivery, table: Table) -> None:
        if isinstance(frame, Delivery):
            frame.write(path)
            return
        rows = enforce(frame, table)
        if arrow_writer.suits(frame.sparkSession):
            arrow_writer.write(rows.withColumn(arrow_writer.BROKEN, broken_constraint(table)), path, table)
            return
        allowed(rows, table).write.partitionBy(*table.slice).mode("append").options(**_NO_MARK).parquet(str(path))

    def read_staged(self, session: SparkSession, staged: Staged) -> DataFrame:
        """The staged rows, as the gate sees them."""
        schema = cast(StructType, StructType.fromDDL(staged.table.ddl))
        return _from_files(session, schema, staged.path, [str(staged.path)])

    def staged_records(self, staged: Staged) -> list[tuple[Slice, int]]:
        """The slices of the staged rows, and how many rows each has."""
        return [*delta.records(staged.path, staged.table)]

    def publish(self, staged: Staged, slices: Sequence[Slice] | None, run_id: str) -> int:
        """Takes the staged rows in and drops those they replace, in one commit; returns the table's new version."""
        return delta.adopt(self.path(staged.table.name), staged.path, staged.table, slices, run_id)

    def discard(self, staged: Sequence[Staged]) -> None:
        """Removes rows that were staged and not published; of published ones, the log that an interruption left."""
        for one in staged:
            log = one.path / "_delta_log"
            if log.exists():
                adopted = delta.has_adopted(self.path(one.table.name), one.path)
                shutil.rmtree(log if adopted else one.path, ignore_errors=True)

    def remove_slices(self, session: SparkSession, table: Table, slices: Sequence[Slice], run_id: str) -> int:
        """Publishes that the slices hold nothing any more."""
        empty = session.createDataFrame([], schema=table.ddl)
        return self.publish(self.stage(session, empty, table, run_id), slices, run_id)

    def clear_leftovers(self) -> None:
        """Removes what a killed run had staged; of what its table has taken in, only the log of the staging."""
        for log in self.root.glob("*/*/staged/*/_delta_log"):
            shutil.rmtree(log if delta.has_adopted(log.parents[2], log.parent) else log.parent)


def _from_files(session: SparkSession, schema: StructType, root: Path, files: Sequence[str]) -> DataFrame:
    """The rows of Parquet files; the folders between `root` and a file tell its slice."""
    rows = session.read.schema(schema).option("basePath", str(root)).parquet(*files)
    return rows.select(*schema.fieldNames())


def _local_path(root: str) -> Path:
    parsed = urlparse(root)
    if parsed.scheme not in ("", "file"):
        raise InputError(f"lake={root}: a lake lies on a disk that this machine mounts; {parsed.scheme}: is not one")
    return Path(parsed.path if parsed.scheme else root).absolute()


def _check_format(marker: Path) -> None:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))["format"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{marker}: this is not what haiguan writes there; name another folder with lake=") from None
    if found > FORMAT:
        raise InputError(
            f"{marker}: this lake was written by a newer haiguan (format {found}, this one knows {FORMAT})"
        )


def enforce(frame: DataFrame, table: Table) -> DataFrame:
    """The declared columns in their order.

    Raises:
        TypeError: a column is missing, undeclared or of another type: a fault of the function that made the frame.
    """
    found = dict(frame.dtypes)
    declared = {column.name: _parse_datatype_string(column.type).simpleString() for column in table.columns}
    faults = [
        f"{name}: declared {kind}, made {found.get(name, 'nothing')}"
        for name, kind in declared.items()
        if found.get(name) != kind
    ]
    _refuse(table, faults, found)
    return frame.select(*declared)


def _refuse(table: Table, faults: Iterable[str], made: Iterable[str]) -> None:
    """Raises TypeError naming the faults of declared columns, and every column that was made and is not declared."""
    found = [*faults, *(f"{name}: made, not declared" for name in set(made) - set(table.column_names))]
    if found:
        raise TypeError(f"{table.name} is not as declared: {'; '.join(sorted(found))}")


def broken_constraint(table: Table) -> SparkColumn:
    """What the first constraint says that a row breaks, NOT NULL or CHECK; null where it breaks none."""
    return F.coalesce(*[broken for column in table.columns for broken in _broken(column, table)])


def _broken(column: Column, table: Table) -> Iterator[SparkColumn]:
    if column.name not in table.optional:
        said = F.lit(f"NOT NULL constraint violated for column: {column.name}")
        yield F.when(F.col(column.name).isNull(), said)
    if condition := table.checks.get(f"{column.name}_allowed"):
        said = F.lit(f"CHECK constraint {column.name}_allowed violated: {condition}")
        yield F.when(~F.coalesce(F.expr(condition), F.lit(False)), said)


def allowed(frame: DataFrame, table: Table) -> DataFrame:
    """The rows as they are; one that breaks a constraint of its table ends the job, and the error names it."""
    broken, first = broken_constraint(table), table.columns[0].name
    return frame.withColumn(first, F.when(broken.isNull(), F.col(first)).otherwise(F.raise_error(broken)))


def in_slices(slices: Sequence[Slice]) -> SparkColumn:
    """The condition that a row belongs to one of the slices."""
    condition = F.lit(False)
    for values in slices:
        matches = [F.col(name) == F.lit(value) for name, value in values.items()]
        condition = condition | reduce(lambda one, other: one & other, matches)
    return condition
