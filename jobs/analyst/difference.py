"""The difference between two versions of a table, row for row: the same lake's, or another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from haiguan.jobs.analyst.catalogue import published, rows_per_slice, stored
from haiguan.jobs.analyst.query import connect, quoted, scan
from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import Table

TOLERANCE = 1e-9
EXAMPLES = 20


@dataclass(frozen=True)
class Example:
    """One row that differs.

    Attributes:
        kind: added, removed or changed.
        key: the row's key.
        values: column -> value before and after, of the columns that changed; empty unless `kind` is changed.
    """

    kind: str
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """What sets two versions of a table apart.

    Attributes:
        table: the declaration.
        versions: the two.
        schema: one sentence per column that only one of them has, or that changed its type.
        rows: of the two.
        sums: numeric column -> its sum in the two.
        added: keys that only the second has.
        removed: keys that only the first has.
        changed: keys that both have, with other values.
        columns: column -> number of keys for which it changed.
        examples: up to 20 of each kind, by key.
    """

    table: Table
    versions: tuple[int, int]
    schema: tuple[str, ...]
    rows: tuple[int, int]
    sums: dict[str, tuple[Any, Any]]
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    examples: tuple[Example, ...]

    @property
    def is_equal(self) -> bool:
        """Whether the two have the same columns and the same rows."""
        return not (self.schema or self.added or self.removed or self.changed)


def compare(lake: Lake, name: str, first: str | int, second: str | int, other: Lake | None = None) -> Difference:
    """Compares two versions by key: doubles agree within 1e-9 of the larger one, everything else exactly.

    Rows that share a key, which a gate would have stopped, are paired in the order of their values, so that none is
    overlooked.

    Args:
        lake: that holds the first version.
        name: of the table.
        first: a version number, or `latest`.
        second: the same.
        other: lake that holds the second version; None: the same lake.

    Raises:
        InputError: no such table or version, or no column of the key in both.
    """
    table = published(lake, name)
    before, after = stored(lake, name, first), stored(other or lake, name, second)
    fields, schema = _common_fields(before, after)
    key = [column for column in table.key if column in fields]
    if not key:
        raise InputError(f"{name}: versions {first} and {second} share no column of the key, so no row can be compared")
    scans = scan(lake.path(name), before.version()), scan((other or lake).path(name), after.version())
    with connect() as connection:
        _pair_rows(connection, scans, key, fields)
        counts = dict(connection.execute("SELECT kind, count(*) FROM differing GROUP BY ALL").fetchall())
        return Difference(
            table=table,
            versions=(before.version(), after.version()),
            schema=schema,
            rows=(sum(rows_per_slice(before).values()), sum(rows_per_slice(after).values())),
            sums=_sums(connection, scans, {n: t for n, t in fields.items() if n not in key}),
            added=counts.get("added", 0),
            removed=counts.get("removed", 0),
            changed=counts.get("changed", 0),
            columns=_changes_by_column(connection),
            examples=_examples(connection, key),
        )


def _common_fields(before: DeltaTable, after: DeltaTable) -> tuple[dict[str, pa.DataType], tuple[str, ...]]:
    """The columns that both have with one type, and a sentence for each of the others."""
    first, second = (pa.schema(version.schema().to_arrow()) for version in (before, after))
    types = [{field.name: field.type for field in schema} for schema in (first, second)]
    names = dict.fromkeys([*types[0], *types[1]])
    sentences = [_contrast(name, types[0].get(name), types[1].get(name)) for name in names]
    same = {name: kind for name, kind in types[0].items() if types[1].get(name) == kind}
    return same, tuple(sentence for sentence in sentences if sentence)


def _contrast(name: str, before: pa.DataType | None, after: pa.DataType | None) -> str:
    if before is None:
        return f"{name}: only in the second ({after})"
    if after is None:
        return f"{name}: only in the first ({before})"
    return "" if before == after else f"{name}: {before}, {after} in the second; its values are not compared"


def _pair_rows(
    connection: duckdb.DuckDBPyConnection,
    scans: tuple[str, str],
    key: Sequence[str],
    fields: dict[str, pa.DataType],
) -> None:
    """Makes the temporary table `differing`: kind, the names of the columns that changed, and both rows."""
    rest = [name for name in fields if name not in key]
    partition = ", ".join(map(_column, key))
    order = f" ORDER BY {', '.join(map(_column, rest))}" if rest else ""
    sides = [
        f"SELECT {', '.join(map(_column, fields))}, row_number() OVER (PARTITION BY {partition}{order}) AS _occurrence "
        f"FROM {read}"
        for read in scans
    ]
    matches = " AND ".join(f"o.{_column(n)} IS NOT DISTINCT FROM n.{_column(n)}" for n in [*key, "_occurrence"])
    changes = ", ".join(f"CASE WHEN {_differs(n, fields[n])} THEN {quoted(n)} END" for n in rest)
    connection.execute(f"""
        CREATE TEMP TABLE differing AS
        WITH paired AS (
            SELECT
                CASE WHEN o._occurrence IS NULL THEN 'added' WHEN n._occurrence IS NULL THEN 'removed'
                    ELSE 'changed' END AS kind,
                list_filter([{changes}]::VARCHAR[], lambda name: name IS NOT NULL) AS names,
                o, n
            FROM ({sides[0]}) AS o FULL JOIN ({sides[1]}) AS n ON {matches}
        )
        SELECT * FROM paired WHERE kind <> 'changed' OR len(names) > 0
    """)


def _differs(name: str, kind: pa.DataType) -> str:
    old, new = f"o.{_column(name)}", f"n.{_column(name)}"
    if not pa.types.is_floating(kind):
        return f"{old} IS DISTINCT FROM {new}"
    within = f"abs({old} - {new}) <= {TOLERANCE} * greatest(abs({old}), abs({new}))"
    close = f"coalesce(isfinite({old}) AND isfinite({new}) AND {within}, false)"
    return f"{old} IS DISTINCT FROM {new} AND NOT {close}"


def _sums(
    connection: duckdb.DuckDBPyConnection, scans: tuple[str, str], fields: dict[str, pa.DataType]
) -> dict[str, tuple[Any, Any]]:
    """Sums of the numeric columns; compensated summation for doubles."""
    exact = [name for name, kind in fields.items() if pa.types.is_integer(kind) or pa.types.is_decimal(kind)]
    numeric = [name for name, kind in fields.items() if name in exact or pa.types.is_floating(kind)]
    if not numeric:
        return {}
    terms = ", ".join(f"{'sum' if name in exact else 'fsum'}({_column(name)})" for name in numeric)
    before, after = (connection.execute(f"SELECT {terms} FROM {read}").fetchall()[0] for read in scans)
    return dict(zip(numeric, zip(before, after, strict=True), strict=True))


def _changes_by_column(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = connection.execute("""
        SELECT name, count(*) FROM (SELECT unnest(names) AS name FROM differing WHERE kind = 'changed')
        GROUP BY name ORDER BY count(*) DESC, name
    """).fetchall()
    return dict(rows)


def _examples(connection: duckdb.DuckDBPyConnection, key: Sequence[str]) -> tuple[Example, ...]:
    by_key = ", ".join(f"coalesce(o.{_column(n)}, n.{_column(n)})" for n in key)
    rows = connection.execute(f"""
        SELECT kind, names, o, n FROM differing
        QUALIFY row_number() OVER (PARTITION BY kind ORDER BY {by_key}) <= {EXAMPLES}
        ORDER BY kind, {by_key}
    """).fetchall()
    return tuple(
        Example(
            kind=kind,
            key={name: (new if kind == "added" else old)[name] for name in key},
            values={name: (old[name], new[name]) for name in names} if kind == "changed" else {},
        )
        for kind, names, old, new in rows
    )


def _column(name: str) -> str:
    return f'"{name}"'
