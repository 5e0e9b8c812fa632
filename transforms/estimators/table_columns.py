"""From a specification and a data frame to estimates, one set per column of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.quantile import quantile_regression
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.sample_filter import rows_kept
from haiguan.transforms.estimators.specification import Column, Table, resolved_columns
from haiguan.transforms.estimators.variables import with_variables

SOMETIMES = frozenset({"endogenous", "instruments", "fixed_effects", "covariance", "weights", "constant", "quantile"})
TAKES: dict[str, frozenset[str]] = {
    "least_squares": SOMETIMES - {"endogenous", "instruments", "quantile"},
    "two_stage_least_squares": SOMETIMES - {"quantile"},
    "probit": frozenset({"fixed_effects", "covariance"}),
    "logit": frozenset({"fixed_effects", "covariance"}),
    "poisson": frozenset({"fixed_effects"}),
    "quantile_regression": frozenset({"quantile"}),
}


@dataclass(frozen=True)
class Rung:
    """One rung of a cluster ladder in one column: the standard error of its first regressor at that level.

    Attributes:
        label: of the rung.
        term: whose error it is.
        standard_error: at that level.
        clusters: per cluster variable.
    """

    label: str
    term: str
    standard_error: float
    clusters: Mapping[str, int]


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


NOTHING = Expansion()


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


def estimate_columns(table: Table, data: pd.DataFrame) -> list[EstimatedColumn]:
    """Estimates every column of a table.

    Raises:
        InputError: the faults of all columns, each with the table's name and the column's number.
    """
    frame, made = with_variables(data, table.variables)
    expand = expansion_of(table, made)
    estimated, faults = [], []
    for number, column in enumerate(resolved_columns(table), start=1):
        try:
            estimated.append(_estimate_column(table, column, frame, expand))
        except InputError as error:
            faults += [f"Table {table.table!r}, column ({number}): {fault}" for fault in error.faults]
    if faults:
        raise InputError(*faults)
    return estimated


def _estimate_column(table: Table, column: Column, frame: pd.DataFrame, expand: Expansion) -> EstimatedColumn:
    sample = frame if column.sample is None else frame[rows_kept(frame, column.sample)]
    estimates = estimate_column(column, sample, expand)
    return EstimatedColumn(column, estimates, tuple(_ladder(table, column, sample, expand)))


def _ladder(table: Table, column: Column, sample: pd.DataFrame, expand: Expansion) -> Iterable[Rung]:
    for label, clusters in table.ladder.items():
        level = column.model_copy(update={"clusters": clusters, "covariance": None})
        estimates = estimate_column(level, sample, expand)
        term = estimates.terms.index[0]
        yield Rung(label, term, estimates.terms.loc[term, "standard_error"], estimates.clusters)


def estimate_column(column: Column, sample: pd.DataFrame, expand: Expansion = NOTHING) -> Estimates:
    """Estimates one column, whose inheritance is resolved, on its sample.

    Raises:
        InputError: a setting that the estimator needs is missing or one that it does not take is given, the sample
            cannot carry the equation, or there is no equation called as `report` says.
    """
    if column.outcome is None:
        raise InputError("No outcome is named, neither here nor in what it inherits.")
    idle = [name for name in sorted(SOMETIMES - TAKES[column.estimator]) if getattr(column, name)]
    if idle:
        raise InputError(
            f"The estimator {column.estimator} does not take {', '.join(idle)}; leave it out of this column."
        )
    estimates = _estimate(column, sample, expand)
    if column.report is None:
        return estimates
    if column.report not in estimates.related:
        raise InputError(unknown_name("equation to report called", column.report, estimates.related))
    return estimates.related[column.report]


def _estimate(column: Column, sample: pd.DataFrame, expand: Expansion) -> Estimates:
    outcome, regressors = str(column.outcome), expand(column.regressors)
    match column.estimator:
        case "least_squares":
            return least_squares(sample, outcome, regressors, **_linear_settings(column))
        case "two_stage_least_squares":
            endogenous, instruments = expand(column.endogenous), expand(column.instruments)
            settings = _linear_settings(column)
            return two_stage_least_squares(sample, outcome, regressors, endogenous, instruments, **settings)
        case "poisson":
            return poisson(
                sample,
                outcome,
                regressors,
                fixed_effects=column.fixed_effects,
                clusters=column.clusters,
                small_sample=column.small_sample,
            )
        case "quantile_regression":
            return quantile_regression(
                sample, outcome, regressors, quantile=column.quantile or 0.5, clusters=column.clusters
            )
        case _:
            return _binary_response(column, sample, outcome, regressors)


def _binary_response(column: Column, sample: pd.DataFrame, outcome: str, regressors: list[str]) -> Estimates:
    if not (column.covariance is None or isinstance(column.covariance, str)):
        raise InputError(f"The estimator {column.estimator} takes iid, robust or clustered errors only.")
    fit = probit if column.estimator == "probit" else logit
    return fit(
        sample,
        outcome,
        regressors,
        dummies=column.fixed_effects,
        clusters=column.clusters,
        covariance=column.covariance,
    )


def _linear_settings(column: Column) -> dict[str, Any]:
    return {
        "fixed_effects": column.fixed_effects,
        "clusters": column.clusters,
        "weights": column.weights,
        "covariance": column.errors(),
        "small_sample": column.small_sample,
        "constant": column.constant,
    }
