"""Least squares with any number of absorbed fixed effects, as Stata's reghdfe and R's fixest print it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.demean import demean
from haiguan.transforms.estimators.design import Design, build_design, check_lists
from haiguan.transforms.estimators.fit_statistics import fit_statistics, wald_statistic
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.result import Estimates, coefficient_table
from haiguan.transforms.estimators.small_sample import Convention

CONSTANT = "constant"
ABSORBED = 1e-12
COLLINEAR = 1e-10


def least_squares(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: Covariance | None = None,
    small_sample: Convention = "reghdfe",
    constant: bool | None = None,
) -> Estimates:
    """Ordinary or weighted least squares with absorbed fixed effects.

    y_it = b'x_it + a_i + d_t + e by partialling the effects out (Frisch-Waugh-Lovell), on the sample without
    singletons (Correia 2015). Standard errors carry the factor (N-1)/(N-K) G/(G-1) of reghdfe.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressors: numeric columns, or products `a:b`.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: one or more cluster variables, or crossings.
        weights: a column of analytic weights.
        covariance: `iid`, `robust`, `clustered`, or a Conley or DriscollKraay; by default clustered where clusters are
            named and robust (HC1) elsewhere.
        small_sample: how absorbed parameters count: `reghdfe`, `fixest`, or `none` for no factor at all.
        constant: whether to report the constant (with absorbed effects: as reghdfe's _cons, at the mean of the
            effects); by default only where nothing is absorbed, and False there leaves it out of the equation.

    Returns:
        Estimates with statistics r2, r2_adjusted, r2_within (where effects are absorbed), rmse, f_statistic,
        log_likelihood and outcome_mean. R2 counts the absorbed effects as explained, r2_within does not.

    Raises:
        InputError: unusable columns, an outcome without variation, no regressor left, too few observations.

    >>> panel = pd.DataFrame({
    ...     "firm": [1, 1, 2, 2, 3, 3, 4], "year": [0, 1, 0, 1, 0, 1, 0],
    ...     "exports": [1.0, 2.5, 2.0, 2.0, 4.0, 6.5, 9.0], "tariff": [5.0, 3.0, 4.0, 4.5, 6.0, 2.0, 1.0],
    ... })
    >>> fit = least_squares(panel, "exports", ["tariff"], fixed_effects=["firm", "year"], clusters=["firm"])
    >>> fit.terms.loc["tariff", ["estimate", "standard_error"]].round(4).to_list()
    [-0.5574, 0.0183]
    >>> fit.observations, fit.singletons, fit.clusters
    (6, 1, {'firm': 3})
    """
    check_lists(regressors=regressors, fixed_effects=fixed_effects, clusters=clusters)
    kind = inference.resolve(covariance, clusters)
    design = build_design(data, [outcome, *regressors], fixed_effects=fixed_effects, clusters=clusters, weights=weights)
    reported = not fixed_effects if constant is None else constant
    equation = partial_out(design, outcome, regressors, centred=bool(fixed_effects) or reported)
    return regress(equation, outcome, design, data, kind, small_sample, reported)


@dataclass(frozen=True)
class Equation:
    """An outcome and its regressors with the fixed effects (or the mean) partialled out, collinear columns left out.

    Attributes:
        names: K terms kept.
        outcome: N.
        regressors: N x K.
        outcome_values: N, as they were.
        means: K weighted means of the regressors as they were, and of the outcome last.
        warnings: one sentence per column left out.
    """

    names: tuple[str, ...]
    outcome: np.ndarray
    regressors: np.ndarray
    outcome_values: np.ndarray
    means: np.ndarray
    warnings: tuple[str, ...]


def partial_out(design: Design, outcome: str, regressors: Sequence[str], *, centred: bool) -> Equation:
    """Partials the fixed effects, or where there are none and `centred` the weighted mean, out of an equation.

    Raises:
        InputError: the outcome does not vary, or no regressor is left.
    """
    values = design.columns([outcome, *dict.fromkeys(regressors)])
    residuals = partialled(design, values) if centred else values
    return equation_of(design, outcome, tuple(dict.fromkeys(regressors)), values, residuals, centred=centred)


def equation_of(
    design: Design, outcome: str, names: tuple[str, ...], values: np.ndarray, residuals: np.ndarray, *, centred: bool
) -> Equation:
    """An equation from columns (outcome first) as they were and as they are once partialled out.

    Raises:
        InputError: the outcome does not vary or is a regressor, or no regressor is left.
    """
    if outcome in names:
        raise InputError(f"The outcome {outcome!r} is also a regressor.")
    means = np.average(values, axis=0, weights=design.weights)
    variation = _sum_of_squares(values - means if centred else values, design.weights)
    if _sum_of_squares(residuals[:, :1], design.weights)[0] <= ABSORBED * variation[0]:
        within = f" once {', '.join(design.effect_names)} are absorbed" if design.effect_names else ""
        raise InputError(f"The outcome {outcome!r} does not vary in the sample{within}.")
    kept, warnings = select_columns(names, residuals[:, 1:], variation[1:], design)
    if not kept and (names or design.effect_names):
        raise InputError(f"No regressor is left. {' '.join(warnings)}".rstrip())
    chosen = [1 + j for j in kept]
    return Equation(
        names=tuple(names[j] for j in kept),
        outcome=residuals[:, 0],
        regressors=residuals[:, 1:] if len(kept) == len(names) else residuals[:, chosen],
        outcome_values=values[:, 0],
        means=means[[*chosen, 0]],
        warnings=warnings,
    )


def regress(
    equation: Equation,
    outcome: str,
    design: Design,
    data: pd.DataFrame,
    kind: Covariance,
    convention: Convention,
    reported: bool,
) -> Estimates:
    """Least squares on an equation whose effects are partialled out, the constant reported or not."""
    solution = Solution(equation, *solve(equation.regressors, equation.outcome, design.weights))
    return estimates_of("least squares", outcome, solution, design, data, kind, convention, reported)


@dataclass(frozen=True)
class Solution:
    """A linear equation that is solved.

    Attributes:
        equation: its regressors are those whose products with the residuals are the scores.
        beta: K coefficients.
        bread: K x K inverse of the weighted cross product of the regressors.
        residuals: N, structural.
    """

    equation: Equation
    beta: np.ndarray
    bread: np.ndarray
    residuals: np.ndarray


def estimates_of(
    estimator: str,
    outcome: str,
    solution: Solution,
    design: Design,
    data: pd.DataFrame,
    kind: Covariance,
    convention: Convention,
    reported: bool,
) -> Estimates:
    """The estimates of a linear equation that is solved.

    Args:
        estimator: its name.
        outcome: name of the left-hand side.
        solution: what was solved.
        design: the sample.
        data: the frame it was taken from.
        kind: of the covariance.
        convention: of the small-sample factor.
        reported: whether the constant is.
    """
    equation, residuals = solution.equation, solution.residuals
    slopes = len(equation.names) + (reported and not design.effect_names)
    counted = inference.parameters(kind, slopes, design, convention)
    names, beta, bread, regressors, change = with_constant(solution, design, reported)
    covariance, free = inference.covariance_of(kind, bread, regressors, residuals, counted, design, data, convention)
    terms, covariance_frame = coefficient_table(names, change @ beta, change @ covariance @ change.T, free)
    return Estimates(
        estimator=estimator,
        outcome=outcome,
        terms=terms,
        covariance=covariance_frame,
        degrees_of_freedom=free,
        statistics=fit_statistics(design, equation.outcome_values, equation.outcome, residuals, slopes)
        | wald_statistic(beta, covariance, len(equation.names), free),
        covariance_kind=inference.describe(kind, tuple(design.clusters)),
        warnings=(*design.warnings, *equation.warnings, *inference.cluster_warnings(design.cluster_counts, slopes)),
        **sample_counts(design),
    )


def partialled(design: Design, values: np.ndarray) -> np.ndarray:
    """Residuals of columns on the fixed effects, or on the weighted mean where there are none."""
    if design.effect_names:
        return demean(values, design.effects, design.weights)
    return values - np.average(values, axis=0, weights=design.weights)


def _sum_of_squares(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return np.einsum("ij,ij->j", values, values if weights is None else values * weights[:, None])


def gram(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """X'WX."""
    return values.T @ (values if weights is None else values * weights[:, None])


