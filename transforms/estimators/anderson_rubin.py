"""Anderson and Rubin's test, whose size does not depend on the strength of the instruments, and its confidence set."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.linalg import eigvals
from scipy.special import fdtrc, fdtri

from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import Design
from haiguan.transforms.estimators.identification import Instruments, factor_of
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.result import CONFIDENCE


def anderson_rubin(
    columns: Instruments, kind: Covariance, counted: int, design: Design, data: pd.DataFrame
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The test that all endogenous regressors have no effect, and with one of them its 95 % confidence set.

    The set is all b for which the instruments do not move y - x b. It is an interval where the instruments are strong;
    otherwise it may be a half-line, everything, two half-lines or empty, which a warning says.

    Args:
        columns: partialled out.
        kind: of the covariance.
        counted: parameters of the reduced form.
        design: the sample.
        data: the frame that it was taken from.

    Returns:
        anderson_rubin_f and _p_value, and with one endogenous regressor _low and _high (infinite where unbounded).
    """
    excluded = columns.excluded.shape[1]
    counts = inference.groups(kind, design, data)
    free = min(counts) - 1 if counts else design.observations - counted
    coefficients, covariance = _reduced_forms(columns, kind, counted, design, data)
    own = covariance[:excluded, :excluded]
    statistic = float(coefficients[:, 0] @ np.linalg.solve(own, coefficients[:, 0]) / excluded)
    statistics = {
        "anderson_rubin_f": statistic,
        "anderson_rubin_p_value": float(fdtrc(excluded, free, statistic)),
    }
    if columns.endogenous.shape[1] > 1:
        return statistics, ()
    critical = float(fdtri(excluded, free, CONFIDENCE)) * excluded
    intervals = _accepted(coefficients[:, 0], coefficients[:, 1], covariance, critical)
    if not intervals:
        return statistics, ("The Anderson-Rubin set is empty: the instruments contradict each other.",)
    statistics |= {"anderson_rubin_low": intervals[0][0], "anderson_rubin_high": intervals[-1][1]}
    return statistics, _set_warning(intervals)


def _set_warning(intervals: list[tuple[float, float]]) -> tuple[str, ...]:
    if len(intervals) == 1 and np.isfinite(intervals[0]).all():
        return ()
    pieces = " and ".join(f"[{low:.4g}, {high:.4g}]" for low, high in intervals)
    return (f"The Anderson-Rubin set is not a bounded interval: {pieces}.",)


def _reduced_forms(
    columns: Instruments, kind: Covariance, counted: int, design: Design, data: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """L x (1 + K) coefficients of outcome and endogenous on the instruments, and their joint covariance, stacked."""
    left = np.column_stack([columns.outcome, columns.endogenous])
    bread = np.linalg.inv(columns.excluded.T @ columns.excluded)
    coefficients = bread @ (columns.excluded.T @ left)
    residuals = left - columns.excluded @ coefficients
    if kind == "iid":
        spread = np.kron(residuals.T @ residuals / len(residuals), bread)
    else:
        scores = np.hstack([columns.excluded * errors[:, None] for errors in residuals.T])
        wide = np.kron(np.eye(left.shape[1]), bread)
        spread = wide @ inference.meat(kind, scores, design, data) @ wide
    return coefficients, spread * factor_of(kind, counted, design, data)


def _accepted(
    outcome: np.ndarray, first: np.ndarray, covariance: np.ndarray, critical: float
) -> list[tuple[float, float]]:
    """Where (d - p b)' V(b)^-1 (d - p b) <= c, for V(b) = V_dd - b (V_dp + V_pd) + b^2 V_pp.

    By the matrix determinant lemma the end points are the real roots of det(V(b) - (d - p b)(d - p b)'/c), a quadratic
    eigenvalue problem.
    """
    size = len(outcome)
    own, cross, other = covariance[:size, :size], covariance[:size, size:], covariance[size:, size:]
    zero = own - np.outer(outcome, outcome) / critical
    one = -(cross + cross.T) + (np.outer(outcome, first) + np.outer(first, outcome)) / critical
    two = other - np.outer(first, first) / critical

    def accepted(b: float) -> bool:
        """Whether the test does not reject b."""
        gap = outcome - first * b
        return float(gap @ np.linalg.solve(own - b * (cross + cross.T) + b**2 * other, gap)) <= critical

    ends = [-np.inf, *_real_roots(zero, one, two), np.inf]
    return _joined([piece for piece in pairwise(ends) if accepted(_inside(*piece))])


def _real_roots(zero: np.ndarray, one: np.ndarray, two: np.ndarray) -> list[float]:
    size = len(zero)
    identity, nothing = np.eye(size), np.zeros((size, size))
    roots = eigvals(np.block([[nothing, identity], [-zero, -one]]), np.block([[identity, nothing], [nothing, two]]))
    real = roots[np.isfinite(roots) & (np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real)))].real
    return sorted(real.tolist())


def _inside(low: float, high: float) -> float:
    if np.isinf(low):
        return 0.0 if np.isinf(high) else high - 1 - abs(high)
    return low + 1 + abs(low) if np.isinf(high) else (low + high) / 2


def _joined(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for low, high in pieces:
        joined = [*joined[:-1], (joined[-1][0], high)] if joined and joined[-1][1] == low else [*joined, (low, high)]
    return joined
