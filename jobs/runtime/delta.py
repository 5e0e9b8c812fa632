"""Delta tables on a local disk: created as declared, new slices taken in by one commit without writing them twice."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, WriterProperties, convert_to_deltalake, write_deltalake
from deltalake.transaction import AddAction

from haiguan.transforms.schema import Column, Table

if TYPE_CHECKING:
    import pandas as pd

_KEEP = "interval 3650 days"
DECLARATION = "haiguan.declaration"
_SIMPLE = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.field("element", pa.string())),
}


def declaration_hash(table: Table) -> str:
    """SHA-256 of all that the declaration says about the stored table."""
    said = [table.grain, table.key, table.slice, sorted(table.optional), [repr(column) for column in table.columns]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def arrow_schema(table: Table) -> pa.Schema:
    """The declared columns as an Arrow schema, labels as comments."""
    return pa.schema([_arrow_field(column, column.name in table.optional) for column in table.columns])


def _arrow_field(column: Column, nullable: bool) -> pa.Field:
    return pa.field(column.name, _arrow_type(column.type), nullable, {"comment": column.label})


def _arrow_type(name: str) -> pa.DataType:
    if name.startswith("decimal("):
        precision, scale = name.removeprefix("decimal(").rstrip(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return _SIMPLE[name]


def create(path: Path, table: Table) -> None:
    """An empty table at `path` with the declared types, comments, NOT NULL and CHECK constraints and partitions."""
    DeltaTable.create(
        str(path),
        schema=Schema.from_arrow(arrow_schema(table)),
        partition_by=list(table.slice) if table.layer != "ops" else [],
        name=table.name,
        description=table.grain,
        configuration={
            **_statistics(table),
            "delta.logRetentionDuration": _KEEP,
            "delta.deletedFileRetentionDuration": _KEEP,
            DECLARATION: declaration_hash(table),
        },
        raise_if_key_not_exists=False,
    )
    if table.checks:
        DeltaTable(str(path)).alter.add_constraint(table.checks)


def _statistics(table: Table) -> dict[str, str]:
    """Of which columns the log keeps the least and greatest value of every file: those of the key.

    Readers pass over files by them, so they must be right: of long texts they are cut, of decimals they are doubles.
    """
    known = [name for name in table.key if name not in table.slice]
    return {"delta.dataSkippingStatsColumns": ",".join(known)} if known else {"delta.dataSkippingNumIndexedCols": "0"}


def reserve(path: Path) -> None:
    """Marks a folder that files are about to be written to, so that a run killed meanwhile leaves a trace of it."""
    (path / "_delta_log").mkdir(parents=True)


def describe(path: Path, table: Table) -> None:
    """Makes a Delta table of the Parquet files that lie in the folder of a staged table, with their statistics.

    Raises:
        ValueError: the value of a slice is escaped in the name of its folder, which the log and Spark read differently.
    """
    files = [str(file.relative_to(path)) for file in path.rglob("*.parquet")]
    if not files:
        create(path, table)
        return
    if escaped := [file for file in files if "%" in file]:
        raise ValueError(f"{table.name}: a slice cannot be called so: {escaped[0]}")
    slices = pa.schema([arrow_schema(table).field(name) for name in table.slice])
    convert_to_deltalake(
        str(path),
        configuration=_statistics(table),
        partition_by=Schema.from_arrow(slices) if table.slice else None,
        partition_strategy="hive" if table.slice else None,
    )


def records(path: Path, table: Table) -> list[tuple[dict[str, Any], int]]:
    """The slices of a table and how many records each has, as its log has it from the footers of the files."""
    files = pa.table(DeltaTable(str(path)).get_add_actions(flatten=True))
    slices = [f"partition.{name}" for name in table.slice]
    counted = files.group_by(slices).aggregate([("num_records", "sum")]).to_pylist()
    return [
        ({name: row[f"partition.{name}"] for name in table.slice}, row["num_records_sum"])
        for row in counted
        if row["num_records_sum"]
    ]


def file_options(table: Table) -> dict[str, Any]:
    """How files of a table are written; they tell the least and greatest values of its key only."""
    described = [name for name in table.key if name not in table.slice]
    return {"compression": "zstd", "write_statistics": described}


def write(path: Path, table: Table, frame: pd.DataFrame) -> None:
    """Makes a staged table of a pandas frame, under all constraints of its declaration."""
    create(path, table)
    rows = pa.Table.from_pandas(frame[list(table.column_names)], arrow_schema(table), preserve_index=False)
    write_deltalake(str(path), rows, mode="append", writer_properties=WriterProperties(compression="ZSTD"))


def exists(path: Path) -> bool:
    """Whether a Delta table lies at `path`."""
    return (path / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(path))


def is_published(path: Path) -> bool:
    """Whether a run has committed to the table at `path`; one whose staged rows no gate let pass is not published."""
    commits = sorted((path / "_delta_log").glob("*.json"), reverse=True)
    return any('"userMetadata"' in commit.read_text(encoding="utf-8") for commit in commits)


def is_as_declared(path: Path, table: Table) -> bool:
    """Whether the stored table was written by the declaration that holds now."""
    return DeltaTable(str(path)).metadata().configuration.get(DECLARATION) == declaration_hash(table)


def adopt(path: Path, staged: Path, table: Table, slices: Sequence[Mapping[str, Any]] | None, run_id: str) -> int:
    """Takes the files of a staged table below `path` into the table there, in one commit that drops what they replace.

    Args:
        path: of the table.
        staged: of the staged table, a folder inside `path`.
        table: the declaration of both.
        slices: the slices that the staged rows replace; None: the whole table.
        run_id: goes into the commit's userMetadata.

    Returns:
        The version of the table that holds the new files.

    Raises:
        ValueError: a staged row belongs to none of the slices, and would stand beside the published rows of its own.
    """
    target = DeltaTable(str(path))
    whole = slices is None or not table.slice
    redeclared = not is_as_declared(path, table)
    added = _added_files(staged, staged.relative_to(path))
    if not whole:
        _refuse_other_slices(added, table, slices or ())
    target.create_write_transaction(
        list(added),
        mode="overwrite",
        schema=Schema.from_arrow(arrow_schema(table)),
        partition_by=list(table.slice),
        partition_filters=None if whole else _partition_filters(table, slices or ()),
        commit_properties=CommitProperties(custom_metadata={"userMetadata": run_id}),
    )
    version = DeltaTable(str(path)).version()
    if redeclared:
        version = _redeclare(path, table)
    shutil.rmtree(staged / "_delta_log")
    return version


def has_adopted(path: Path, staged: Path) -> bool:
    """Whether some version of the table at `path` holds files of the staged table."""
    mark = f'"{staged.relative_to(path).as_posix()}/'
    return any(mark in commit.read_text(encoding="utf-8") for commit in (path / "_delta_log").glob("*.json"))


def _added_files(staged: Path, below: Path) -> list[AddAction]:
    """The files that the staged table's log holds, their paths written from the target's root."""
    actions = []
    for commit in sorted((staged / "_delta_log").glob("*.json")):
        for line in commit.read_text(encoding="utf-8").splitlines():
            added = json.loads(line).get("add")
            if added:
                actions.append(
                    AddAction(
                        f"{below.as_posix()}/{unquote(added['path'])}",
                        added["size"],
                        added["partitionValues"],
                        added["modificationTime"],
                        True,
                        added.get("stats") or "{}",
                    )
                )
    return actions


def _refuse_other_slices(added: Iterable[AddAction], table: Table, slices: Iterable[Mapping[str, Any]]) -> None:
    replaced = {tuple(str(values[name]) for name in table.slice) for values in slices}
    found = {tuple(action.partition_values[name] for name in table.slice) for action in added}
    strays = sorted(str(values) for values in found - replaced)
    if strays:
        raise ValueError(
            f"{table.name}: rows of {', '.join(table.slice)} {', '.join(strays)} are not among the slices to replace"
        )


def _partition_filters(table: Table, slices: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """One `in` per slice column; right because slices that are replaced together differ in the last column only."""
    return [(name, "in", sorted({str(values[name]) for values in slices})) for name in table.slice]


def _redeclare(path: Path, table: Table) -> int:
    """Constraints and declaration of a table that was just overwritten under a changed declaration."""
    stored = DeltaTable(str(path))
    for key in stored.metadata().configuration:
        if key.startswith("delta.constraints."):
            stored.alter.drop_constraint(key.removeprefix("delta.constraints."))
    if table.checks:
        stored.alter.add_constraint(table.checks)
    stored.alter.set_table_properties({DECLARATION: declaration_hash(table)}, raise_if_not_exists=False)
    return DeltaTable(str(path)).version()


def append(
    path: Path, table: Table, rows: Sequence[Mapping[str, Any]], run_id: str, replacing: str | None = None
) -> None:
    """Adds rows to an operations table, created where it is missing.

    Args:
        path: of the table.
        table: its declaration.
        rows: column -> value.
        run_id: goes into the commit's userMetadata.
        replacing: SQL condition of the rows that the new ones replace; None: nothing is replaced.
    """
    if not exists(path):
        create(path, table)
    named = [{name: row.get(name) for name in table.column_names} for row in rows]
    added = pa.Table.from_pylist(named, schema=arrow_schema(table))
    properties = CommitProperties(custom_metadata={"userMetadata": run_id})
    if replacing is None:
        write_deltalake(str(path), added, mode="append", commit_properties=properties)
    else:
        write_deltalake(str(path), added, mode="overwrite", predicate=replacing, commit_properties=properties)


@dataclass(frozen=True)
class Stored:
    """What the log says of a table at one of its versions.

    Attributes:
        schema: its columns, in the JSON that Spark shares with Delta.
        files: root of the partition folders -> the files below it.
        is_plain: whether the files and their folders alone are the table: no row is marked as deleted, no column is
            renamed.
    """

    schema: str
    files: Mapping[Path, Sequence[str]]
    is_plain: bool


def look_up(path: Path, version: int | None = None) -> Stored:
    """The columns and files of the table at `path`, at a version where one is named, else the last."""
    table = DeltaTable(str(path), version=version)
    depth = len(table.metadata().partition_columns)
    files: dict[Path, list[str]] = {}
    for name in pa.table(table.get_add_actions()).column("path").to_pylist():
        file = path / unquote(name)
        files.setdefault(file.parents[depth], []).append(str(file))
    return Stored(table.schema().to_json(), files, table.protocol().min_reader_version == 1)


def read(
    path: Path,
    columns: Sequence[str] | None = None,
    version: int | None = None,
    condition: pc.Expression | None = None,
) -> pa.Table:
    """A Delta table as Arrow, or the rows of it that fulfil a condition, read from its files on the driver."""
    wanted = list(columns) if columns else None
    return DeltaTable(str(path), version=version).to_pyarrow_table(columns=wanted, filters=condition)
