"""Effects of group-level variables on the distribution within groups, in two steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.design import CROSSING, PRODUCT, build_design
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.quantile import solve_quantile
from haiguan.transforms.estimators.result import Estimates


def grouped_two_step(
    data: pd.DataFrame,
    outcome: str,
    group: str,
    group_regressors: Sequence[str],
    *,
    individual_regressors: Sequence[str] = (),
    quantile: float | None = None,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
) -> Estimates:
    """How variables that vary by group shift the mean or a quantile of an outcome within groups.

    First step: in every group, a regression of the outcome on individual regressors (centred at their means over the
    whole sample), whose constant is the group's adjusted mean (Donald and Lang 2007) or adjusted quantile (Chetverikov,
    Larsen and Palmer 2016, Econometrica 84, 809-833). Second step: least squares of these constants on group-level
    regressors, one observation per group, which is also the level at which the regressors vary.

    Args:
        data: one row per individual (firm-year).
        outcome: numeric column.
        group: column of the group (city-industry-year).
        group_regressors: numeric columns that are constant within groups.
        individual_regressors: numeric columns that vary within groups.
        quantile: between 0 and 1; None for the mean.
        fixed_effects: columns constant within groups, absorbed in the second step.
        clusters: columns constant within groups, for the errors of the second step.

    Returns:
        Estimates of the second step; a warning counts groups too small for the first.

    Raises:
        InputError: as `least_squares`; a second-step column that varies within groups.

    >>> firms = pd.DataFrame({
    ...     "city": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], "export": [1.0, 2, 3, 3, 4, 5, 5, 6, 7, 6, 9, 9],
    ...     "access": [0.0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3],
    ... })
    >>> grouped_two_step(firms, "export", "city", ["access"], quantile=0.5).terms["estimate"].round(2).to_dict()
    {'access': 2.3, 'constant': 1.8}
    """
    if quantile is not None and not 0 < quantile < 1:
        raise InputError(f"The quantile is {quantile}; it lies between 0 and 1.")
    second_step = list(dict.fromkeys([*group_regressors, *fixed_effects, *clusters]))
    design = build_design(data, [outcome, *individual_regressors], clusters=[group])
    _check_constant(data, group, second_step)
    values = design.columns([outcome, *individual_regressors])
    values[:, 1:] -= values[:, 1:].mean(axis=0)
    codes = design.clusters[group]
    constants, small = _first_step(values, codes, quantile)
    if small.all():
        raise InputError(
            f"No group of {group!r} can carry the first step: {', '.join(individual_regressors) or outcome} would have "
            "to vary within groups, and not be collinear there."
        )
    firsts = np.unique(codes, return_index=True)[1]
    groups = data.iloc[design.rows[firsts]].assign(**{outcome: constants})[~small]
    estimates = least_squares(groups, outcome, group_regressors, fixed_effects=fixed_effects, clusters=clusters)
    kind = "mean" if quantile is None else f"{quantile:g} quantile"
    needed = values.shape[1]
    dropped = f"{int(small.sum())} groups of {group} with fewer than {needed} usable observations were left out."
    warnings = (*design.warnings, *([dropped] if small.any() else []), *estimates.warnings)
    return replace(estimates, estimator=f"grouped two-step, {kind}", warnings=warnings)


def _check_constant(data: pd.DataFrame, group: str, names: Sequence[str]) -> None:
    parts = [part for name in names for part in name.replace(CROSSING, PRODUCT).split(PRODUCT)]
    unknown = [unknown_name("column", part, data.columns) for part in parts if part not in data]
    if unknown:
        raise InputError(*unknown)
    varying = data.groupby(group)[parts].nunique(dropna=False).gt(1).any()
    faults = [
        f"Column {name!r} varies within groups of {group!r}; it belongs to the first step."
        for name in varying.index[varying]
    ]
    if faults:
        raise InputError(*faults)


def _first_step(values: np.ndarray, codes: np.ndarray, quantile: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Constant per group, and which groups cannot give one."""
    order = np.argsort(codes, kind="stable")
    pieces = np.split(values[order], np.flatnonzero(np.diff(codes[order])) + 1)
    constants = [_constant(piece, quantile) for piece in pieces]
    small = np.array([constant is None for constant in constants])
    return np.array([np.nan if constant is None else constant for constant in constants]), small


def _constant(piece: np.ndarray, quantile: float | None) -> float | None:
    outcome, matrix = piece[:, 0], np.column_stack([piece[:, 1:], np.ones(len(piece))])
    if len(piece) < matrix.shape[1] or np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return None
    if quantile is None:
        return float(np.linalg.lstsq(matrix, outcome, rcond=None)[0][-1])
    if matrix.shape[1] == 1:
        return float(np.quantile(outcome, quantile, method="averaged_inverted_cdf"))
    return float(solve_quantile(matrix, outcome, quantile)[-1])