def select_columns(
    names: Sequence[str], residuals: np.ndarray, variation: np.ndarray, design: Design
) -> tuple[list[int], tuple[str, ...]]:
    """Which columns are linearly independent, earlier ones first, and a sentence on each of the others.

    Args:
        names: K terms.
        residuals: N x K, partialled out.
        variation: K sums of squares before partialling out.
        design: the sample.
    """
    cross = gram(residuals, design.weights)
    scale = np.sqrt(np.where(np.diag(cross) > 0, np.diag(cross), 1.0))
    correlation = cross / np.outer(scale, scale)
    kept: list[int] = []
    warnings: list[str] = []
    for j, name in enumerate(names):
        if cross[j, j] <= ABSORBED * variation[j]:
            reason = (
                "does not vary" if variation[j] == 0 or not design.effect_names else "is absorbed by the fixed effects"
            )
        elif (
            kept
            and 1 - correlation[j, kept] @ np.linalg.solve(correlation[np.ix_(kept, kept)], correlation[kept, j])
            <= COLLINEAR
        ):
            reason = "is collinear with the regressors before it"
        else:
            kept.append(j)
            continue
        warnings.append(f"{name} was left out: it {reason}.")
    return kept, tuple(warnings)


def solve(
    regressors: np.ndarray, outcome: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, (X'WX)^-1 and residuals; one step of refinement gives the accuracy of an orthogonalisation."""
    cross = gram(regressors, weights)
    scale = np.sqrt(np.diag(cross))
    bread = np.linalg.inv(cross / np.outer(scale, scale)) / np.outer(scale, scale)
    weighted = regressors if weights is None else regressors * weights[:, None]
    beta = bread @ (weighted.T @ outcome)
    beta = beta + bread @ (weighted.T @ (outcome - regressors @ beta))
    return beta, bread, outcome - regressors @ beta


def with_constant(
    solution: Solution, design: Design, reported: bool
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Adds the constant to a solved equation whose columns have mean zero.

    Returns:
        names, coefficients, bread and regressors with a column of ones last, whose coefficient is the outcome's mean;
        and the matrix that turns those coefficients into the reported ones (constant = mean(y) - mean(x)'b).
    """
    equation, beta, bread = solution.equation, solution.beta, solution.bread
    if not reported:
        return equation.names, beta, bread, equation.regressors, np.eye(len(beta))
    size = len(beta) + 1
    grown = np.zeros((size, size))
    grown[:-1, :-1] = bread
    grown[-1, -1] = 1 / design.observations
    change = np.eye(size)
    change[-1, :-1] = -equation.means[:-1]
    ones = np.ones((design.observations, 1))
    return (
        (*equation.names, CONSTANT),
        np.append(beta, equation.means[-1]),
        grown,
        np.hstack([equation.regressors, ones]),
        change,
    )


def sample_counts(design: Design) -> dict[str, Any]:
    """The fields of Estimates that count the sample."""
    return {
        "observations": design.observations,
        "observations_before": design.observations_before,
        "singletons": design.singletons,
        "missing": design.missing,
        "clusters": design.cluster_counts,
        "fixed_effects": design.levels,
    }
