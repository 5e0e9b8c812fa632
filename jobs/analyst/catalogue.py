"""The catalogue: which tables a lake has published, how large they are and which run wrote them last."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import slice_id
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES, Table

LATEST = "latest"


@dataclass(frozen=True)
class Entry:
    """One table as published.

    Attributes:
        table: its declaration.
        version: of the Delta table.
        rows: slice id -> rows of the slice; one empty id where the table is not sliced.
        run_id: the run that wrote it last; None where the table was created and nothing published yet.
    """

    table: Table
    version: int
    rows: dict[str, int]
    run_id: str | None


def open_lake(location: str) -> Lake:
    """The lake at a path or file: URI, which must be there already.

    Raises:
        InputError: there is no lake, or the folder holds something else.
    """
    if not is_begun(location):
        raise InputError(
            f"{location}: there is no lake here; `haiguan run` makes one, --set lake=DIR names another, and "
            "`make demo` shows one on made data"
        )
    return Lake(location)


def is_begun(location: str) -> bool:
    """Whether there is anything where a lake is to be; what it is, `Lake` finds out."""
    path = location.removeprefix("file:")
    folder = Path(path)
    return "://" in path or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir())))


def declared(name: str) -> Table:
    """The declaration of a table.

    Raises:
        InputError: no table has that name; the nearest one that does is named.
    """
    if name not in TABLES:
        raise InputError(f"{name}: no table has this name; the nearest is {_nearest(name, TABLES)}")
    return TABLES[name]


def published(lake: Lake, name: str) -> Table:
    """The declaration of a table that the lake has published.

    Raises:
        InputError: no table has that name, or this lake has not published it.
    """
    table = declared(name)
    if not lake.exists(name):
        there = lake.published()
        hint = f"the nearest that is: {_nearest(name, there)}" if there else "nothing is"
        raise InputError(f"{name}: not published in {lake.root}; build it with `haiguan run --to {name}` ({hint})")
    return table


def _nearest(name: str, names: Iterable[str]) -> str:
    return difflib.get_close_matches(name, list(names), n=1, cutoff=0.0)[0]


def stored(lake: Lake, name: str, version: str | int = LATEST) -> DeltaTable:
    """A published table at a version.

    Args:
        lake: that holds it.
        name: of the table.
        version: a number, or `latest`.

    Raises:
        InputError: no such table or version.
    """
    published(lake, name)
    newest = DeltaTable(str(lake.path(name)))
    if str(version) == LATEST:
        return newest
    if not str(version).isdigit() or int(version) > newest.version():
        raise InputError(
            f"{name}: there is no version {version} in {lake.root}; write a number from 0 to {newest.version()}, or "
            f"{LATEST} (`haiguan history {name}` lists them)"
        )
    return DeltaTable(str(lake.path(name)), version=int(version))


def list_tables(lake: Lake) -> list[Entry]:
    """Every table of the lake, in the order of the schema."""
    return [entry(lake, name) for name in lake.published()]


def entry(lake: Lake, name: str) -> Entry:
    """One published table, as its Delta log describes it."""
    table = stored(lake, name)
    run_id = next((commit["userMetadata"] for commit in commits(lake, name) if "userMetadata" in commit), None)
    return Entry(published(lake, name), table.version(), rows_per_slice(table), run_id)


def commits(lake: Lake, name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The commits of a table, newest first, each with its `version`.

    Read from the newest version, as deltalake counts down from whichever version is loaded.
    """
    return stored(lake, name).history(limit)


def rows_per_slice(table: DeltaTable) -> dict[str, int]:
    """Slice id -> rows, from the log; from a file's own footer where the log has no count of it."""
    columns = table.metadata().partition_columns
    rows: Counter[str] = Counter()
    for action, path in zip(_actions(table), data_files(table), strict=True):
        values = {name: action[f"partition.{name}"] for name in columns}
        counted = action["num_records"]
        rows[slice_id(values)] += pq.read_metadata(path).num_rows if counted is None else counted
    return dict(sorted(rows.items()))


def data_files(table: DeltaTable) -> list[Path]:
    """The files that hold the rows of a version. Delta writes their paths, and that of the table, as URLs."""
    root = Path(unquote(urlparse(table.table_uri).path))
    return [root / unquote(action["path"]) for action in _actions(table)]


def _actions(table: DeltaTable) -> list[dict[str, Any]]:
    return pa.table(table.get_add_actions(flatten=True)).to_pylist()
