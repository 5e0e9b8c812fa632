"""What a column and a table are: the vocabulary in which the schema is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

MAX_NAME = 32  # Stata's limit on a variable's name
MAX_LABEL = 80  # Stata's limit on a variable's label


class Reads(Enum):
    """Which slices of an input a slice of the table reads."""

    SAME = "the slices that agree with it in the slice columns both have"
    EARLIER = "those and all earlier ones"
    ALL = "every slice"


@dataclass(frozen=True)
class Column:
    """One column, declared once for all tables that have it.

    Attributes:
        name: snake_case, at most 32 characters, the unit at the end.
        type: Spark SQL type.
        label: what it is, at most 80 characters; the comment of the column in Delta, the label in Stata.
        unit: unit of measurement, where it has one.
        values: the allowed values of a coded column.
        check: SQL condition that every value that is not null fulfils.
    """

    name: str
    type: str
    label: str
    unit: str | None = None
    values: tuple[str, ...] | None = None
    check: str | None = None


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    Attributes:
        name: `{layer}_{source}__{entity}`.
        grain: what one row is.
        columns: in their order.
        key: columns that together identify a row; never null.
        slice: columns of the key by which the table is partitioned and replaced; empty: replaced whole.
        optional: columns that may be null; all others may not.
        reads: which slices of an input a slice reads, where it is not the default (the same slices where both are
            sliced by common columns, else all).
        accounts_for: the input whose records this table must account for, one by one: in = out + quarantined.
        merges: the input whose records this table sums up: value in = value out.
        may_be_empty: only quarantine, and tables of what may not occur.
        warning: what a user must know before using the table.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    slice: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    reads: Mapping[str, Reads] = field(default_factory=dict)
    accounts_for: str | None = None
    merges: str | None = None
    may_be_empty: bool = False
    warning: str | None = None

    def __post_init__(self) -> None:
        """Refuses a declaration that contradicts itself."""
        known = set(self.column_names)
        strays = {*self.key, *self.slice, *self.optional} - known
        if strays or not self.key or not set(self.slice) <= set(self.key) or set(self.key) & self.optional:
            raise ValueError(f"{self.name}: key, slice and optional must name its columns, and a key is never null")

    @property
    def layer(self) -> str:
        """The part of the name before the first underscore: raw, core, quarantine, measure, panel, result or ops."""
        return self.name.split("_", 1)[0]

    @property
    def folder(self) -> str:
        """Where the table lies below the lake: `<layer>/<source>__<entity>`."""
        return self.name.replace("_", "/", 1)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """The columns as a DDL string of Spark."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)

    @property
    def checks(self) -> dict[str, str]:
        """Name -> SQL condition of every CHECK constraint; a null passes, which Delta alone would reject."""
        return {
            f"{column.name}_allowed": f"{column.name} IS NULL OR ({condition})"
            for column in self.columns
            for condition in _conditions(column)
        }

    def column(self, name: str) -> Column:
        """The declaration of one column; KeyError where the table does not have it."""
        return {column.name: column for column in self.columns}[name]


def _conditions(column: Column) -> list[str]:
    allowed = [] if column.values is None else [f"{column.name} IN ({', '.join(map(repr, column.values))})"]
    together = " AND ".join([*allowed, *([column.check] if column.check else [])])
    return [together] if together else []
