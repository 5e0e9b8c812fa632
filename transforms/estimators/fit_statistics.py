"""How well a linear equation fits: R2 in its three forms, root mean squared error, likelihood, joint F."""

from __future__ import annotations

import numpy as np

from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import Design


def fit_statistics(
    design: Design, outcome: np.ndarray, partialled_outcome: np.ndarray, residuals: np.ndarray, slopes: int
) -> dict[str, float]:
    """R2 about the mean (effects count as explained), adjusted and within R2, root mean squared error, likelihood.

    Args:
        design: the sample.
        outcome: N, as it was.
        partialled_outcome: N, fixed effects partialled out.
        residuals: N, structural.
        slopes: coefficients estimated, the constant included where nothing is absorbed.
    """
    weights = np.ones(design.observations) if design.weights is None else design.weights
    n, mean = design.observations, float(np.average(outcome, weights=weights))
    unexplained = float(weights @ residuals**2)
    total = float(weights @ (outcome - mean) ** 2)
    free = n - inference.parameters("iid", slopes, design, "reghdfe")
    statistics = {"outcome_mean": mean, "r2": 1 - unexplained / total}
    if unexplained > 0:
        statistics["log_likelihood"] = float(-n / 2 * (1 + np.log(2 * np.pi * unexplained / n)))
    if free > 0:
        statistics["r2_adjusted"] = 1 - (unexplained / free) / (total / (n - 1))
        statistics["rmse"] = float(np.sqrt(unexplained / free))
    if design.effect_names:
        statistics["r2_within"] = 1 - unexplained / float(weights @ partialled_outcome**2)
    return statistics


def wald_statistic(beta: np.ndarray, covariance: np.ndarray, slopes: int, free: int) -> dict[str, float]:
    """F of all slopes jointly, where the covariance has the rank for it."""
    block = covariance[:slopes, :slopes]
    if slopes == 0 or free < slopes or np.linalg.matrix_rank(block, hermitian=True) < slopes:
        return {}
    return {"f_statistic": float(beta[:slopes] @ np.linalg.solve(block, beta[:slopes]) / slopes)}
