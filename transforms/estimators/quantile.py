"""Linear quantile regression, solved exactly, with errors robust to heteroskedasticity and to clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.stats import norm

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.covariance import clustered_meat, robust_meat, sandwich
from haiguan.transforms.estimators.design import build_design
from haiguan.transforms.estimators.linear import CONSTANT, sample_counts, select_columns
from haiguan.transforms.estimators.result import Estimates, coefficient_table


def quantile_regression(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    quantile: float = 0.5,
    clusters: Sequence[str] = (),
) -> Estimates:
    """Linear quantile regression (Koenker and Bassett 1978) by its linear programme.

    Covariance H^-1 J H^-1 with Powell's kernel estimate of H and J from the scores, summed by cluster where clusters
    are named (Parente and Santos Silva 2016, Journal of Econometric Methods 5, 1-15); bandwidth of Hall and Sheather
    (1988). Effects of firms cannot be absorbed: name dummies of few groups among the regressors, or use
    `grouped_two_step`.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressors: numeric columns, or products `a:b`.
        quantile: between 0 and 1.
        clusters: cluster variables.

    Returns:
        Estimates with z statistics, the constant last; statistics pseudo_r1 (Koenker and Machado 1999) and bandwidth.

    Raises:
        InputError: as `build_design`; a quantile outside (0, 1) or too extreme for the sample; no regressor that
            varies.

    >>> wages = pd.DataFrame({"tenure": range(30), "wage": [2.0 + tenure for tenure in range(27)] + [99.0, 99.0, 99.0]})
    >>> quantile_regression(wages, "wage", ["tenure"]).terms["estimate"].round(6).to_dict()
    {'tenure': 1.0, 'constant': 2.0}
    """
    if not 0 < quantile < 1:
        raise InputError(f"The quantile is {quantile}; it lies between 0 and 1.")
    kind = inference.resolve(None, clusters)
    design = build_design(data, [outcome, *regressors], clusters=clusters)
    values = design.columns([outcome, *dict.fromkeys(regressors)])
    deviations = values - values.mean(axis=0)
    if not deviations[:, 0].any():
        raise InputError(f"The outcome {outcome!r} does not vary in the sample.")
    names = list(dict.fromkeys(regressors))
    kept, left_out = select_columns(names, deviations[:, 1:], np.square(deviations[:, 1:]).sum(axis=0), design)
    if not kept:
        raise InputError(f"No regressor is left. {' '.join(left_out)}")
    matrix = np.column_stack([values[:, 1:][:, kept], np.ones(len(values))])
    beta = solve_quantile(matrix, values[:, 0], quantile)
    residuals = _residuals(matrix, values[:, 0], beta)
    width = _bandwidth(residuals, quantile)
    covariance = _covariance(matrix, residuals, quantile, width, design.clusters)
    terms, covariance_frame = coefficient_table([*(names[j] for j in kept), CONSTANT], beta, covariance)
    return Estimates(
        estimator=f"quantile regression at {quantile:g}",
        outcome=outcome,
        terms=terms,
        covariance=covariance_frame,
        statistics={"pseudo_r1": _pseudo_r1(values[:, 0], residuals, quantile), "bandwidth": width},
        covariance_kind=inference.describe(kind, clusters),
        warnings=(*design.warnings, *left_out, *inference.cluster_warnings(design.cluster_counts, len(kept))),
        **sample_counts(design),
    )


def solve_quantile(matrix: np.ndarray, outcome: np.ndarray, quantile: float) -> np.ndarray:
    """Coefficients that minimise the check function, from the dual linear programme: a vertex, hence exact.

    Args:
        matrix: N x K of full rank.
        outcome: N.
        quantile: between 0 and 1.
    """
    scale, spread = np.abs(matrix).max(axis=0), np.abs(outcome).max() or 1.0
    scaled = matrix / scale
    solution = linprog(
        -outcome / spread, A_eq=scaled.T, b_eq=(1 - quantile) * scaled.sum(axis=0), bounds=(0, 1), method="highs"
    )
    if not solution.success:
        raise InputError(f"The quantile regression has no solution: {solution.message}")
    return -solution.eqlin.marginals * spread / scale


def _residuals(matrix: np.ndarray, outcome: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Residuals, exactly zero for the observations that the solution passes through."""
    residuals = outcome - matrix @ beta
    return np.where(np.abs(residuals) <= 1e-9 * np.abs(outcome).max(), 0.0, residuals)


def _covariance(
    matrix: np.ndarray, residuals: np.ndarray, quantile: float, width: float, clusters: dict[str, np.ndarray]
) -> np.ndarray:
    near = matrix[np.abs(residuals) <= width]
    density = near.T @ near / (2 * width)
    if np.linalg.matrix_rank(density, hermitian=True) < matrix.shape[1]:
        raise InputError(f"Too few observations lie near the {quantile} quantile to estimate its standard errors.")
    scores = matrix * (quantile - (residuals < 0))[:, None]
    meat = clustered_meat(scores, clusters) if clusters else robust_meat(scores)
    return sandwich(np.linalg.inv(density), meat)


def _bandwidth(residuals: np.ndarray, quantile: float) -> float:
    """Half-width of Powell's window: Hall and Sheather's rule, in units of a robust scale of the residuals."""
    normal = norm.ppf(quantile)
    step = len(residuals) ** (-1 / 3) * norm.ppf(0.975) ** (2 / 3)
    step *= (1.5 * norm.pdf(normal) ** 2 / (2 * normal**2 + 1)) ** (1 / 3)
    if not step < min(quantile, 1 - quantile):
        raise InputError(f"{len(residuals)} observations are too few for standard errors at the {quantile} quantile.")
    deviation = float(np.median(np.abs(residuals - np.median(residuals))) / norm.ppf(0.75))
    spread = deviation or float(residuals.std())
    return spread * float(norm.ppf(quantile + step) - norm.ppf(quantile - step))


def _pseudo_r1(outcome: np.ndarray, residuals: np.ndarray, quantile: float) -> float:
    alone = outcome - np.quantile(outcome, quantile, method="inverted_cdf")
    return 1 - _check(residuals, quantile) / _check(alone, quantile)


def _check(residuals: np.ndarray, quantile: float) -> float:
    return float((residuals * (quantile - (residuals < 0))).sum())
