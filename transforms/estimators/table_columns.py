"""From a specification and a data frame to estimates, one set per column of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.cluster_ladder import OWN, Ladder, Rung, levels_of
from haiguan.transforms.estimators.column_estimators import estimate_column, takes
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.sample_filter import rows_kept
from haiguan.transforms.estimators.specification import Column, Table, resolved_columns
from haiguan.transforms.estimators.table_tests import TestedEquation, untested, with_tests
from haiguan.transforms.estimators.variables import with_variables


@dataclass(frozen=True)
class EstimatedColumn:
    """A column with its estimates, and its cluster ladder where one was asked for."""

    column: Column
    estimates: Estimates
    ladder: tuple[Rung, ...] = ()


@dataclass(frozen=True)
class Expansion:
    """What the names in a list of regressors stand for: groups, and variables that are several columns."""

    names: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def __call__(self, names: Iterable[str]) -> list[str]:
        """The columns that these names stand for, in order, each once."""
        expanded = [part for name in names for part in (self(self.names[name]) if name in self.names else [name])]
        return list(dict.fromkeys(expanded))


def expansion_of(table: Table, made: Mapping[str, list[str]]) -> Expansion:
    """Groups of the table and variables that became several columns.

    Raises:
        InputError: a group that has the name of a variable, or that holds a group.
    """
    faults = [f"{name!r} names both a group and a variable." for name in sorted(set(table.groups) & set(made))]
    faults += [
        f"Group {name!r} holds the group {member!r}; name its columns instead."
        for name, members in table.groups.items()
        for member in members
        if member in table.groups
    ]
    if faults:
        raise InputError(*faults)
    several = {name: columns for name, columns in made.items() if columns != [name]}
    return Expansion({**several, **table.groups})


def with_columns_made(table: Table, data: pd.DataFrame) -> tuple[pd.DataFrame, Expansion]:
    """The data with the variables of the table, and what its names stand for."""
    frame, made = with_variables(data, table.variables)
    return frame, expansion_of(table, made)


def sample_of(column: Column, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a column."""
    return frame if column.sample is None else frame[rows_kept(frame, column.sample)]


def estimate_columns(table: Table, data: pd.DataFrame) -> list[EstimatedColumn]:
    """Estimates every column of a table.

    Raises:
        InputError: the faults of all columns, each with the table's name and the column's number.
    """
    frame, expand = with_columns_made(table, data)
    estimated, faults = [], []
    for number, column in enumerate(resolved_columns(table), start=1):
        try:
            estimated.append(_estimate_column(table, column, frame, expand))
        except InputError as error:
            faults += [f"Table {table.table!r}, column ({number}): {fault}" for fault in error.faults]
    tests = {label: test for column in resolved_columns(table) for label, test in column.tests.items()}
    faults = faults or untested(tests, [column.estimates for column in estimated], expand)
    if faults:
        raise InputError(*faults)
    return estimated


def _estimate_column(table: Table, column: Column, frame: pd.DataFrame, expand: Expansion) -> EstimatedColumn:
    sample = sample_of(column, frame)
    estimates = estimate_column(column, sample, expand)
    ladder = tuple(_rungs(table.ladder, column, sample, expand, estimates))
    return EstimatedColumn(column, _tested(column, estimates, sample, expand), ladder)


def _tested(column: Column, estimates: Estimates, sample: pd.DataFrame, expand: Expansion) -> Estimates:
    equation = TestedEquation(
        outcome=str(column.outcome),
        regressors=expand(column.regressors),
        fixed_effects=column.fixed_effects,
        clusters=column.clusters,
        weights=column.weights,
        is_least_squares=column.estimator == "least_squares",
    )
    return with_tests(estimates, column.tests, equation, sample, expand)


def _rungs(
    ladder: Ladder, column: Column, sample: pd.DataFrame, expand: Expansion, estimates: Estimates
) -> Iterable[Rung]:
    if not ladder.columns() or not takes(column.estimator, "clusters"):
        return
    term = str(estimates.terms.index[0])
    yield _rung(OWN, term, estimates)
    for label, clusters in levels_of(ladder, column.clusters, term, sample).items():
        kind = None if clusters or not takes(column.estimator, "covariance") else "robust"
        level = column.model_copy(update={"clusters": clusters, "covariance": kind})
        yield _rung(label, term, estimate_column(level, sample, expand))


def _rung(label: str, term: str, estimates: Estimates) -> Rung:
    error = float(estimates.terms.loc[term, "standard_error"])
    return Rung(label, term, error, estimates.clusters, estimates.covariance_kind)
