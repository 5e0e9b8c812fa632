"""Decompositions by group: Theil's indices within and between, Oaxaca and Blinder's explained and unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import xlogy

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.covariance import clustered_meat, robust_meat
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.linear import CONSTANT, sample_counts
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table

Reference = Literal["pooled", "first", "second"]


@dataclass(frozen=True)
class TheilDecomposition:
    """Inequality as the sum of what lies within groups and what lies between them.

    Attributes:
        total, within, between: the index; total = within + between.
        groups: index group; columns observations, population_share, value_share, mean, theil, contribution (to the part
            within).
    """

    total: float
    within: float
    between: float
    groups: pd.DataFrame


def theil(values: pd.Series) -> float:
    """Theil's T: mean of (x/mu) ln(x/mu); a zero contributes its limit, zero.

    Raises:
        InputError: missing, infinite or negative values, or none above zero.

    >>> round(theil(pd.Series([1, 2, 3, 4, 10])), 10)
    0.276363619
    """
    ratio = _checked(values) / values.mean()
    return float(xlogy(ratio, ratio).mean())


def mean_log_deviation(values: pd.Series) -> float:
    """Theil's L: mean of ln(mu/x).

    Raises:
        InputError: as `theil`, and zeros, for which it is infinite.

    >>> round(mean_log_deviation(pd.Series([1, 2, 3, 4, 10])), 10)
    0.2901665765
    """
    checked = _checked(values)
    if zeros := int((checked == 0).sum()):
        raise InputError(f"Column {values.name!r} has {zeros} zeros, where Theil's L is infinite; use Theil's T.")
    return float(np.log(checked.mean() / checked).mean())


def theil_by_group(data: pd.DataFrame, value: str, group: str) -> TheilDecomposition:
    """Theil's T within and between groups (Theil 1967; Shorrocks 1980).

    T = sum_g s_g T_g + sum_g s_g ln(mu_g/mu), s_g the group's share of the total value.

    Args:
        data: one row per unit.
        value: column of zero or positive numbers.
        group: column of the group; rows without a group are an error.

    Raises:
        InputError: as `theil`; a missing group.

    >>> found = theil_by_group(pd.DataFrame({"v": [1.0, 1, 3, 3], "g": ["a", "a", "b", "b"]}), "v", "g")
    >>> found.within, round(found.between, 4), round(found.total, 4)
    (0.0, 0.1308, 0.1308)
    """
    _check_group(data, group)
    if value not in data:
        raise InputError(unknown_name("column", value, data.columns))
    total, values = theil(data[value]), data[value].astype(float)
    grouped = values.groupby(data[group], sort=True)
    groups = pd.DataFrame({"observations": grouped.size(), "mean": grouped.mean()})
    groups["population_share"] = groups["observations"] / len(values)
    groups["value_share"] = grouped.sum() / values.sum()
    ratio = values / grouped.transform("mean").where(lambda mean: mean > 0, 1.0)
    groups["theil"] = pd.Series(xlogy(ratio, ratio), values.index).groupby(data[group], sort=True).mean()
    groups["contribution"] = groups["value_share"] * groups["theil"]
    between = float(xlogy(groups["value_share"], groups["mean"] / values.mean()).sum())
    order = ["observations", "population_share", "value_share", "mean", "theil", "contribution"]
    return TheilDecomposition(total, float(groups["contribution"].sum()), between, groups[order])


def oaxaca_blinder(
    data: pd.DataFrame,
    outcome: str,
    group: str,
    regressors: Sequence[str],
    *,
    reference: Reference = "pooled",
    clusters: Sequence[str] = (),
) -> Estimates:
    """The gap between two groups' mean outcomes, explained by characteristics or by coefficients (twofold).

    mean(y_1) - mean(y_2) = (mean(x_1) - mean(x_2))'b + [mean(x_1)'(b_1 - b) + mean(x_2)'(b - b_2)], b the reference: a
    pooled regression with a dummy of the group (Jann 2008, Stata Journal 8, 453-479), or either group's. Errors by the
    influence functions of means and coefficients together, so that regressors are random and the three regressions
    correlated.

    Args:
        data: one row per observation.
        outcome: numeric column.
        group: column with exactly two values; the first in sorted order is group 1.
        regressors: numeric columns.
        reference: whose coefficients count as the common ones.
        clusters: cluster variables; without any, robust errors.

    Returns:
        Estimates with terms difference, explained, unexplained, and each by regressor ("explained: size"); the parts
        add up exactly. Detailed unexplained parts of dummies depend on their base category, as always.

    Raises:
        InputError: as `build_design`; not two groups; collinear regressors within a group.

    >>> firms = pd.DataFrame({"west": [0] * 4 + [1] * 4, "size": [3.0, 4, 5, 6, 1, 2, 3, 4]})
    >>> firms["exports"] = 2 * firms["size"] - firms["west"] + [0.1, -0.1, -0.1, 0.1] * 2
    >>> oaxaca_blinder(firms, "exports", "west", ["size"]).terms["estimate"].head(3).round(6).to_dict()
    {'difference': 5.0, 'explained': 4.0, 'unexplained': 1.0}
    """
    kind = inference.resolve(None, clusters)
    design = build_design(data, [outcome, *regressors], clusters=[*clusters])
    first, names = _two_groups(data, group, design.rows)
    _check_varying(design, first, outcome, regressors, group)
    matrix = np.column_stack([design.columns(regressors), np.ones(len(first))])
    estimates, influence = _twofold(matrix, design.columns([outcome])[:, 0], first, reference, group)
    meat = clustered_meat(influence, design.clusters) if clusters else robust_meat(influence)
    smallest = min(design.cluster_counts.values(), default=design.observations)
    parts = ("explained", "unexplained")
    labels = ["difference", *parts, *(f"{part}: {name}" for part in parts for name in (*regressors, CONSTANT))]
    terms, covariance = coefficient_table(labels, estimates, meat * smallest / (smallest - 1))
    return Estimates(
        estimator=f"Oaxaca-Blinder, {reference} coefficients",
        outcome=outcome,
        terms=terms,
        covariance=covariance,
        statistics={
            f"mean where {group} is {name}": float(design.columns([outcome])[chosen].mean())
            for name, chosen in zip(names, (first, ~first), strict=True)
        },
        covariance_kind=inference.describe(kind, clusters),
        warnings=(*design.warnings, *inference.cluster_warnings(design.cluster_counts, len(regressors) + 1)),
        **sample_counts(design),
    )


def _two_groups(data: pd.DataFrame, group: str, rows: np.ndarray) -> tuple[np.ndarray, list[object]]:
    """Which rows belong to the first group, and the names of both."""
    _check_group(data, group)
    labels = data[group].iloc[rows]
    names = sorted(labels.unique())
    if len(names) != 2:
        raise InputError(f"Column {group!r} has {len(names)} values in the sample; two groups are needed.")
    return (labels == names[0]).to_numpy(), names


def _check_varying(design: Design, first: np.ndarray, outcome: str, regressors: Sequence[str], group: str) -> None:
    """Each column has to vary within both groups, the outcome in one of them."""
    varies = {
        name: [np.ptp(design.columns([name])[chosen]) > 0 for chosen in (first, ~first)]
        for name in (outcome, *regressors)
    }
    faults = [f"The outcome {outcome!r} does not vary in the sample."] if not any(varies[outcome]) else []
    faults += [
        f"{name!r} does not vary within one of the groups of {group!r}." for name in regressors if not all(varies[name])
    ]
    if faults:
        raise InputError(*faults)


def _check_group(data: pd.DataFrame, group: str) -> None:
    if group not in data:
        raise InputError(unknown_name("column", group, data.columns))
    if gaps := int(data[group].isna().sum()):
        raise InputError(f"Column {group!r} is missing in {gaps} rows; every row needs a group.")


def _twofold(
    matrix: np.ndarray, outcome: np.ndarray, first: np.ndarray, reference: Reference, group: str
) -> tuple[np.ndarray, np.ndarray]:
    """Difference, its two parts, and both by column (3 + 2 K); and the influence of each observation on them."""
    means, mean_influences = zip(*(_mean(matrix, chosen) for chosen in (first, ~first)), strict=True)
    slopes, slope_influences = zip(
        *(_slopes(matrix, outcome, chosen, group) for chosen in (first, ~first)), strict=True
    )
    common, common_influence = _reference(matrix, outcome, first, reference, group, slopes, slope_influences)
    gap, gap_influence = means[0] - means[1], mean_influences[0] - mean_influences[1]
    explained = gap * common
    explained_influence = gap * common_influence + gap_influence * common
    unexplained = means[0] * (slopes[0] - common) + means[1] * (common - slopes[1])
    unexplained_influence = (
        mean_influences[0] * (slopes[0] - common)
        + means[0] * (slope_influences[0] - common_influence)
        + mean_influences[1] * (common - slopes[1])
        + means[1] * (common_influence - slope_influences[1])
    )
    parts = np.concatenate([explained, unexplained])
    influences = np.column_stack([explained_influence, unexplained_influence])
    width = len(explained)
    sums = np.array([[1.0] * (2 * width), [1.0] * width + [0.0] * width, [0.0] * width + [1.0] * width])
    return np.concatenate([sums @ parts, parts]), np.column_stack([influences @ sums.T, influences])


def _mean(matrix: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = matrix[chosen].mean(axis=0)
    return mean, np.where(chosen[:, None], matrix - mean, 0.0) / chosen.sum()


def _slopes(matrix: np.ndarray, outcome: np.ndarray, chosen: np.ndarray, group: str) -> tuple[np.ndarray, np.ndarray]:
    used = matrix[chosen]
    if np.linalg.matrix_rank(used) < used.shape[1]:
        raise InputError(f"The regressors are collinear within one of the groups of {group!r}.")
    bread = np.linalg.inv(used.T @ used)
    slopes = bread @ (used.T @ outcome[chosen])
    residuals = np.where(chosen, outcome - matrix @ slopes, 0.0)
    return slopes, (matrix * residuals[:, None]) @ bread


def _reference(
    matrix: np.ndarray,
    outcome: np.ndarray,
    first: np.ndarray,
    reference: Reference,
    group: str,
    slopes: Sequence[np.ndarray],
    influences: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    if reference == "first":
        return slopes[0], influences[0]
    if reference == "second":
        return slopes[1], influences[1]
    pooled, influence = _slopes(np.column_stack([matrix, first]), outcome, np.ones(len(first), dtype=bool), group)
    return pooled[:-1], influence[:, :-1]


def _checked(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=float, na_value=np.nan) if pd.api.types.is_numeric_dtype(values) else None
    if numbers is None:
        raise InputError(f"Column {values.name!r} must hold numbers, but holds {values.dtype}.")
    unusable = int((~np.isfinite(numbers) | (numbers < 0)).sum())
    if unusable:
        raise InputError(f"Column {values.name!r} has {unusable} missing, infinite or negative values; leave them out.")
    if not numbers.any():
        raise InputError(f"Column {values.name!r} has no value above zero: there is nothing to decompose.")
    return numbers
