"""The productivity process of the second stage: omega_t = g(omega_{t-1}, P_t) + xi_t, with g a polynomial.

For any coefficients of the inputs g is linear in its own parameters, so these are concentrated out: a search runs over
the inputs' coefficients alone, with the exact Jacobian of the concentrated problem (variable projection, Golub and
Pereyra 1973).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.polynomial import derivatives, monomials, powers


@dataclass(frozen=True)
class MarkovProcess:
    """What the innovation of productivity is computed from; m rows with a lag, K coefficients.

    Attributes:
        current: output (or its prediction) net of what is already known, at t: m.
        terms: the inputs whose coefficients are sought, at t: m x K, centred.
        lagged: predicted output net of what is already known, at t-1: m, centred.
        lagged_terms: the same inputs at t-1: m x K, centred.
        weights: m.
        degree: of g.
        survival: probability of being observed at t given t-1 (m), where g depends on it.
    """

    current: np.ndarray
    terms: np.ndarray
    lagged: np.ndarray
    lagged_terms: np.ndarray
    weights: np.ndarray
    degree: int = 3
    survival: np.ndarray | None = None


@dataclass(frozen=True)
class Solution:
    """Coefficients and the value of the objective at them."""

    coefficients: np.ndarray
    objective: float


Criterion = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def innovation(process: MarkovProcess, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The innovation xi (m) at some coefficients of the inputs, and its Jacobian (m x K)."""
    basis, slopes = _series(process, coefficients)
    weighted = basis * process.weights[:, None]
    gram = weighted.T @ basis
    productivity = process.current - process.terms @ coefficients
    series = _solve(gram, weighted.T @ productivity)
    xi = productivity - basis @ series
    direct = (slopes @ series)[:, None] * process.lagged_terms - process.terms
    moved = slopes.T @ ((process.weights * xi)[:, None] * process.lagged_terms)
    return xi, direct - basis @ _solve(gram, weighted.T @ direct - moved)


def squared_innovations(process: MarkovProcess) -> Criterion:
    """The criterion of Olley and Pakes: least squares of xi."""
    root = np.sqrt(process.weights)

    def criterion(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is squared and summed at some coefficients, and its Jacobian."""
        xi, jacobian = innovation(process, coefficients)
        return root * xi, root[:, None] * jacobian

    return criterion


def instrumented_innovations(process: MarkovProcess, instruments: np.ndarray) -> Criterion:
    """The criterion of Levinsohn, Petrin, Ackerberg, Caves and Frazer: Z'xi in the metric (Z'Z)^-1."""
    weighted = instruments * process.weights[:, None]
    root = cholesky_root(weighted.T @ instruments)

    def criterion(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is squared and summed at some coefficients, and its Jacobian."""
        xi, jacobian = innovation(process, coefficients)
        moments = solve_triangular(root, np.column_stack([weighted.T @ xi, weighted.T @ jacobian]), lower=True)
        return moments[:, 0], moments[:, 1:]

    return criterion


def minimise(criterion: Criterion, starts: Sequence[np.ndarray]) -> list[Solution]:
    """Local minima reached from the starts, best first, each once.

    Raises:
        InputError: the search converges from none of them.
    """
    found: list[Solution] = []
    # The matrices are small: BLAS threads cost more in waiting for each other than they save.
    with threadpool_limits(1):
        for start in starts:
            solution = _reach(criterion, start)
            if solution and not any(np.allclose(solution.coefficients, s.coefficients, atol=1e-4) for s in found):
                found.append(solution)
    if not found:
        raise InputError(
            f"the search over {len(starts[0])} coefficients did not converge: the sample does not identify them"
        )
    return sorted(found, key=lambda s: s.objective)


def _reach(criterion: Criterion, start: np.ndarray) -> Solution | None:
    """The local minimum that Levenberg and Marquardt's steps reach from a start, if they converge."""
    residuals, jacobian = _remembered(criterion)
    reached = least_squares(residuals, start, jac=jacobian, method="lm", x_scale="jac", xtol=1e-12, ftol=1e-12)
    return Solution(reached.x, float(2 * reached.cost)) if reached.success else None


def cholesky_root(metric: np.ndarray) -> np.ndarray:
    """Lower triangular root of a metric of moments.

    Raises:
        InputError: the moments are collinear.
    """
    try:
        return np.linalg.cholesky(metric)
    except np.linalg.LinAlgError as error:
        raise InputError(
            f"the {len(metric)} moments are collinear in this sample: an input follows from the others, or there are "
            "too few firms"
        ) from error


def _remembered(criterion: Criterion) -> tuple[Callable, Callable]:
    """Residuals and Jacobian as two functions that evaluate the criterion once per point."""
    last: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def at(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The criterion at a point, kept until another is asked for."""
        if (key := point.tobytes()) not in last:
            last.clear()
            last[key] = criterion(point)
        return last[key]

    return (lambda point: at(point)[0]), (lambda point: at(point)[1])


def _series(process: MarkovProcess, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The basis of g and its derivative with respect to lagged productivity: m x P each."""
    unit = process.lagged.std() or 1.0
    lagged = (process.lagged - process.lagged_terms @ coefficients) / unit
    variables = np.column_stack([lagged] if process.survival is None else [lagged, _standardised(process.survival)])
    exponents = powers(variables.shape[1], process.degree)
    return monomials(variables, exponents), derivatives(variables, exponents, 0) / unit


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() or 1.0)


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(gram, right, rcond=1e-13)[0]
