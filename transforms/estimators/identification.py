"""Are the instruments strong, and do they agree? Rank, weak-instrument and over-identification statistics.

All take columns with fixed effects and exogenous regressors partialled out and scaled by the root of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.covariance import sandwich
from haiguan.transforms.estimators.design import Design
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.small_sample import clustered_factor, robust_factor

WEAK = 10.0
EXACT = 1e-24


@dataclass(frozen=True)
class Instruments:
    """Outcome (N), endogenous regressors (N x K) and excluded instruments (N x L), partialled out and weighted."""

    outcome: np.ndarray
    endogenous: np.ndarray
    excluded: np.ndarray

    @property
    def first_stage(self) -> np.ndarray:
        """L x K coefficients of the endogenous regressors on the instruments."""
        return np.linalg.solve(self.excluded.T @ self.excluded, self.excluded.T @ self.endogenous)

    @property
    def structural_residuals(self) -> np.ndarray:
        """N residuals of two-stage least squares."""
        projected = self.excluded @ self.first_stage
        beta = np.linalg.solve(projected.T @ self.endogenous, projected.T @ self.outcome)
        return self.outcome - self.endogenous @ beta


def identification_statistics(
    columns: Instruments, kind: Covariance, counted: int, design: Design, data: pd.DataFrame
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Kleibergen-Paap, Cragg-Donald, effective F, Sargan or Hansen; and a warning where instruments are weak.

    Args:
        columns: partialled out.
        kind: of the covariance.
        counted: parameters of a first stage, for the small-sample factors.
        design: the sample.
        data: the frame that it was taken from.
    """
    width, excluded = columns.endogenous.shape[1], columns.excluded.shape[1]
    wald, lagrange = rank_statistics(columns, kind, design, data)
    scale = 1 / (factor_of(kind, counted, design, data) * excluded)
    statistics = {
        "kleibergen_paap_f": wald * scale,
        "kleibergen_paap_lm": lagrange,
        "kleibergen_paap_lm_p_value": float(chdtrc(excluded - width + 1, lagrange)),
        "cragg_donald_f": cragg_donald(columns) * (design.observations - counted) / excluded,
    }
    if width == 1:
        statistics["effective_f"] = effective_f(columns, kind, counted, design, data)
    weak = statistics["effective_f" if width == 1 else "kleibergen_paap_f"]
    warning = f"Weak instruments: the first-stage F is {weak:.1f}, below 10; read the Anderson-Rubin test instead."
    return statistics | overidentification(columns, kind, design, data), (warning,) if weak < WEAK else ()


def obstacle(columns: Instruments, kind: Covariance, design: Design, data: pd.DataFrame) -> str | None:
    """Why the moments of the instruments have no variance of full rank to be weighed by, where they have none."""
    excluded, counts = columns.excluded.shape[1], inference.groups(kind, design, data)
    if counts and min(counts) <= excluded:
        return f"Only {min(counts)} clusters for {excluded} instruments: the tests of the instruments were left out."
    errors = columns.structural_residuals
    if errors @ errors <= EXACT * (columns.outcome @ columns.outcome):
        return "The regressors determine the outcome exactly: the tests of the instruments were left out."
    return None


def factor_of(kind: Covariance, counted: int, design: Design, data: pd.DataFrame) -> float:
    """The small-sample factor of a first stage with `counted` parameters."""
    counts = inference.groups(kind, design, data)
    if counts:
        return clustered_factor(design.observations, counted, counts)
    return robust_factor(design.observations, counted)


def rank_statistics(columns: Instruments, kind: Covariance, design: Design, data: pd.DataFrame) -> tuple[float, float]:
    """Kleibergen and Paap's (2006) rk statistics of the hypothesis that the first stage has rank K - 1.

    With the normalised first stage U S V', rk is the Wald (or, with the endogenous regressors themselves in place of
    the first-stage residuals, the LM) statistic of U2' Theta V2 = 0, which does not depend on the rotation of U2 that
    the paper fixes (its eq. 11 and theorem 1). One endogenous regressor: the Wald statistic of the instruments.

    Returns:
        Wald and LM, chi-squared with L - K + 1 degrees of freedom, without small-sample factor.
    """
    excluded, endogenous = _whitened(columns.excluded), _whitened(columns.endogenous)
    left, _, right = np.linalg.svd(excluded.T @ endogenous)
    last = endogenous.shape[1] - 1
    direction, orthogonal = endogenous @ right[last], excluded @ left[:, last:]
    residual = columns.endogenous - columns.excluded @ columns.first_stage
    unexplained = residual @ np.linalg.solve(_triangle(columns.endogenous), right[last])
    moment = orthogonal.T @ direction
    return tuple(  # type: ignore[return-value]
        float(moment @ np.linalg.solve(moment_meat(orthogonal, errors, kind, design, data), moment))
        for errors in (unexplained, direction)
    )


def _triangle(columns: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(columns.T @ columns).T


def _whitened(columns: np.ndarray) -> np.ndarray:
    return np.linalg.solve(_triangle(columns).T, columns.T).T


def moment_meat(
    instruments: np.ndarray, errors: np.ndarray, kind: Covariance, design: Design, data: pd.DataFrame
) -> np.ndarray:
    """Variance of the sum of instruments times errors: L x L, without small-sample factor."""
    if kind == "iid":
        return instruments.T @ instruments * (errors @ errors) / len(errors)
    return inference.meat(kind, instruments * errors[:, None], design, data)


def cragg_donald(columns: Instruments) -> float:
    """The smallest root r2 / (1 - r2) of the canonical correlations (Cragg and Donald 1993), to be made an F."""
    correlations = np.linalg.svd(_whitened(columns.excluded).T @ _whitened(columns.endogenous), compute_uv=False)
    smallest = correlations[-1] ** 2
    return float(smallest / (1 - smallest))


def effective_f(columns: Instruments, kind: Covariance, counted: int, design: Design, data: pd.DataFrame) -> float:
    """Pi' Z'Z pi / tr(V Z'Z), with V the covariance of the first stage (Montiel Olea and Pflueger 2013, eq. 6)."""
    cross = columns.excluded.T @ columns.excluded
    first = columns.first_stage[:, 0]
    residual = columns.endogenous[:, 0] - columns.excluded @ first
    raw = moment_meat(columns.excluded, residual, kind, design, data)
    covariance = sandwich(np.linalg.inv(cross), raw) * factor_of(kind, counted, design, data)
    return float(first @ cross @ first / np.trace(covariance @ cross))


def overidentification(columns: Instruments, kind: Covariance, design: Design, data: pd.DataFrame) -> dict[str, float]:
    """Sargan's statistic (iid) or Hansen's J of two-step efficient GMM (else); nothing where exactly identified.

    Partialling the exogenous regressors out first leaves J as it is: their moments are exactly identified.
    """
    excess = columns.excluded.shape[1] - columns.endogenous.shape[1]
    if excess == 0:
        return {}
    inverse = np.linalg.inv(moment_meat(columns.excluded, columns.structural_residuals, kind, design, data))
    moved = columns.excluded.T @ columns.endogenous
    constant = columns.excluded.T @ columns.outcome
    beta = np.linalg.solve(moved.T @ inverse @ moved, moved.T @ inverse @ constant)
    gap = constant - moved @ beta
    statistic = float(gap @ inverse @ gap)
    name = "sargan" if kind == "iid" else "hansen_j"
    return {name: statistic, f"{name}_p_value": float(chdtrc(excess, statistic))}
