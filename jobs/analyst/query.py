"""Queries: DuckDB over the published tables, each under its own name, reading only."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import duckdb

from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.errors import InputError

# Statements that cannot write a file: what CREATE makes lives in the memory of the query.
_READING = {
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.CREATE,
    duckdb.StatementType.SET,
}
# What the author of a query can mend; a full disk or too little memory is neither of these.
_MENDABLE = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError)


@contextlib.contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory that reads Delta tables, in UTC, and spills to a folder of its own under TMPDIR."""
    # The extension comes from the environment that this code comes from; checking its signature took 0.3 s a query.
    trusting: dict[str, Any] = {"allow_unsigned_extensions": "true"}
    with tempfile.TemporaryDirectory(prefix="haiguan-") as scratch, duckdb.connect(config=trusting) as connection:
        connection.execute(f"SET temp_directory = {quoted(scratch)}")
        connection.execute("SET TimeZone = 'UTC'")
        # Loaded from the wheel: installing would copy it into the user's home and ask where an earlier copy came from.
        wheel = files("duckdb_extension_delta") / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
        with as_file(wheel) as extension:
            connection.execute(f"LOAD {quoted(str(extension))}")
        yield connection


@contextlib.contextmanager
def answer(lake: Lake, query: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows that a query asks for, not yet fetched; every published table is a view under its name.

    Raises:
        InputError: the query is not SQL, names what is not there, or would write.
    """
    with connect() as connection, mendable(query):
        for name in lake.published():
            connection.execute(f"CREATE VIEW {name} AS FROM {scan(lake.path(name))}")
        yield select(connection, query)


def select(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyRelation:
    """The rows that a query asks for.

    Raises:
        InputError: it would write, or returns no rows.
    """
    kinds = {statement.type for statement in connection.extract_statements(query)}
    if not kinds <= _READING:
        wrong = ", ".join(sorted(kind.name for kind in kinds - _READING))
        raise InputError(f"{query}: {wrong} is not allowed, queries only read; --to FILE writes the answer to a file")
    relation = connection.sql(query)
    if relation is None:
        raise InputError(f"{query}: this asks for no rows; end it with a SELECT")
    return relation


@contextlib.contextmanager
def mendable(query: str) -> Iterator[None]:
    """Turns what DuckDB says about a wrong query into an InputError that shows the query."""
    try:
        yield
    except _MENDABLE as error:
        raise InputError(f"{query}: {error}") from None


def scan(path: Path, version: int | None = None) -> str:
    """SQL that reads the Delta table at a path, at a version where one is named."""
    at = "" if version is None else f", version = {version}"
    return f"delta_scan({quoted(str(path))}{at})"


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
